"""Patterns as in a ``.gitignore``: what to leave out, what to choose.

Knows: pathspec, which is loaded when the first pattern is read: it takes a tenth of a short
command's time.  Never: files, folders, which patterns people gave.
The only importer of ``pathspec``, the reference for gitignore rules in Python.
"""

import importlib
import os
from collections.abc import Callable, Iterable
from typing import Any

from casstore.errors import Invalid

__all__ = ["Matcher", "chooser", "ignorer_of", "matcher_of"]

FOLDER_END = "ps_d"  # pathspec's group for the slash after a folder's name

Matcher = Callable[[bytes], bool]


def matcher_of(patterns: Iterable[str]) -> Matcher:
    """Return what tells whether a path fits patterns in gitignore syntax; a folder's ends in ``/``.

    Raises ``Invalid`` for a pattern that cannot be read.
    """
    spec = _spec_of(patterns)
    return lambda path: bool(spec.match_file(os.fsdecode(path)))


def ignorer_of(patterns: Iterable[str]) -> Matcher:
    """Return what tells a walk whether a path is left out, as git does; a folder's ends in ``/``.

    The last pattern that fits the path itself decides; what is above it was asked before.  pathspec
    alone lets ``*`` outweigh a later ``!*/``, so that every folder would be left out.
    Raises ``Invalid`` as ``matcher_of`` does.
    """
    rules = [each for each in _spec_of(patterns).patterns if each.include is not None]

    def ignores(path: bytes) -> bool:
        text = os.fsdecode(path)
        name = text[text.rfind("/", 0, -1) + 1 :]
        fitting = (
            each.include
            for each in reversed(rules)
            if _fits_itself(each, text if "/" in each.pattern.strip("!")[:-1] else name)
        )
        return next(fitting, False)

    return ignores


def _spec_of(patterns: Iterable[str]) -> Any:
    rules = importlib.import_module("pathspec").GitIgnoreSpec
    try:
        return rules.from_lines(patterns)
    except ValueError as error:
        raise Invalid(f"{error}", hint="a GLOB is gitignore syntax") from error


def _fits_itself(pattern: Any, path: str) -> bool:
    """Tell whether a pattern fits a path, not only a folder above it, whose end it marks."""
    is_folder = path.endswith("/")
    if is_folder and _fits_itself(pattern, path[:-1]):
        return True
    found = pattern.match_file(path)
    if found is None:
        return False
    marks = FOLDER_END in found.match.re.groupindex
    end = found.match.start(FOLDER_END) if marks else -1
    for_folders = pattern.pattern.rstrip().endswith("/")
    if is_folder:
        return bool(end == len(path) - 1 or (for_folders and not marks))
    return bool(end == -1 and not for_folders)


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
