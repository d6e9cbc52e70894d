"""Which kind of file system a path is on and what holds there; when the machine started.

Knows: Linux's mount table and boot id.  Never: files' contents.
"""

import os
import re
import sys
from pathlib import Path

__all__ = ["boot_id", "filesystem_type", "is_local_filesystem", "keeps_ctime"]

MOUNT_TABLE = Path("/proc/self/mountinfo")

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
        return True
    return filesystem_type(path) in LOCAL_FILESYSTEMS


def keeps_ctime(path: Path) -> bool:
    """Tell whether a changed file always shows in its stat there."""
    return filesystem_type(path) in KEEPS_CTIME


def boot_id() -> str:
    """Return a text that changes whenever this machine starts; ``""`` where there is none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
