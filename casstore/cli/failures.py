"""How a call that failed ends: one line that says what to do, and an exit code.

Knows: every kind of exception.  Never: what the verb was doing.
"""

import json
import traceback
from typing import NamedTuple

import click

from casstore import durable
from casstore.cli.options import Options
from casstore.cli.output import one_line
from casstore.cli.streams import tell
from casstore.errors import Error

__all__ = ["Failure", "failure_of", "report"]

INTERRUPTED_EXIT_CODE = 130

# As CPython's thread module and the loader of glibc say it, in a RuntimeError and an ImportError.
_NO_MEMORY = ("can't start new thread", "failed to map segment", "cannot allocate memory")


class Failure(NamedTuple):
    """What is said of an error."""

    kind: str
    message: str
    hint: str
    exit_code: int


def report(error: BaseException, options: Options) -> int:
    """Print an error as asked for and return the exit code."""
    failure = failure_of(error)
    if options.verbose > 1:
        tell("".join(traceback.format_exception(error)).rstrip())
    if options.json:
        fields = failure._asdict()
        tell(json.dumps({"schema": 1, "error": fields}))
    else:
        hint = f" ({failure.hint})" if failure.hint else ""
        tell(one_line(f"casstore: {failure.message}{hint}"))
    return failure.exit_code


def failure_of(error: BaseException) -> Failure:
    """Return what is said of ``error``."""
    if isinstance(error, Error):
        return Failure(type(error).__name__, error.message, error.hint, error.exit_code)
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "casstore"
        message = " ".join(error.format_message().split())  # lists of choices have lines
        return Failure("UsageError", message, f"see `{command} --help`", 2)
    if isinstance(error, click.ClickException):
        return Failure("UsageError", error.format_message(), "", 2)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        hint = "every version is whole; call again to go on"
        return Failure("Interrupted", "interrupted", hint, INTERRUPTED_EXIT_CODE)
    if isinstance(error, OSError):
        return _of_system(error)
    return _unexpected(error)


def _unexpected(error: BaseException) -> Failure:
    text = str(error)
    if isinstance(error, MemoryError) or any(words in text for words in _NO_MEMORY):
        return Failure("Error", "there is not enough memory", durable.LIMIT_HINT, 1)
    hint = "a defect of casstore; -vv shows where"
    return Failure("InternalError", f"{type(error).__name__}: {error}", hint, 1)


def _of_system(error: OSError) -> Failure:
    what = error.strerror or str(error) or type(error).__name__
    where = f"{error.filename}: " if error.filename else ""
    hint = "-vv shows where"
    if durable.is_out_of_means(error):
        hint = durable.LIMIT_HINT
    elif durable.is_out_of_space(error):
        hint = "make room and call again; every version is whole"
    elif isinstance(error, PermissionError):
        hint = "check its permissions and its owner"
    return Failure("Error", f"{where}{what}", hint, 1)
