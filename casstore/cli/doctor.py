"""``casstore doctor``: trouble in the surroundings.

Knows: how findings are shown.  Never: how they are found.
"""

import contextlib
import dataclasses
import os

import click

from casstore.cli.options import Options, Verb
from casstore.cli.output import one_line, print_json, print_line
from casstore.cli.workspace import Workspace
from casstore.errors import Error
from casstore.flows.health import Finding, examine

__all__ = ["doctor"]

FAILED_EXIT_CODE = 1
MARKS = {"ok": "ok     ", "warning": "warning", "error": "ERROR  "}


@click.command(cls=Verb)
@click.pass_context
def doctor(context: click.Context) -> None:
    """Look for trouble: versions, file system, permissions, space, clock, the store itself.

    Changes nothing.  Exits with 1 if something is wrong; warnings are none.
    """
    options: Options = context.obj
    with Workspace(options) as place:
        root = place.choice.path
        with contextlib.suppress(Error, OSError):  # what is wrong is told by what is found
            place.existing_or_empty()
        found = examine(root)
        if place.choice.is_default and not (root / "FORMAT").exists():
            found[-1] = Finding("ok", "nothing was ever logged; the first put makes the store")
    wrong = any(finding.level == "error" for finding in found)
    if options.json:
        listed = [dataclasses.asdict(finding) for finding in found]
        print_json(ok=not wrong, store=os.fspath(root), findings=listed)
    else:
        if not options.quiet:
            print_line(f"store {one_line(str(root))} ({place.choice.source})")
        for finding in found:
            if finding.level != "ok" or not options.quiet:
                print_line(_line(finding))
    if wrong:
        context.exit(FAILED_EXIT_CODE)


def _line(finding: Finding) -> str:
    hint = f" ({finding.hint})" if finding.hint else ""
    return one_line(f"{MARKS[finding.level]}  {finding.what}{hint}")
