"""checkout: a version's files into a folder.

manifest -> what is there already -> frames (verified, workers) -> staged file -> rename

Knows: how files are laid out whole or not at all.  Never: numbers, events, how frames are found.

A new folder gets its name by one rename, after every byte in it was checked; in a folder that is
there, each file gets its own.  What is interrupted leaves whole files or none, never a wrong one.
Nothing is changed outside the paths of the version.  Measured on ext4: a rename for each of 50,000
new files costs as much as a third of creating and writing them.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from casstore import durable
from casstore.errors import Conflict, Corrupt, Error, Unsupported
from casstore.flows.checkout.present import is_occupied, refuse_differing, state_of
from casstore.flows.checkout.writing import File, Progress, Writer
from casstore.journal.views import VersionView
from casstore.manifests import Entry
from casstore.names import display_path
from casstore.parallel import default_workers
from casstore.store import Store, reference_to

__all__ = ["CheckoutResult", "checkout"]


@dataclass(slots=True)
class CheckoutResult:
    """What a checkout did: files and bytes of the version, how many were written, how many fit."""

    files: int = 0
    size_bytes: int = 0
    written: int = 0
    unchanged: int = 0


def checkout(
    store: Store,
    view: VersionView,
    root: Path,
    *,
    keep: Callable[[bytes], bool] | None = None,
    replace: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> CheckoutResult:
    """Lay the files of a version out under ``root``, which is made if it is not there.

    ``keep`` chooses paths.  Files that are there with the version's content are left alone; with
    other content they are replaced if ``replace``, else ``Conflict`` names them before anything is
    written.  Raises ``Corrupt``, naming version, path and pack, for a frame that is not what it
    should be: the file that needs it is then not written.
    """
    base = os.fsencode(os.path.abspath(root))
    chosen = _Chosen(store, view, keep)
    occupied = is_occupied(base)
    if occupied and not replace:
        refuse_differing(chosen, base)
    result = CheckoutResult()
    note = progress or _unheard
    writer = Writer(store, workers or default_workers(), note)
    try:
        if os.path.lexists(base):
            os.makedirs(base, exist_ok=True)
            files = _files(chosen, base, result, note, occupied=occupied)
            result.written = writer.write(files)
        else:
            _fill_new(writer, chosen, base, result)
    except Corrupt as error:
        named = reference_to(store, view)
        raise Corrupt(f"{named}: {error.message}", hint=error.hint) from error
    except OSError as error:
        if isinstance(error, Error):
            raise
        raise Error(
            f"{display_path(base)} could not be written: {error.strerror or error}",
            hint="no file is incomplete; call again to go on",
        ) from error
    return result


class _Chosen:
    """The entries of a version that are to be laid out, as often as they are asked for."""

    def __init__(
        self, store: Store, view: VersionView, keep: Callable[[bytes], bool] | None
    ) -> None:
        self._manifest = store.manifest(view.manifest)
        self._keep = keep

    def __iter__(self) -> Iterator[Entry]:
        for entry in self._manifest:
            if self._keep is not None and not self._keep(entry.path):
                continue
            if entry.is_reference:
                raise Unsupported(
                    f"{display_path(entry.path)} is a reference",
                    hint="upgrade casstore to fetch it",
                )
            yield entry


def _fill_new(writer: Writer, chosen: _Chosen, base: bytes, result: CheckoutResult) -> None:
    """Build a folder beside its place and give it its name when it is whole."""
    parent, name = os.path.split(base)
    os.makedirs(parent, exist_ok=True)
    staged = os.path.join(parent, b".%s.casstore-%s" % (name[:200], _token()))
    os.mkdir(staged)
    try:
        result.written = writer.write(_new_files(chosen, staged, result))
        durable.rename(Path(os.fsdecode(staged)), Path(os.fsdecode(base)))
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise


def _new_files(chosen: Iterable[Entry], staged: bytes, result: CheckoutResult) -> Iterator[File]:
    """Yield what goes into a folder that nobody sees yet, under its own name at once."""
    last_folder = staged
    for entry in chosen:
        target = staged + b"/" + entry.path
        folder = os.path.dirname(target)
        if folder != last_folder:
            os.makedirs(folder, exist_ok=True)
            last_folder = folder
        result.files += 1
        result.size_bytes += entry.size_bytes
        yield File(target, target, entry)


def _files(
    chosen: Iterable[Entry], base: bytes, result: CheckoutResult, note: Progress, *, occupied: bool
) -> Iterator[File]:
    """Yield what a folder that is there does not hold yet."""
    token = _token()
    for position, entry in enumerate(chosen):
        result.files += 1
        result.size_bytes += entry.size_bytes
        target = base + b"/" + entry.path
        if occupied and state_of(entry, target) == "same":
            result.unchanged += 1
            note(1, entry.size_bytes)
            continue
        folder = os.path.dirname(target)
        os.makedirs(folder, exist_ok=True)
        if os.path.isdir(target) and not os.path.islink(target):
            raise Conflict(
                f"{display_path(entry.path)} is a folder in {display_path(base)}",
                hint="move it away; files written so far are whole",
            )
        yield File(target, b"%s/.casstore-%s-%d" % (folder, token, position), entry)


def _token() -> bytes:
    return os.urandom(4).hex().encode()


def _unheard(files: int, size: int) -> None:
    """Take progress that nobody asked for."""
