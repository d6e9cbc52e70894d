"""Names: given, taken and made to survive power loss.

Knows: rename, link, folders and when they are durable.  Never: contents beyond small files.
"""

import contextlib
import errno
import os
import sys
from pathlib import Path

from casstore.durable.steps import done
from casstore.durable.writing import write_synced

__all__ = [
    "create_exclusive",
    "install",
    "install_new",
    "is_gone",
    "link",
    "look_anew",
    "make_directory",
    "names_in",
    "publish_exclusive",
    "rename",
    "replace_file",
    "sync_directory",
    "unlink",
]

MAX_SYNCED_NAMES = 100_000

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}

_synced_names: dict[Path, int] = {}  # and the inode, for a name may be removed and made again


def install(staged: Path, final: Path) -> None:
    """Give a synced file its name; the caller syncs the directory (many files, one sync)."""
    rename(staged, final)


def install_new(staged: Path, final: Path) -> None:
    """Do what ``install`` does unless the name is taken: then ``FileExistsError``.

    Where hard links do not exist (sticks), of two at the same moment the later one replaces.
    """
    try:
        os.link(staged, final)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(final):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final)) from error
        rename(staged, final)
    else:
        done("link", staged, final)
        unlink(staged)


def publish_exclusive(staged: Path, final: Path) -> None:
    """Give a synced file its name if nobody has it, so that it survives power loss.

    Raises ``FileExistsError`` and leaves the staged file where it is if the name is taken; that one
    survives power loss then, though whoever took it may not have come to that.
    """
    try:
        link(staged, final)
    except FileExistsError:
        sync_directory(final.parent)
        raise
    sync_directory(final.parent)
    unlink(staged)


def create_exclusive(final: Path, data: bytes, staging: Path) -> None:
    """Write ``data`` as ``final`` if nobody has that name: whole, durable, or not at all.

    Raises ``FileExistsError`` if it is taken.  ``staging`` lies on the same file system.
    """
    staged = staging / f"{os.urandom(8).hex()}.new"
    try:
        write_synced(staged, data)
        publish_exclusive(staged, final)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise


def replace_file(final: Path, data: bytes) -> None:
    """Write ``data`` under the name ``final``, in place of what was there, whole or not at all."""
    staged = final.with_name(f".{final.name}.{os.urandom(4).hex()}")
    try:
        write_synced(staged, data)
        rename(staged, final)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    sync_directory(final.parent)


def rename(source: Path, target: Path) -> None:
    """Move a file to a name, atomically, replacing what bore it; one file system only."""
    os.replace(source, target)
    done("rename", source, target)


def link(source: Path, target: Path) -> None:
    """Give a file a second name; ``FileExistsError`` if it is taken.

    Where hard links do not exist, the bytes are copied under an exclusively created name.
    """
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        write_synced(target, source.read_bytes())
    done("link", source, target)


def unlink(path: Path) -> None:
    """Remove a file; one that is gone already is fine."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
        done("unlink", path)


def make_directory(path: Path) -> bool:
    """Make a folder, durably; returns whether it is new.  Its parent must exist.

    A folder that is there may have been made by a process that died before it was durable, so its
    name is synced too, once in this process, together with those beside it.
    """
    inode = _synced_names.get(path)
    if inode is not None and _inode(path) == inode:
        return False
    try:
        path.mkdir()
        done("mkdir", path)
        synced, new = {path: _inode(path)}, True
    except FileExistsError:
        with os.scandir(path.parent) as entries:
            synced, new = {path.parent / entry.name: entry.inode() for entry in entries}, False
    sync_directory(path.parent)
    if len(_synced_names) >= MAX_SYNCED_NAMES:
        _synced_names.clear()
    _synced_names.update(synced)
    return new


def look_anew(folder: Path) -> None:
    """Let what others did to the names in a folder be seen now, where a client remembers them.

    A client of a network file system may answer from memory for a while (NFS up to 60 s,
    ``acdirmax`` of nfs(5); sshfs 20 s).  Having changed a folder itself it asks the server again,
    so a file that nobody reads is made there and removed.  A folder that is gone is left alone.
    """
    probe = folder / f".{os.urandom(8).hex()}"
    with contextlib.suppress(FileNotFoundError):
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        probe.unlink()


def names_in(folder: Path) -> list[str]:
    """Return the names in a folder, sorted; none if it is not there."""
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []


def is_gone(error: OSError) -> bool:
    """Tell whether an error says that a file was removed: NFS has another word for it."""
    return error.errno in {errno.ENOENT, errno.ESTALE}


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return -1


def sync_directory(path: Path) -> None:
    """Make the names in a folder survive power loss."""
    if sys.platform == "win32":  # pragma: no cover - folders cannot be synced there
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:  # some network file systems refuse; their renames are synchronous
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)
    done("syncdir", path)
