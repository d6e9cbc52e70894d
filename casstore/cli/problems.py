"""What ``verify`` and ``repair`` found, as people and programs see it.

Knows: words, keys.  Never: how it was found.
"""

from collections.abc import Sequence
from typing import Any

from casstore.cli.options import Options
from casstore.cli.output import (
    count_text,
    one_line,
    path_fields,
    path_text,
    print_json,
    print_line,
)
from casstore.flows.verify import Problem

__all__ = ["print_problems", "problem_record", "show_problems"]


def show_problems(options: Options, problems: list[Problem], content: str, **facts: Any) -> bool:
    """Print what was found in ``content``; returns whether all is well."""
    if options.json:
        listed = [problem_record(problem) for problem in problems]
        print_json(ok=not problems, problems=listed, **facts)
        return not problems
    print_problems(problems)
    if not options.quiet:
        verdict = "ok" if not problems else count_text(len(problems), "problem")
        print_line(f"{content}  {verdict}")
    return not problems


def print_problems(problems: Sequence[Problem]) -> None:
    """Print a line for each."""
    for problem in problems:
        print_line(_line(problem))


def problem_record(problem: Problem) -> dict[str, Any]:
    """Return a problem as ``--json`` shows it."""
    path = {"path": None} if problem.path is None else path_fields(problem.path)
    return {
        "kind": problem.kind,
        "project": problem.project,
        "reference": problem.reference,
        **path,
        "pack": problem.pack,
        "message": problem.message,
    }


def _line(problem: Problem) -> str:
    parts: list[str] = [problem.kind]
    if problem.reference:
        parts.append(f"{problem.project}/{problem.reference}")
    if problem.path is not None:
        parts.append(path_text(problem.path))
    if problem.pack:
        parts.append(f"pack {problem.pack}")
    return one_line("  ".join([*parts, problem.message]))
