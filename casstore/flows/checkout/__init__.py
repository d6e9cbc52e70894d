"""checkout: a version's files into a folder.

manifest -> what is there already -> frames (verified, workers) -> staged file -> rename
references -> objects elsewhere (checked, workers) -----------------^

Knows: how files are laid out whole or not at all.  Never: numbers, events, how frames are found.

A new folder gets its name by one rename, after every byte in it was checked; in a folder that is
there, each file gets its own.  What is interrupted leaves whole files or none, never a wrong one;
what a killed process had staged is removed by whoever comes next (``staging``).
Nothing is changed outside the paths of the version, and no link is followed below the folder: one
that stands where a folder should is a path that differs.  Measured on ext4: a rename for each of
50,000 new files costs as much as a third of creating and writing them.
"""

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from casstore import durable
from casstore.errors import Absent, Conflict, Corrupt, Error, FileMissing, RemoteError, Unsupported
from casstore.flows.checkout.present import Present, is_occupied, refuse_differing
from casstore.flows.checkout.referenced import Lost, Resolved
from casstore.flows.checkout.staging import remove_tree, staging
from casstore.flows.checkout.writing import File, Progress, Writer
from casstore.folders import make_folders
from casstore.journal.views import VersionView
from casstore.manifests import Entry
from casstore.names import display_path
from casstore.parallel import default_workers
from casstore.store import Readable, reference_to

__all__ = ["CheckoutResult", "Lost", "checkout"]

_IS_TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)
MAX_CALL_PATH_BYTES = 4096  # Linux takes no longer path in one call, its end included


@dataclass(slots=True)
class CheckoutResult:
    """What a checkout did: files and bytes of the version, how many were written, how many fit.

    ``lost``: references that were left out because their object is gone or another one now; the
    first 10,000.
    ``unchecked``: those that were fetched and of which nothing was known to compare.
    """

    files: int = 0
    size_bytes: int = 0
    written: int = 0
    unchanged: int = 0
    unchecked: int = 0
    lost: list[Lost] = field(default_factory=list)


def checkout(
    store: Readable,
    view: VersionView,
    root: Path,
    *,
    keep: Callable[[bytes], bool] | None = None,
    replace: bool = False,
    allow_missing: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> CheckoutResult:
    """Lay the files of a version out under ``root``, which is made if it is not there.

    ``keep`` chooses paths.  Files that are there with the version's content are left alone; with
    other content they are replaced if ``replace``, else ``Conflict`` names them before anything is
    written.  References are fetched and compared with what was recorded: ``FileMissing`` and
    ``ReferenceChanged`` name the first that is gone or another one, unless ``allow_missing``;
    ``RemoteAuth`` and ``RemoteError`` say that nobody answered well.  What is not here of a version
    that was pulled without it is fetched, or ``Absent``.  Raises ``Corrupt``, naming
    version, path and pack, for a frame that is not what it should be: the file that needs it is
    then not written.
    """
    base = os.fsencode(os.path.abspath(root))
    resolved = Resolved(store, allow_missing=allow_missing)
    chosen = _Chosen(store, view, keep, resolved)
    result = CheckoutResult()
    work = _Work(store, workers or default_workers(), progress or _unheard, result, resolved)
    try:
        if os.path.lexists(base) or not _fill_new(work, chosen, base):
            _fill_present(work, chosen, base, replace=replace)
    except (Absent, Corrupt, FileMissing, RemoteError, Unsupported) as error:
        named = reference_to(store, view)
        raise type(error)(f"{named}: {error.message}", hint=error.hint) from error
    except OSError as error:
        if isinstance(error, Error):
            raise
        raise Error(
            f"{display_path(base)} could not be written: {error.strerror or error}",
            hint="no file is incomplete; call again to go on",
        ) from error
    result.unchecked, result.lost = resolved.unchecked, list(resolved.lost.values())
    return result


class _Chosen:
    """The entries of a version that are to be laid out, as often as they are asked for."""

    def __init__(
        self,
        store: Readable,
        view: VersionView,
        keep: Callable[[bytes], bool] | None,
        resolved: Resolved,
    ) -> None:
        self._manifest = store.manifest(view.manifest)
        self._keep = keep
        self._resolved = resolved

    def __iter__(self) -> Iterator[Entry]:
        for entry in self._manifest:
            if self._keep is not None and not self._keep(entry.path):
                continue
            content = self._resolved.content(entry) if entry.is_reference else entry
            if content is not None:
                yield content


@dataclass(frozen=True, slots=True)
class _Work:
    """What laying out needs, whatever is there already."""

    store: Readable
    workers: int
    note: Progress
    result: CheckoutResult
    resolved: Resolved

    def write(self, files: Iterable[File], inside: durable.Inside) -> None:
        """Write files; those that were staged get their places through ``inside``."""
        writer = Writer(
            self.store,
            self.workers,
            self.note,
            self.resolved,
            lambda file: inside.place(os.path.basename(file.staged), file.entry.path),
        )
        self.result.written = writer.write(files)

    def count(self, entry: Entry) -> None:
        """Count a file of the version."""
        self.result.files += 1
        self.result.size_bytes += entry.size_bytes

    def begin_again(self) -> None:
        """Count from nothing."""
        self.result.files = self.result.size_bytes = self.result.written = 0
        self.resolved.unchecked = 0


def _fill_new(work: _Work, chosen: _Chosen, base: bytes) -> bool:
    """Build a folder beside its place and give it its name when it is whole.

    Returns False, having changed nothing, if something else has come to stand there meanwhile:
    another process that lays out the same version, as all those of one job may do at once.
    """
    parent, name = os.path.split(base)
    make_folders(parent)
    with staging(parent, b".%s.casstore-" % name[:200]) as staged:
        return _fill_staged(work, chosen, base, staged)


def _fill_staged(work: _Work, chosen: _Chosen, base: bytes, staged: bytes) -> bool:
    os.mkdir(staged)
    try:
        with durable.Inside(staged) as inside:
            work.write(_new_files(chosen, staged, work), inside)
        try:
            durable.rename(Path(os.fsdecode(staged)), Path(os.fsdecode(base)))
        except OSError as error:
            if error.errno not in _IS_TAKEN:
                raise
            remove_tree(staged)
            work.begin_again()
            return False
    except BaseException:
        remove_tree(staged)
        raise
    return True


def _new_files(chosen: Iterable[Entry], staged: bytes, work: _Work) -> Iterator[File]:
    """Yield what goes into a folder that nobody sees yet, under its own name at once.

    A name that is too long for one call is reached from folder to folder, once the file is whole.
    """
    last_folder = staged
    for entry in chosen:
        work.count(entry)
        target = staged + b"/" + entry.path
        if len(target) >= MAX_CALL_PATH_BYTES:
            yield File(target, b"%s/.casstore-%d" % (staged, work.result.files), entry)
            continue
        folder = os.path.dirname(target)
        if folder != last_folder:
            make_folders(folder)
            last_folder = folder
        yield File(target, target, entry)


def _fill_present(work: _Work, chosen: _Chosen, base: bytes, *, replace: bool) -> None:
    """Give each file that is missing or differs its place in a folder that is there."""
    occupied = is_occupied(base)
    if occupied and not replace:
        refuse_differing(chosen, base)
    os.makedirs(base, exist_ok=True)
    present = Present(base) if occupied else None
    with (
        staging(base, b".casstore-") as staged,
        durable.Inside(base, replace=replace) as inside,
    ):
        work.write(_missing_files(chosen, base, work, present, staged), inside)


def _missing_files(
    chosen: Iterable[Entry], base: bytes, work: _Work, present: Present | None, staged: bytes
) -> Iterator[File]:
    """Yield what a folder that is there does not hold yet, under names that begin ``staged``."""
    for entry in chosen:
        work.count(entry)
        target = base + b"/" + entry.path
        if present is not None:
            if present.state(entry) == "same":
                work.result.unchanged += 1
                work.note(1, entry.size_bytes)
                continue
            _check_no_folder(present, entry, base)
        yield File(target, b"%s-%d" % (staged, work.result.files), entry)


def _check_no_folder(present: Present, entry: Entry, base: bytes) -> None:
    target = base + b"/" + entry.path
    folder = os.path.isdir(target) and not os.path.islink(target)
    if folder and present.obstacle(entry.path) is None:
        raise Conflict(
            f"{display_path(entry.path)} is a folder in {display_path(base)}",
            hint="move it away; files written so far are whole",
        )


def _unheard(files: int, size: int) -> None:
    """Take progress that nobody asked for."""
