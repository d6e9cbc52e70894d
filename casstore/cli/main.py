"""The entry point: ``casstore VERB``, also ``python -m casstore``.

Knows: how a verb is found and how a call ends.  Never: what verbs do; they are loaded by name.

Exit codes: 0 ok, 1 failed or different, 2 usage, 3 partly done, 4 corrupt, 5 conflict,
10 not found, 11 busy, 12 credentials, 130 interrupted.
"""

import contextlib
import signal
import sys
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any

import click

from casstore.cli.ending import no_more_interruptions, signals_restored
from casstore.cli.options import Options, Verbs
from casstore.cli.streams import drop_output, open_missing, tell
from casstore.cli.table import VERBS, load, load_verb
from casstore.errors import UsageError

__all__ = ["main", "root", "run_alone"]

BROKEN_PIPE_EXIT_CODE = 1


class _Root(Verbs):
    """All verbs; a verb's module is imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        command: click.Command | None = load_verb(cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the verb that is called; ``UsageError`` that helps on where there is none."""
        name = args[0]
        if name in VERBS or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        meant = load("likely").likely_verb(name)
        hint = f"did you mean `casstore {meant}`? " if meant else ""
        raise UsageError(f"there is no verb {name!r}", hint=f"{hint}see `casstore --help`")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Verbs"):
            formatter.write_dl([(name, place.summary) for name, place in VERBS.items()])


def _show_release(context: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's order
    if value:
        click.echo(f"casstore {sys.modules['casstore'].__version__}")
        context.exit()


@click.group(
    cls=_Root,
    invoke_without_command=True,
    subcommand_metavar="VERB ...",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_release,
    help="Print casstore's version and exit.",
)
@click.pass_context
def root(context: click.Context) -> None:
    """Keep folders and files as immutable, deduplicated, verified versions.

    A REF is [project/]name[:version], where version is 'latest', an alias or vN, or name@ID.
    """
    if context.invoked_subcommand is None:
        tell(context.get_help())
        context.exit(2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one call and return its exit code; errors are one line on standard error."""
    with signals_restored():
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = Options()
    open_missing()
    with _terminated_as_interrupted():
        try:
            code: Any = root.main(given, "casstore", standalone_mode=False, obj=options)
            sys.stdout.flush()
        except BrokenPipeError:
            drop_output(sys.stdout)
            return BROKEN_PIPE_EXIT_CODE
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last place to catch
            options.json = options.json or "--json" in given
            reported = _reported(error, options)
            if isinstance(error, OSError):  # it may have been the output itself, on a full disk
                _flush_or_drop()
            return reported
        return code if isinstance(code, int) else 0


def _reported(error: BaseException, options: Options) -> int:
    """Say how the call failed and return the exit code, also where nothing more can be loaded."""
    try:
        code: int = load("failures").report(error, options)
    except (OSError, MemoryError):
        what = getattr(error, "strerror", None) or str(error) or type(error).__name__
        tell(f"casstore: {what} (every version is whole; raise the limit and call again)")
        return 1
    return code


def run_alone() -> int:
    """Run the call of this process, which ends then; returns its exit code.

    What is left is the interpreter's own end, which no signal makes worse or better.
    """
    code = _run(None)
    no_more_interruptions()
    return code


def _flush_or_drop() -> None:
    try:
        sys.stdout.flush()
    except OSError:
        drop_output(sys.stdout)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM unwind as Ctrl-C does, so that what was begun is dropped in order."""
    try:
        before = signal.signal(signal.SIGTERM, _interrupt)
    except ValueError:  # not the main thread: the process's owner decides
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
