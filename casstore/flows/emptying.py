"""emptying: what lies in a folder beside a version goes.

Knows: which folders nobody means to empty.  Never: writing a version's files.
"""

import os
from itertools import chain
from pathlib import Path

from casstore import durable
from casstore.errors import Invalid
from casstore.journal.views import VersionView
from casstore.store import Store

__all__ = ["remove_extras"]

PRECIOUS = (b".git", b".casstore")


def remove_extras(store: Store, view: VersionView, root: Path) -> int:
    """Delete what lies under ``root`` and is not in the version; returns how many files went.

    A link goes, what it leads to stays: no link below ``root`` is followed, also not one that is
    put there meanwhile.  Refuses, as ``Invalid``, a root that is or holds the home, the working
    directory, the store, a ``.git`` or a ``.casstore``.
    """
    base = os.path.abspath(root)
    _check_store(base, store)
    _check_root(base)
    manifest = store.manifest(view.manifest)
    removed = 0
    with durable.Inside(os.fsencode(base)) as inside:
        for path, is_folder in inside.walk():
            if is_folder:
                inside.remove_folder(path)
            elif manifest.get(path) is None:
                inside.remove(path)
                removed += 1
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
    with durable.Inside(os.fsencode(base)) as inside:
        names = (os.path.basename(path) for path, _ in inside.walk())
        for name in chain([os.fsencode(os.path.basename(base))], names):
            if name in PRECIOUS:
                raise Invalid(
                    f"{base} holds a {os.fsdecode(name)}: it is not emptied",
                    hint="name a subfolder",
                )
