"""Durable steps: what is created, named, locked and shown to an observer."""

import errno
import os
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path

import pytest

import casstore
from casstore import durable
from casstore.durable import filesystems, writing

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(casstore.__file__).parents[1])}


def kinds(steps):
    return [step.kind for step in steps]


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 3 * 4096])
def test_a_file_holds_what_was_appended_whatever_its_size(tmp_path, size, direct):
    """Direct writes are padded to blocks, and the padding is cut off again."""
    data = os.urandom(size)
    file = durable.create(tmp_path / "file", direct=direct)
    file.append(data[: size // 3])
    file.append(memoryview(data)[size // 3 :])
    file.sync()
    file.close()
    assert (tmp_path / "file").read_bytes() == data
    assert file.size_bytes == size


def test_a_direct_file_larger_than_its_buffer_is_whole(tmp_path, monkeypatch):
    """The buffer is written each time it is full, in the middle of an append too."""
    data = os.urandom(durable.DIRECT_BUFFER_BYTES + 5000)
    file = durable.create(tmp_path / "file", direct=True)
    file.append(data[:7])
    file.append(data[7:])
    file.sync()
    file.close()
    assert (tmp_path / "file").read_bytes() == data


def test_buffers_of_direct_files_are_used_again(tmp_path, monkeypatch):
    """One file after the other takes the memory of the first: touching more costs time."""
    monkeypatch.setattr(writing, "_spare_buffers", deque(maxlen=writing.MAX_SPARE_BUFFERS))
    made = []
    monkeypatch.setattr(writing, "map_memory", lambda size: made.append(size) or bytearray(size))
    for number in range(5):
        file = durable.create(tmp_path / f"{number}", direct=True)
        file.append(bytes(3 * durable.DIRECT_BUFFER_BYTES + 5))
        file.sync()
        file.close()
    assert len(made) == 2


def test_files_that_share_a_background_are_written_by_one_thread(tmp_path):
    """It is there until its owner closes it, and what is abandoned midway is waited for."""
    before = threading.active_count()
    background = durable.new_background()
    data = os.urandom(2 * durable.DIRECT_BUFFER_BYTES + 5)
    for number in range(3):
        file = durable.create(tmp_path / f"{number}", direct=True, background=background)
        file.append(data)
        if number != 1:
            file.sync()
        file.close()
        assert threading.active_count() <= before + 1
    background.close()
    assert threading.active_count() == before
    assert (tmp_path / "0").read_bytes() == (tmp_path / "2").read_bytes() == data


def test_a_file_system_that_refuses_direct_writes_is_written_buffered(tmp_path, monkeypatch):
    """The first refusal turns direct I/O off, and nothing is lost."""
    write, refused = os.write, []

    def refuse_once(descriptor, data):
        if not refused:
            refused.append(descriptor)
            raise OSError(errno.EINVAL, "refused")
        return write(descriptor, data)

    file = durable.create(tmp_path / "file", direct=True)
    if not file._direct:
        pytest.skip("this file system takes no direct I/O")
    monkeypatch.setattr(os, "write", refuse_once)
    file.append(b"all of it")
    file.sync()
    file.close()
    assert (tmp_path / "file").read_bytes() == b"all of it"
    assert refused


def test_a_file_system_that_refuses_to_open_for_direct_io_is_opened_without(tmp_path, monkeypatch):
    """A refusal that has created the file already is no obstacle."""
    if not hasattr(os, "O_DIRECT"):
        pytest.skip("this platform has no direct I/O")
    opened = os.open

    def refuse_direct(path, flags, mode=0o777):
        descriptor = opened(path, flags & ~os.O_DIRECT, mode)
        if flags & os.O_DIRECT:
            os.close(descriptor)
            raise OSError(errno.EINVAL, "refused")
        return descriptor

    monkeypatch.setattr(os, "open", refuse_direct)
    file = durable.create(tmp_path / "file", direct=True)
    file.append(b"text")
    file.sync()
    file.close()
    assert (tmp_path / "file").read_bytes() == b"text"


def test_a_forked_child_does_not_write_to_its_parents_buffers():
    """A buffer waits for its next use, and parent and child may both take it."""
    buffer = writing._take_buffer()
    buffer[:6] = b"parent"
    child = os.fork()
    if child == 0:
        buffer[:6] = b"child!"
        os._exit(0)
    os.waitpid(child, 0)
    assert bytes(buffer[:6]) == b"parent"


def test_other_errors_while_writing_are_raised(tmp_path, monkeypatch):
    """A full disk is not taken for a refusal of direct I/O."""
    file = durable.create(tmp_path / "file")

    def full(descriptor, data):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="full") as caught:
        file.append(b"text")
    file.close()
    assert durable.is_out_of_space(caught.value)


def test_writes_that_are_cut_short_are_gone_on_with(tmp_path, monkeypatch):
    """The kernel may take fewer bytes than were given."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    file = durable.create(tmp_path / "file")
    file.append(b"0123456789")
    file.close()
    assert (tmp_path / "file").read_bytes() == b"0123456789"


def test_a_file_is_created_only_once(tmp_path):
    """Nothing is overwritten."""
    durable.create(tmp_path / "file").close()
    with pytest.raises(FileExistsError):
        durable.create(tmp_path / "file")


def test_closing_twice_is_fine(tmp_path):
    """The descriptor is given back once."""
    file = durable.create(tmp_path / "file", direct=True)
    file.close()
    file.close()


def test_an_exclusive_name_is_given_once_and_nothing_is_left_in_staging(tmp_path):
    """The loser sees that the name is taken, and its file is gone."""
    staging = tmp_path / "staging"
    staging.mkdir()
    durable.create_exclusive(tmp_path / "name", b"first", staging)
    with pytest.raises(FileExistsError):
        durable.create_exclusive(tmp_path / "name", b"second", staging)
    assert (tmp_path / "name").read_bytes() == b"first"
    assert list(staging.iterdir()) == []


def test_exclusive_creation_syncs_contents_before_the_name_and_the_name_before_it_returns(tmp_path):
    """The order of steps is what makes power loss harmless."""
    steps = []
    with durable.observe(steps.append):
        durable.create_exclusive(tmp_path / "name", b"text", tmp_path)
    assert kinds(steps) == ["create", "write", "sync", "link", "syncdir", "unlink"]
    assert (steps[3].target, steps[4].path) == (tmp_path / "name", tmp_path)


def test_a_name_that_is_taken_survives_power_loss_before_anybody_is_told_so(tmp_path):
    """Whoever took it may have died before its folder was synced, and the loser relies on it."""
    (tmp_path / "name").write_bytes(b"first")
    steps = []
    with durable.observe(steps.append), pytest.raises(FileExistsError):
        durable.create_exclusive(tmp_path / "name", b"second", tmp_path)
    assert kinds(steps) == ["create", "write", "sync", "syncdir"]
    assert steps[-1].path == tmp_path


def test_what_cannot_be_written_leaves_nothing_in_staging(tmp_path):
    """A full disk shows while bytes are written, and half of them are nobody's."""

    def full(step):
        if step.kind == "write":
            raise OSError(errno.ENOSPC, "no space left")

    with durable.observe(full), pytest.raises(OSError, match="no space"):
        durable.create_exclusive(tmp_path / "name", b"text", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_replaced_leaves_nothing_beside_it(tmp_path):
    """As on a full disk, where what is left over would be in the way."""
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError, match="directory"):
        durable.replace_file(tmp_path / "file", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_replacing_a_file_syncs_before_and_after_the_rename(tmp_path):
    """The old text or the new one is there at any time."""
    (tmp_path / "file").write_bytes(b"old")
    steps = []
    with durable.observe(steps.append):
        durable.replace_file(tmp_path / "file", b"new")
    assert kinds(steps) == ["create", "write", "sync", "rename", "syncdir"]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"new"


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP])
def test_where_there_are_no_hard_links_the_bytes_are_copied_exclusively(
    tmp_path, monkeypatch, number
):
    """FAT and some network file systems have none."""

    def refuse(source, target):
        raise OSError(number, "no links")

    monkeypatch.setattr(os, "link", refuse)
    durable.create_exclusive(tmp_path / "name", b"first", tmp_path)
    assert (tmp_path / "name").read_bytes() == b"first"
    with pytest.raises(FileExistsError):
        durable.create_exclusive(tmp_path / "name", b"second", tmp_path)
    assert (tmp_path / "name").read_bytes() == b"first"


def test_a_copy_for_which_there_is_no_room_leaves_its_name_free(tmp_path, monkeypatch):
    """Half an event under the name of a whole one would be damage, for good."""
    write = os.write

    def refuse(source, target):
        raise OSError(errno.EPERM, "no links")

    def half(descriptor, data):
        if len(data) <= 3 or not (tmp_path / "name").exists():
            return write(descriptor, data)
        write(descriptor, data[:3])
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="full"):
        durable.create_exclusive(tmp_path / "name", b"whole", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_new_folder_is_synced_into_its_parent(tmp_path):
    """Its name survives power loss."""
    steps = []
    with durable.observe(steps.append):
        assert durable.make_directory(tmp_path / "folder")
    assert [(step.kind, step.path) for step in steps] == [
        ("mkdir", tmp_path / "folder"),
        ("syncdir", tmp_path),
    ]
    assert not durable.make_directory(tmp_path / "folder")


def test_removing_what_is_gone_is_fine_and_no_step(tmp_path):
    """Two may tidy up at once."""
    steps = []
    with durable.observe(steps.append):
        durable.unlink(tmp_path / "nothing")
    assert steps == []


def test_an_observer_sees_every_byte_in_its_place(tmp_path):
    """What is replayed from the steps is the file."""
    steps = []
    data = os.urandom(10_000)
    with durable.observe(steps.append):
        file = durable.create(tmp_path / "file", direct=True)
        file.append(data)
        file.sync()
        file.close()
    replayed = bytearray()
    for step in steps:
        if step.kind == "write":
            replayed[step.offset : step.offset + len(step.data)] = step.data
        elif step.kind == "truncate":
            del replayed[step.offset :]
    assert replayed == data
    assert kinds(steps)[-1] == "sync"


def test_an_observer_that_raises_stops_the_writer(tmp_path):
    """A test can let a process die at any step."""

    def die(step):
        if step.kind == "sync":
            raise KeyboardInterrupt

    with durable.observe(die), pytest.raises(KeyboardInterrupt):
        durable.create_exclusive(tmp_path / "name", b"text", tmp_path)
    assert not (tmp_path / "name").exists()
    steps = []
    durable.create_exclusive(tmp_path / "name", b"text", tmp_path)
    assert steps == []


def test_reading_at_an_offset_is_short_only_at_the_end(tmp_path, monkeypatch):
    """A read that the kernel cuts short is gone on with."""
    (tmp_path / "file").write_bytes(b"0123456789")
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, size, offset: pread(fd, min(size, 3), offset))
    try:
        assert durable.read_at(descriptor, 5, 2) == b"23456"
        assert durable.read_at(descriptor, 50, 8) == b"89"
        assert durable.read_at(descriptor, 5, 10) == b""
    finally:
        os.close(descriptor)


def test_writing_a_small_file_goes_on_where_the_kernel_stopped(tmp_path, monkeypatch):
    """Writes that are cut short, within a buffer too, are gone on with."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, bytes(data)[:3]))
    path = os.fsencode(tmp_path / "file")
    durable.write_new(path, [b"0123456", b"", b"78", bytearray(b"9abc")], executable=True)
    assert (tmp_path / "file").read_bytes() == b"0123456789abc"
    assert (tmp_path / "file").stat().st_mode & 0o100


def test_a_lock_excludes_others_until_it_is_released(tmp_path):
    """Two in one process exclude each other as two processes do."""
    one, two = durable.FileLock(tmp_path / "lock"), durable.FileLock(tmp_path / "lock")
    assert one.try_acquire()
    assert not two.try_acquire()
    assert not two.try_acquire(shared=True)
    one.release()
    assert two.try_acquire(shared=True)
    assert one.try_acquire(shared=True)
    assert not one.try_acquire()
    one.release()
    one.release()
    two.release()


def test_a_lock_dies_with_its_process(tmp_path):
    """The kernel drops it, however the process ends."""
    script = (
        "import sys, time; from pathlib import Path; from casstore.durable import FileLock\n"
        "lock = FileLock(Path(sys.argv[1])); print(lock.try_acquire(), flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "lock")],
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    ) as process:
        assert process.stdout.readline() == "True\n"
        lock = durable.FileLock(tmp_path / "lock")
        assert not lock.try_acquire()
        process.kill()
        process.wait()
    assert lock.try_acquire()
    lock.release()


def test_a_lock_knows_when_its_file_was_removed_or_replaced(tmp_path):
    """A lock on a file without a name protects nothing."""
    lock = durable.FileLock(tmp_path / "lock")
    assert lock.try_acquire()
    assert lock.is_current()
    (tmp_path / "lock").unlink()
    assert not lock.is_current()
    (tmp_path / "lock").touch()
    assert not lock.is_current()
    lock.release()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's mount table")
def test_the_file_system_is_the_one_of_the_longest_mount_point(tmp_path, monkeypatch):
    """A mount inside a mount counts, a name that only begins alike does not."""
    table = (
        "1 0 8:1 / / rw - ext4 /dev/a rw\n"
        f"2 1 0:2 / {tmp_path}/far rw - nfs4 server rw\n"
        f"3 1 0:3 / {tmp_path}/with\\040space rw - fuse.sshfs x rw\n"
    )
    (tmp_path / "table").write_text(table)
    monkeypatch.setattr(filesystems, "MOUNT_TABLE", tmp_path / "table")
    assert durable.filesystem_type(tmp_path / "farther") == "ext4"
    assert durable.filesystem_type(tmp_path / "far" / "deep") == "nfs4"
    assert durable.filesystem_type(tmp_path / "with space") == "fuse.sshfs"
    assert durable.is_local_filesystem(tmp_path)
    assert not durable.is_local_filesystem(tmp_path / "far")
    assert not durable.keeps_ctime(tmp_path / "with space")


@pytest.mark.parametrize(
    ("number", "full"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EIO, False)]
)
def test_a_full_disk_is_told_from_other_errors(number, full):
    """Quotas count as disks."""
    assert durable.is_out_of_space(OSError(number, "x")) is full
    assert not durable.is_out_of_space(ValueError())
    circle = ValueError()
    circle.__cause__ = circle
    assert not durable.is_out_of_space(circle)
