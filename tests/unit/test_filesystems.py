"""Which file system a path is on, whatever its mount point is called."""

import os
import subprocess

import pytest

from casstore.durable import (
    boot_id,
    filesystem_type,
    filesystems,
    is_local_filesystem,
    keeps_inodes,
    look_anew,
)
from casstore.errors import Invalid

ROOT = b"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
NAMES = ["plain", "a b", "tab\there", "line\nfeed", "back\\slash", "\\040", "größe", "数据 и"]


def mangled(path):
    """Write a path as the kernel does: four characters in octal, every other byte as it is."""
    return b"".join(
        b"\\%03o" % byte if byte in b" \t\n\\" else bytes([byte]) for byte in os.fsencode(path)
    )


def table(*rows):
    lines = [b"40 22 0:35 / %s rw,nosuid - %s none rw\n" % (mangled(p), kind) for p, kind in rows]
    return ROOT + b"".join(lines)


@pytest.mark.parametrize("name", [*NAMES, os.fsdecode(b"caf\xe9")])
def test_a_mount_point_is_read_as_the_kernel_writes_it(tmp_path, monkeypatch, name):
    """Octal is undone byte by byte, and no other byte is touched."""
    (tmp_path / "table").write_bytes(table((tmp_path / name, b"nfs4")))
    monkeypatch.setattr(filesystems, "MOUNT_TABLE", tmp_path / "table")
    assert filesystem_type(tmp_path / name / "below") == "nfs4"
    assert filesystem_type(tmp_path / name) == "nfs4"
    assert filesystem_type(tmp_path / (name + "x")) == "ext4"


def test_the_table_is_read_as_it_really_looks(tmp_path, monkeypatch):
    """Lines of a Linux machine with a disk mounted at ``/mnt/Größe der Daten``."""
    (tmp_path / "table").write_bytes(
        ROOT
        + b"301 29 8:17 / /mnt/Gr\xc3\xb6\xc3\x9fe\\040der\\040Daten rw shared:2 master:1"
        + b" - xfs /dev/sdb1 rw,attr2\n"
        + b"302 301 0:50 / /mnt/Gr\xc3\xb6\xc3\x9fe\\040der\\040Daten/back\\134slash rw"
        + b" - fuse.sshfs host:/ rw\n"
    )
    monkeypatch.setattr(filesystems, "MOUNT_TABLE", tmp_path / "table")
    assert filesystem_type("/mnt/Größe der Daten/store") == "xfs"
    assert filesystem_type("/mnt/Größe der Daten/back\\slash/store") == "fuse.sshfs"
    assert filesystem_type("/mnt/other") == "ext4"


def test_the_later_of_two_mounts_at_one_place_holds(tmp_path, monkeypatch):
    """It lies over the other."""
    rows = table((tmp_path, b"ext4"), (tmp_path, b"tmpfs"))
    (tmp_path / "table").write_bytes(rows)
    monkeypatch.setattr(filesystems, "MOUNT_TABLE", tmp_path / "table")
    assert filesystem_type(tmp_path) == "tmpfs"


def test_a_machine_without_a_mount_table_gives_no_answer(tmp_path, monkeypatch):
    """Then nothing is taken for local on Linux."""
    monkeypatch.setattr(filesystems, "MOUNT_TABLE", tmp_path / "none")
    assert filesystem_type(tmp_path) == ""


@pytest.fixture(params=NAMES)
def mounted(tmp_path, request):
    """Mount a tmpfs at an odd name, where the test may."""
    point = tmp_path / request.param
    point.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", point], check=False, capture_output=True
    )
    if done.returncode:
        yield None
        return
    yield point
    subprocess.run(["umount", point], check=True)


def test_a_real_mount_is_found_at_any_name(mounted, tmp_path):
    """The kernel's own table; without the right to mount, the folder is on its parent's."""
    if mounted is None:
        assert filesystem_type(tmp_path / "x") == filesystem_type(tmp_path)
        return
    assert filesystem_type(mounted / "store") == "tmpfs"
    assert filesystem_type(tmp_path / "other") != "" or os.name != "posix"


def test_a_test_can_say_that_a_folder_is_far(tmp_path, monkeypatch):
    """It and what is below, and nothing beside it."""
    monkeypatch.setenv("CASSTORE_TEST_FILESYSTEM", f"fuse.sshfs:{tmp_path / 'far'}")
    assert filesystem_type(tmp_path / "far" / "below") == "fuse.sshfs"
    assert not is_local_filesystem(tmp_path / "far")
    assert not keeps_inodes(tmp_path / "far")
    assert filesystem_type(tmp_path / "farther") != "fuse.sshfs"
    assert keeps_inodes(tmp_path)


def test_nobody_can_say_that_a_folder_is_local(tmp_path, monkeypatch):
    """LMDB would lie on a network file system then."""
    monkeypatch.setenv("CASSTORE_TEST_FILESYSTEM", f"ext4:{tmp_path}")
    with pytest.raises(Invalid, match="setting for tests"):
        is_local_filesystem(tmp_path)


def test_a_machine_with_another_name_is_none_that_there_is(monkeypatch):
    """The name is added to the id; what could not stand in a file's name is left out."""
    real = boot_id()
    monkeypatch.setenv("CASSTORE_TEST_MACHINE", "no/de 1")
    assert boot_id() == f"{real}-node1"


def test_looking_anew_leaves_nothing_behind(tmp_path):
    """And a folder that is gone is left alone."""
    look_anew(tmp_path)
    look_anew(tmp_path / "gone")
    assert list(tmp_path.iterdir()) == []
