"""Lines for the person at the terminal, on stderr, as W&B's ``termlog``.

Knows: the prefix, which lines were already said, whether to be silent.  Never: progress, colour.
"""

import sys

from casstore.settings import silent

__all__ = ["termerror", "termlog", "termwarn"]

MAX_REMEMBERED_LINES = 1000

_said: set[str] = set()


def termlog(
    string: str = "",
    newline: bool = True,  # noqa: FBT001, FBT002 - W&B's order
    repeat: bool = True,  # noqa: FBT001, FBT002 - W&B's order
    prefix: bool = True,  # noqa: FBT001, FBT002 - W&B's order
) -> None:
    """Write ``string`` to stderr; with ``repeat=False`` only the first time in this process.

    Does nothing where ``CASSTORE_SILENT`` or ``WANDB_SILENT`` says so.
    """
    _say(string, "", newline, repeat, prefix)


def termwarn(
    string: str,
    newline: bool = True,  # noqa: FBT001, FBT002 - W&B's order
    repeat: bool = True,  # noqa: FBT001, FBT002 - W&B's order
    prefix: bool = True,  # noqa: FBT001, FBT002 - W&B's order
) -> None:
    """Write a warning, as ``termlog`` does."""
    _say(string, "WARNING ", newline, repeat, prefix)


def termerror(
    string: str,
    newline: bool = True,  # noqa: FBT001, FBT002 - W&B's order
    repeat: bool = True,  # noqa: FBT001, FBT002 - W&B's order
    prefix: bool = True,  # noqa: FBT001, FBT002 - W&B's order
) -> None:
    """Write an error, as ``termlog`` does."""
    _say(string, "ERROR ", newline, repeat, prefix)


def _say(string: str, level: str, newline: bool, repeat: bool, prefix: bool) -> None:  # noqa: FBT001 - private
    start = f"casstore: {level}" if prefix else level
    text = "\n".join(start + line for line in string.split("\n")) if string else ""
    if not repeat and text in _said:
        return
    if len(_said) < MAX_REMEMBERED_LINES:
        _said.add(text)
    if sys.stderr is not None and not silent():  # None: a process without a console
        sys.stderr.write(text + "\n" if newline else text)
        sys.stderr.flush()
