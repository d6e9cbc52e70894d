"""What makes two timings comparable: warm sources, no dirty pages, nothing deleted.

Knows: the page cache, syncs, the age of files, how much a tree occupies.
Never: what casstore does.

Nothing here deletes: on ext4, creating files soon after deleting many is slowed by the kernel's
search for inodes that were not deleted recently, and would be charged to whoever comes next.
"""

import compileall
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import casstore

__all__ = [
    "compile_package",
    "drop",
    "occupied_bytes",
    "overwrite",
    "ready",
    "same_trees",
    "touch_memory",
    "wait_old",
]

READ_BYTES = 2**20
TRUSTED_AGE_SECONDS = 2.5  # the stat cache trusts files older than 2 s


def compile_package() -> None:
    """Write the package's bytecode, as installing it does: else each start compiles it anew.

    A checkout has none where ``PYTHONDONTWRITEBYTECODE`` is set.
    """
    compileall.compile_dir(Path(casstore.__file__).parent, quiet=1)


def ready(tree: Path) -> None:
    """Bring a tree into the page cache, and leave no dirty page on its file system."""
    buffer = bytearray(READ_BYTES)
    for path in _files(tree):
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass
    subprocess.run(["sync", "-f", tree], check=True)


def drop(tree: Path) -> None:
    """Give a written tree's page cache back, so that later steps find memory touched and free."""
    if not hasattr(os, "posix_fadvise"):
        return
    subprocess.run(["sync", "-f", tree], check=True)
    for path in _files(tree):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def touch_memory(scratch: Path, size_bytes: int) -> None:
    """Write and drop ``size_bytes``, as a virtual machine's first touch of memory is slow."""
    scratch.mkdir(parents=True)
    block = random.Random(0).randbytes(READ_BYTES)
    with (scratch / "scratch").open("wb") as file:
        for start in range(0, size_bytes, READ_BYTES):
            file.write(block[: size_bytes - start])
    drop(scratch)


def wait_old(tree: Path) -> None:
    """Wait until every file is older than the stat cache asks for."""
    stats = (path.stat() for path in _files(tree))
    newest = max(max(stat.st_mtime, stat.st_ctime) for stat in stats)
    time.sleep(max(0.0, newest + TRUSTED_AGE_SECONDS - time.time()))


def overwrite(tree: Path, other: Path, paths: tuple[str, ...]) -> None:
    """Give the files at ``paths`` the contents they have in ``other``, in place."""
    for path in paths:
        shutil.copyfile(other / path, tree / path)


def occupied_bytes(tree: Path) -> int:
    """Return what ``du`` counts: allocated blocks, so that sparse index files count as used."""
    return sum(path.lstat().st_blocks * 512 for path in tree.rglob("*"))


def same_trees(one: Path, two: Path) -> bool:
    """Compare two trees: the same paths, the same bytes."""
    first = sorted(path.relative_to(one) for path in _files(one))
    second = sorted(path.relative_to(two) for path in _files(two))
    return first == second and all(_same_files(one / path, two / path) for path in first)


def _same_files(one: Path, two: Path) -> bool:
    with one.open("rb") as first, two.open("rb") as second:
        while True:
            block = first.read(READ_BYTES)
            if block != second.read(READ_BYTES):
                return False
            if not block:
                return True


def _files(tree: Path) -> Iterator[Path]:
    return (path for path in tree.rglob("*") if path.is_file())
