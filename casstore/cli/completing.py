"""What shells complete: each kind of value that a verb takes.

Knows: the kinds.  Never: what there is of each; that is looked up when a shell asks.
"""

from typing import Any

import click
from click.types import StringParamType

from casstore.cli.table import load

__all__ = ["BUNDLE", "FILE", "FOLDER", "IN_VERSION", "NAME", "OTHER", "PLACE", "REF", "REMOTE"]


class Kind(StringParamType):
    """Text, completed as what it stands for: ``found`` in the store, else ``files``.

    ``files`` is ``file`` or ``dir``: the shell knows what there is.
    """

    def __init__(self, *found: str, files: str = "") -> None:
        self.found = found
        self.files = files

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[Any]:
        """Return what the value may be, as click's completion items."""
        items: list[Any] = load("candidates").items(ctx, self.found, self.files, incomplete)
        return items


FILE = Kind(files="file")
FOLDER = Kind(files="dir")
REF = Kind("names", "labels")
NAME = Kind("names")
OTHER = Kind("names", "labels", files="dir")
"""A version, or a folder, which has a slash."""
IN_VERSION = Kind("paths")
REMOTE = Kind("remotes")
PLACE = Kind("remotes", files="dir")
BUNDLE = Kind("remotes", files="file")
