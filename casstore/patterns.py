"""Patterns as in a ``.gitignore``: what to leave out, what to choose.

Knows: pathspec, which is loaded when the first pattern is read: it takes a tenth of a short
command's time.  Never: files, folders, which patterns people gave.
The only importer of ``pathspec``, the reference for gitignore rules in Python.
"""

import importlib
import os
from collections.abc import Callable, Iterable

from casstore.errors import Invalid

__all__ = ["Matcher", "chooser", "matcher_of"]

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


def chooser(include: str | Iterable[str], exclude: str | Iterable[str]) -> Matcher | None:
    """Return what tells whether a path is wanted; None if all are.

    Either is a pattern or several.  Raises ``Invalid`` as ``matcher_of`` does.
    """
    included = [include] if isinstance(include, str) else list(include)
    excluded = [exclude] if isinstance(exclude, str) else list(exclude)
    if not included and not excluded:
        return None
    wanted, unwanted = matcher_of(included), matcher_of(excluded)
    return lambda path: (not included or wanted(path)) and not unwanted(path)
