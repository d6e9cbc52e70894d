"""emptying: what lies in a folder beside a version goes.

Knows: which folders nobody means to empty.  Never: writing a version's files.
"""

import os
from itertools import chain
from pathlib import Path

from casstore.errors import Invalid
from casstore.journal.views import VersionView
from casstore.store import Store

__all__ = ["remove_extras"]


def remove_extras(store: Store, view: VersionView, root: Path) -> int:
    """Delete what lies under ``root`` and is not in the version; returns how many files went.

    Refuses, as ``Invalid``, a root that is or holds the home, the working directory, the store, a
    ``.git`` or a ``.casstore``.
    """
    base = os.path.abspath(root)
    _check_store(base, store)
    _check_root(base)
    manifest = store.manifest(view.manifest)
    raw = os.fsencode(base)
    removed = 0
    for folder, folders, names in os.walk(raw, topdown=False):
        linked = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in chain(names, linked):
            path = os.path.join(folder, name)
            if manifest.get(os.path.relpath(path, raw)) is None:
                os.unlink(path)
                removed += 1
        if folder != raw and not os.listdir(folder):
            os.rmdir(folder)
    return removed


def _check_store(base: str, store: Store) -> None:
    here, kept = Path(os.path.realpath(base)), Path(os.path.realpath(store.root))
    if here == kept or here in kept.parents or kept in here.parents:
        raise Invalid(f"{base} holds the store at {kept}: it is not emptied", hint="name another")


def _check_root(base: str) -> None:
    real = os.path.realpath(base)
    for precious in (os.path.expanduser("~"), os.getcwd()):
        place = os.path.realpath(precious)
        if place == real or place.startswith(real.rstrip(os.sep) + os.sep):
            raise Invalid(f"{base} holds {precious}: it is not emptied", hint="name a subfolder")
    for folder, folders, names in os.walk(base):
        for name in (".git", ".casstore"):
            if name in folders or name in names or os.path.basename(folder) == name:
                raise Invalid(f"{base} holds a {name}: it is not emptied", hint="name a subfolder")
