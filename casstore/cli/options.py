"""The options that every verb takes, before and after its name.

Knows: what was asked of every verb alike.  Never: stores, what a verb does.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from casstore.cli.completing import FOLDER
from casstore.errors import FileMissing

__all__ = ["GLOBAL_OPTIONS", "Options", "Verb", "Verbs"]

WHOLE = 1000
"""Characters of a sentence that is not cut."""


@dataclass(slots=True)
class Options:
    """What the global options said, wherever they stood; ``verbose`` counts ``-v``."""

    store: str | None = None
    project: str | None = None
    json: bool = False
    quiet: bool = False
    verbose: int = 0
    progress: bool = True
    fresh: bool = False


def _set(field: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def keep(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        if value is not None and value is not False:
            setattr(context.ensure_object(Options), field, value)

    return keep


def _louder(context: click.Context, _parameter: click.Parameter, value: int) -> None:
    context.ensure_object(Options).verbose += value


def _no_progress(context: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's order
    if value:
        context.ensure_object(Options).progress = False


def _change_folder(
    _context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]
) -> None:
    for folder in value:
        try:
            os.chdir(folder)
        except OSError as error:
            raise FileMissing(f"-C {folder}: {error.strerror}") from error


GLOBAL_OPTIONS: tuple[click.Option, ...] = (
    click.Option(
        ["--store"],
        metavar="DIR",
        type=FOLDER,
        expose_value=False,
        callback=_set("store"),
        help="The store's folder.  [default: CASSTORE_HOME, the nearest .casstore, your own]",
    ),
    click.Option(
        ["--project"],
        metavar="NAME",
        expose_value=False,
        callback=_set("project"),
        help="The project.  [default: CASSTORE_PROJECT, WANDB_PROJECT, configured, 'default']",
    ),
    click.Option(
        ["--json"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_set("json"),
        help='Print JSON ("schema": 1), errors too.',
    ),
    click.Option(
        ["-q", "--quiet"],
        is_flag=True,
        expose_value=False,
        callback=_set("quiet"),
        help="Print only what was asked for.",
    ),
    click.Option(
        ["-v", "--verbose"],
        count=True,
        expose_value=False,
        is_eager=True,
        callback=_louder,
        help="Say more; twice: show where an error arose.",
    ),
    click.Option(
        ["-C", "start_folder"],
        metavar="DIR",
        type=FOLDER,
        multiple=True,
        expose_value=False,
        is_eager=True,
        callback=_change_folder,
        help="Work as if begun in DIR.",
    ),
    click.Option(
        ["--fresh"],
        is_flag=True,
        expose_value=False,
        callback=_set("fresh"),
        help="On a network folder, show what other hosts wrote until now, not a minute ago.",
    ),
    click.Option(
        ["--no-progress"],
        is_flag=True,
        expose_value=False,
        callback=_no_progress,
        help="Show no progress bar, on a terminal either.",
    ),
)


class Verb(click.Command):
    """A command that takes the global options too."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the verb's own parameters, then the global ones."""
        return [*super().get_params(ctx), *GLOBAL_OPTIONS]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verb's own options, then the global ones in their own section."""
        _write_options(self, ctx, formatter)


class Verbs(click.Group):
    """A family of verbs, such as ``alias set`` and ``alias rm``."""

    command_class = Verb

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the family's own parameters, then the global ones."""
        return [*super().get_params(ctx), *GLOBAL_OPTIONS]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the family's options and commands."""
        _write_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what each command does: its first sentence, whole."""
        found = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, each.get_short_help_str(WHOLE)) for name, each in found.items() if each]
            )


def _write_options(
    command: click.Command, context: click.Context, formatter: click.HelpFormatter
) -> None:
    options = [p for p in command.get_params(context) if isinstance(p, click.Option)]
    own = [option for option in options if option not in GLOBAL_OPTIONS]
    for title, parameters in (("Options", own), ("Global options", GLOBAL_OPTIONS)):
        rows = [row for p in parameters if (row := p.get_help_record(context)) is not None]
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)
