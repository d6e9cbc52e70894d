"""``casstore doctor``: trouble in the surroundings.

Knows: how findings are shown.  Never: how they are found.
"""

import dataclasses
import os

import click

from casstore.cli.options import Options, Verb
from casstore.cli.output import one_line, print_json, print_line
from casstore.cli.table import load
from casstore.cli.workspace import Workspace
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
        found = examine(root)
    wrong = any(finding.level == "error" for finding in found)
    release = load("release").installed_release()
    if options.json:
        listed = [dataclasses.asdict(finding) for finding in found]
        print_json(ok=not wrong, casstore=release, store=os.fspath(root), findings=listed)
    else:
        if not options.quiet:
            print_line(f"casstore {release}, store {one_line(str(root))} ({place.choice.source})")
        for finding in found:
            if finding.level != "ok" or not options.quiet:
                print_line(_line(finding))
    if wrong:
        context.exit(FAILED_EXIT_CODE)


def _line(finding: Finding) -> str:
    hint = f" ({finding.hint})" if finding.hint else ""
    return one_line(f"{MARKS[finding.level]}  {finding.what}{hint}")
