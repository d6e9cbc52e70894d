"""Standard streams that are closed, or whose reader has gone.

Knows: descriptors 0 to 2, and that nobody is told where nobody listens.  Never: what is printed.
"""

import contextlib
import io
import os
import sys
from typing import TextIO

import click

__all__ = ["drop_output", "open_missing", "tell"]


def open_missing() -> None:
    """Let a standard stream that is closed be one that holds nothing and takes anything.

    Else the next file that is opened, maybe the index, would be standard output to whoever prints.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream: TextIO | None = getattr(sys, name)
        if stream is None:
            descriptor = os.open(os.devnull, os.O_RDWR)  # the lowest that is free: its own
            opened = open(descriptor, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - it lives as long as the process
            setattr(sys, name, opened)
        elif isinstance(stream, io.TextIOWrapper) and mode == "w":
            stream.reconfigure(errors="backslashreplace")  # what a terminal cannot show


def tell(text: str) -> None:
    """Print a line on standard error; where it cannot be heard, nothing fails for that."""
    try:
        click.echo(text, err=True)
        sys.stderr.flush()
    except OSError:
        drop_output(sys.stderr)


def drop_output(stream: TextIO) -> None:
    """Let what a stream still holds go nowhere: the interpreter's last flush would fail on it."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
