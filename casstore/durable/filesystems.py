"""Which kind of file system a path is on and what holds there; when the machine started.

Knows: Linux's mount table and boot id, and what a test says in their place.
Never: files' contents.

What a test says (``settings.pretence``) can only make casstore more careful, so it does no harm
where it is set by mistake: a file system can be called remote, never local, and a machine gets an
id that nobody else has, never that of another.
"""

import os
import re
import sys
from pathlib import Path

from casstore.errors import Invalid
from casstore.settings import pretence

__all__ = [
    "boot_id",
    "filesystem_type",
    "is_local_filesystem",
    "keeps_ctime",
    "keeps_inodes",
    "process_space",
]

MOUNT_TABLE = Path("/proc/self/mountinfo")

_NO_WORD = re.compile(r"[^0-9A-Za-z-]")
_OCTAL = re.compile(rb"\\([0-3][0-7]{2})")

LOCAL_FILESYSTEMS = frozenset(
    (
        *("apfs", "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "hfs", "jfs"),
        *("msdos", "ntfs", "ntfs3", "overlay", "ramfs", "reiserfs", "tmpfs", "ufs", "vfat"),
        *("xfs", "zfs"),
    )
)
KEEPS_CTIME = LOCAL_FILESYSTEMS - {"exfat", "msdos", "ntfs", "ntfs3", "ramfs", "tmpfs", "vfat"}


def filesystem_type(path: Path) -> str:
    """Return the kind of file system that holds ``path`` (``ext4``, ``nfs4``, ...), or ``""``.

    Read from Linux's mount table; elsewhere the answer is ``""``.
    """
    return _pretended_type(path) or _mounted_type(path)


def _pretended_type(path: Path) -> str:
    told = pretence()
    if not told.filesystem:
        return ""
    if told.filesystem in LOCAL_FILESYSTEMS:
        raise Invalid(
            f"CASSTORE_TEST_FILESYSTEM cannot make a file system local ({told.filesystem})",
            hint="it is a setting for tests; unset it",
        )
    real, folder = os.path.realpath(path), os.path.realpath(told.folder)
    return told.filesystem if os.path.commonpath((real, folder)) == folder else ""


def _mounted_type(path: Path) -> str:
    try:
        table = MOUNT_TABLE.read_bytes()
    except OSError:
        return ""
    real = os.fsencode(os.path.realpath(path))
    best, kind = b"", b""
    for line in table.splitlines():
        left, _, right = line.partition(b" - ")
        point = _mount_point(left.split(b" ")[4])
        inside = real == point or real.startswith(point.rstrip(b"/") + b"/")
        if inside and len(point) >= len(best):
            best, kind = point, right.split(b" ")[0]
    return kind.decode("ascii", "replace")


def _mount_point(field: bytes) -> bytes:
    """Return the path that a field of the mount table means.

    Space, tab, line feed and backslash stand there as three octal digits; every other byte, of
    whatever encoding, as itself (proc(5), the kernel's ``mangle_path``).
    """
    return _OCTAL.sub(lambda found: bytes([int(found[1], 8)]), field)


def is_local_filesystem(path: Path) -> bool:
    """Tell whether LMDB may lie at ``path``: unknown file systems and FUSE count as remote."""
    if not sys.platform.startswith("linux"):
        return not _pretended_type(path)
    return filesystem_type(path) in LOCAL_FILESYSTEMS


def keeps_ctime(path: Path) -> bool:
    """Tell whether a changed file always shows in its stat there."""
    return filesystem_type(path) in KEEPS_CTIME


def keeps_inodes(path: Path) -> bool:
    """Tell whether a file there has one inode number for good: FUSE makes them up as it goes."""
    return not filesystem_type(path).startswith("fuse")


def boot_id() -> str:
    """Return a text that changes whenever this machine starts, a word; ``""`` if there is none."""
    try:
        found = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        found = ""
    told = pretence().machine
    return f"{found}-{_NO_WORD.sub('', told)}" if told else found


def process_space() -> str:
    """Return a word for those processes that know each other by their numbers; never empty.

    Containers of one machine have numbers of their own (pid_namespaces(7)), and LMDB tells by the
    number whether a reader lives.
    """
    try:
        space = str(os.stat("/proc/self/ns/pid").st_ino)
    except OSError:
        space = "one"
    return f"{space}-{_NO_WORD.sub('', pretence().machine)}"
