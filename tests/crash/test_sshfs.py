"""Hosts that really see one folder through a network file system: sshfs, a mount for each host.

Each mount has its own memory of listings (20 s), as NFS clients have.
"""

import contextlib
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from hosts import Host
from places import sshd
from test_kill import go
from test_shared_hosts import agreed, killed_at_random

UNMOUNT_SECONDS = 30


@contextlib.contextmanager
def mounted(place, folder, *options):
    """Mount what ``place`` serves, until the block ends."""
    where = folder / "mount"
    where.mkdir(parents=True)
    port = place.url.split(":")[2].split("/")[0]
    keys = folder.parent / "sshd"
    command = ["sshfs", f"127.0.0.1:{place.files}", where, "-p", port, "-o"]
    said = ["IdentityFile=" + str(keys / "user"), "UserKnownHostsFile=" + str(keys / "known_hosts")]
    done = subprocess.run(
        [*command, ",".join([*said, "IdentitiesOnly=yes", *options])],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"sshfs cannot mount here: {done.stderr.strip()[-200:]}")
    try:
        yield where
    finally:
        subprocess.run(["fusermount3", "-u", where], check=True, timeout=UNMOUNT_SECONDS)


@pytest.fixture
def place(tmp_path):
    """Serve a folder over SSH."""
    for program, package in ("sshfs", "sshfs"), ("fusermount3", "fuse3"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: apt-get install {package}")
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("there is no /dev/fuse that can be used")
    (tmp_path / "sshd").mkdir()
    with sshd(tmp_path / "sshd") as served:
        (tmp_path / "sshd" / "known_hosts").write_text(served.home[".ssh/known_hosts"])
        yield served


@pytest.fixture
def hosts(tmp_path, place):
    """Give two hosts with mounts of their own, and the one that has the disk."""
    with contextlib.ExitStack() as stack:
        mounts = [stack.enter_context(mounted(place, tmp_path / f"m{n}")) for n in range(2)]
        found = [
            Host(tmp_path, f"host-{number}", mount / "store", kind="")
            for number, mount in enumerate(mounts)
        ]
        yield [*found, Host(tmp_path, "owner", Path(place.files) / "store", owner=True)]


def test_hosts_over_sshfs_lose_nothing_and_agree(hosts):
    """Killed at random, with the owner of the disk among them, who had it open first."""
    owner = hosts[-1].log("first", 1)
    promised = killed_at_random(hosts, random.Random(7), 0)
    go(owner)  # it opened the store before anybody shared it
    number, commit = owner.communicate(timeout=60)[0].split()
    assert int(number) not in promised
    promised[int(number)] = commit
    assert promised.items() <= agreed(hosts).items()
    assert (hosts[-1].root / "SHARED").exists()


def test_what_another_host_wrote_shows_at_once_with_fresh(hosts):
    """And before a commit: the same content is not logged again."""
    one, two, _ = hosts
    one.casstore("put", one.folder / "home", "--name", "x")  # both mounts have listed by now
    assert "x:v0" in two.casstore("--fresh", "ls", "x")
    (one.folder / "home" / "new").write_text("new")
    one.casstore("put", one.folder / "home" / "new", "--name", "x")
    assert "x:v1" in two.casstore("--fresh", "ls", "x")
    (one.folder / "home" / "newer").write_text("newer")
    one.casstore("put", one.folder / "home" / "newer", "--name", "x")
    shutil.copy(one.folder / "home" / "newer", two.folder / "newer")
    two.casstore("put", two.folder / "newer", "--name", "x")
    assert "x:v3" not in two.casstore("--fresh", "ls", "x")


def test_a_mount_that_can_only_be_read_serves_reads(hosts, place, tmp_path):
    """Its index lies in the reader's cache."""
    one = hosts[0]
    (one.folder / "f").write_text("bytes")
    one.casstore("put", one.folder / "f", "--name", "x")
    with mounted(place, tmp_path / "reader", "ro") as mount:
        reader = Host(tmp_path, "host-reader", mount / "store", kind="")
        assert reader.casstore("cat", "x", "f") == "bytes"
        assert reader.casstore("verify")
        reader.casstore("put", one.folder / "f", "--name", "y", code=1)
        assert len(reader.indexes) == 1
