"""Patterns as in a ``.gitignore``: what to leave out, what to choose.

Knows: pathspec, which is loaded when the first pattern is read: it takes a tenth of a short
command's time.  Never: files, folders, which patterns people gave.
The only importer of ``pathspec``, the reference for gitignore rules in Python.
"""

import importlib
import os
from collections.abc import Callable, Iterable

from casstore.errors import Invalid

__all__ = ["Matcher", "matcher_of"]

Matcher = Callable[[bytes], bool]


def matcher_of(patterns: Iterable[str]) -> Matcher:
    """Return what tells whether a path fits patterns in gitignore syntax; a folder's ends in ``/``.

    Raises ``Invalid`` for a pattern that cannot be read.
    """
    rules = importlib.import_module("pathspec").GitIgnoreSpec
    try:
        spec = rules.from_lines(patterns)
    except ValueError as error:
        raise Invalid(f"{error}", hint="a GLOB is gitignore syntax") from error
    return lambda path: bool(spec.match_file(os.fsdecode(path)))
