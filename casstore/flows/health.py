"""health: what a store is, and whether this machine is a good place for it.

Knows: counts for ``status``, probes for ``doctor``.  Never: frames, what versions hold.
"""

import os
import platform
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal, TypeAlias

from casstore import durable
from casstore.depot import read_identity
from casstore.errors import Error
from casstore.journal import lineage, queries
from casstore.settings import user_cache_dir
from casstore.store import Store, conflicts_of, open_store

__all__ = ["Finding", "Level", "Status", "examine", "status"]

MIN_FREE_BYTES = 1024**3
MAX_CLOCK_SKEW_SECONDS = 2.0
EARLIEST_SANE_SECONDS = 1_735_689_600  # 2025-01-01: no release of casstore is older
LIBRARIES = ("blake3", "fsspec", "lmdb", "msgpack", "pyfastcdc")

Level: TypeAlias = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Status:
    """A store in numbers.

    ``projects`` are names; ``versions`` are those not removed, ``partly_here`` those of them that
    were pulled without some bytes; ``packs`` and ``stored_bytes`` are as the index has them;
    ``shared``: several hosts may use it at once; ``sessions`` are the ids of those at work now,
    this process's among them if it has one; ``conflicts`` say one by one what somebody has to
    decide, and how.
    """

    root: Path
    store_id: str
    index_folder: Path
    read_only: bool
    shared: bool
    projects: tuple[str, ...]
    collections: int
    versions: int
    partly_here: int
    runs: int
    packs: int
    stored_bytes: int
    sessions: tuple[str, ...]
    conflicts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what was found, and what to do about it."""

    level: Level
    what: str
    hint: str = ""


def status(store: Store) -> Status:
    """Return a store in numbers; no version's files are looked at."""
    store.index.catch_up(at_once=True)
    with store.index.read() as reader:
        packs = [pack.size_bytes for _, pack in reader.packs()]
        return Status(
            root=store.root,
            store_id=store.identity.store_id,
            index_folder=store.index_folder,
            read_only=store.read_only,
            shared=store.sharing.now(),
            projects=tuple(queries.projects(reader)),
            collections=_count(queries.collections(reader)),
            versions=_count(
                item for item in queries.commits(reader) if queries.is_alive(reader, item)
            ),
            partly_here=_count(
                item for item in store.absences.read().urls if queries.is_alive(reader, item)
            ),
            runs=_count(lineage.runs(reader)),
            packs=len(packs),
            stored_bytes=sum(packs),
            sessions=tuple(sorted(_live_sessions(store))),
            conflicts=tuple(map(str, conflicts_of(store, reader))),
        )


def _count(items: Iterable[object]) -> int:
    return sum(1 for _ in items)


def _live_sessions(store: Store) -> list[str]:
    try:
        return store.live_sessions()
    except OSError:
        return []  # without the right to write nobody can ask for a lock


def examine(store_root: Path) -> list[Finding]:
    """Look at everything that a store needs to work well; for ``doctor``.

    Opens the store, so its index is made if it is missing; probes leave nothing behind.  Raises
    nothing for what it finds.
    """
    findings = [_versions(), _clock()]
    try:
        read_identity(store_root)
    except Error as error:
        return [*findings, Finding("error", error.message, error.hint)]
    findings += [Finding("ok", "FORMAT is readable"), _file_system(store_root)]
    findings += [_permissions(store_root), _free_space(store_root)]
    try:
        store = open_store(store_root)
        findings += _index(store)
        findings.append(_sessions(store))
        if not store.read_only:
            findings += _probes(store.staging(), shared=store.sharing.now())
    except Error as error:
        findings.append(Finding("error", error.message, error.hint))
    except OSError as error:
        findings.append(Finding("error", f"the store cannot be opened: {error}"))
    return findings


# What can be seen


def _versions() -> Finding:
    named = [f"{name} {_version_of(name)}" for name in ("casstore", *LIBRARIES)]
    where = f"Python {platform.python_version()} on {sys.platform} {platform.release()}"
    return Finding("ok", f"{where}; {', '.join(named)}")


def _version_of(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "(not installed as a package)"


def _clock() -> Finding:
    if time.time() < EARLIEST_SANE_SECONDS:
        return Finding("error", "the clock says that it is before 2025", "set the clock")
    return Finding("ok", "the clock is plausible")


def _file_system(root: Path) -> Finding:
    kind = durable.filesystem_type(root) or "unknown"
    if durable.is_local_filesystem(root):
        return Finding("ok", f"the file system is local ({kind}); the index lies in the store")
    return Finding(
        "warning",
        f"the file system is not known to be local ({kind}); the index lies in {user_cache_dir()}",
        "several hosts may use it at once; a store on a local disk is faster, and can push to it",
    )


def _permissions(root: Path) -> Finding:
    folders = [root, *(root / name for name in ("packs", "journal", "claims", "leases", "tmp"))]
    for folder in folders:
        if not os.access(folder, os.R_OK | os.X_OK):
            return Finding("error", f"{folder} cannot be read", "check its owner and permissions")
    for folder in folders:
        if not os.access(folder, os.W_OK):
            hint = "check its owner and permissions, if you want to log here"
            return Finding("warning", f"{folder} cannot be written to", hint)
    return Finding("ok", "the store can be read and written")


def _free_space(root: Path) -> Finding:
    free = shutil.disk_usage(root).free
    if free < MIN_FREE_BYTES:
        hint = "free some space before logging more"
        return Finding("warning", f"only {free / 1e6:.0f} MB are free", hint)
    return Finding("ok", f"{free / 1e9:.1f} GB are free")


def _index(store: Store) -> Iterator[Finding]:
    store.index.catch_up(thorough=True, at_once=True)
    for name, message in sorted(store.index.problems.items()):
        if (store.root / name).exists():
            yield Finding("error", f"{name}: {message}", "run `casstore verify`")
    with store.index.read() as reader:
        gone = sum(not store.packs.exists(pack.pack_id) for _, pack in reader.packs())
    if gone:
        hint = "run `casstore verify` to see which versions need them"
        yield Finding("error", f"{gone} packs are gone from {store.root / 'packs'}", hint)
    else:
        yield Finding("ok", "the index can be read and every pack that it names is there")
    yield _newest_month(store)


def _newest_month(store: Store) -> Finding:
    """Compare the clock with the journal: months are named by the clocks that wrote events."""
    newest = max((month for month, _ in store.journal.months()), default="")
    tomorrow = time.strftime("%Y%m", time.gmtime(time.time() + 24 * 3600))
    if newest > tomorrow:
        what = f"the journal has events of {newest[:4]}-{newest[4:]}, which is in the future"
        return Finding("warning", what, "compare this machine's clock with the others'")
    return Finding("ok", "no event is from the future")


def _sessions(store: Store) -> Finding:
    alive = _live_sessions(store)
    folders = [path for path in (store.root / "tmp").iterdir() if path.is_dir()]
    dead = [path for path in folders if store.is_dead(path.name)]
    if dead:
        hint = "the next command that writes removes what they left"
        return Finding("warning", f"{len(dead)} sessions died without closing", hint)
    return Finding("ok", f"{len(alive)} sessions are at work, none has died")


# What has to be tried, in a session's own folder


def _probes(folder: Path, *, shared: bool) -> Iterator[Finding]:
    locks = () if shared else (_locks,)  # where several hosts work, no lock is asked for
    for probe in (_direct_io, _hard_links, *locks, _skew):
        yield _probed(probe, folder / f"{secrets.token_hex(4)}.probe")


def _probed(probe: Callable[[Path], Finding], path: Path) -> Finding:
    try:
        return probe(path)
    except OSError as error:
        return Finding("error", f"{path.parent} cannot be written to: {error.strerror}")
    finally:
        for leftover in path.parent.glob(f"{path.name}*"):
            leftover.unlink(missing_ok=True)


def _direct_io(path: Path) -> Finding:
    flag = getattr(os, "O_DIRECT", 0)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | flag, 0o600))
    except OSError:
        flag = 0
    if flag:
        return Finding("ok", "direct I/O works")
    return Finding("warning", "direct I/O does not work here", "packs are written more slowly")


def _hard_links(path: Path) -> Finding:
    path.touch()
    second = path.with_name(f"{path.name}.link")
    durable.link(path, second)
    if second.samefile(path):
        return Finding("ok", "hard links work")
    hint = "names are given by copying; avoid logging from two machines at once"
    return Finding("warning", "hard links do not work here", hint)


def _locks(path: Path) -> Finding:
    first, second = durable.FileLock(path), durable.FileLock(path)
    try:
        excluded = first.try_acquire() and not second.try_acquire()
    finally:
        first.release()
        second.release()
    if excluded:
        return Finding("ok", "file locks exclude each other")
    hint = "use the store from one process at a time, or move it to a local disk"
    return Finding("error", "file locks do not exclude each other here", hint)


def _skew(path: Path) -> Finding:
    before = time.time()
    path.touch()
    written = path.stat().st_mtime
    if before - MAX_CLOCK_SKEW_SECONDS <= written <= time.time() + MAX_CLOCK_SKEW_SECONDS:
        return Finding("ok", "the file system's clock agrees with this machine's")
    what = f"the file system's clock is off by {written - before:.0f} s"
    return Finding("warning", what, "set both clocks; until then files are read again each time")
