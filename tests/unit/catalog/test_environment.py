"""One LMDB environment: growing, forking, being removed, being damaged."""

import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import lmdb
import pytest

import casstore
from casstore.catalog import Damaged, Environment, Replaced, environment

SMALL_MAP_BYTES = 64 * 1024
PYTHONPATH = {**os.environ, "PYTHONPATH": str(Path(casstore.__file__).parents[1])}


@pytest.fixture
def small_map(monkeypatch):
    """Let the first map be small enough to fill."""
    monkeypatch.setattr(environment, "FIRST_MAP_BYTES", SMALL_MAP_BYTES)


@pytest.fixture
def opened(tmp_path):
    env = Environment(tmp_path, ("rows",))
    yield env
    env.close()


def fill(env, count, start=0):
    def put(transaction):
        for number in range(start, start + count):
            transaction.put(b"%08d" % number, bytes(1000), db=env.handles["rows"])

    env.write(put)


def count(env):
    with env.read() as transaction:
        return transaction.stat(env.handles["rows"])["entries"]


def in_child(action):
    """Run ``action`` in a forked child; returns its exit code, 0 if it did not raise."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            action()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run(script, *arguments):
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=PYTHONPATH,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.usefixtures("small_map")
def test_the_map_grows_when_it_is_full(tmp_path):
    """The action runs again in a larger map, and nothing is lost or doubled."""
    env = Environment(tmp_path, ("rows",))
    for start in range(0, 2000, 500):
        fill(env, 500, start)
    assert count(env) == 2000
    assert env._env.info()["map_size"] > SMALL_MAP_BYTES
    env.close()


@pytest.mark.usefixtures("small_map")
def test_growing_waits_for_readers(tmp_path):
    """A map is never moved under a transaction."""
    env = Environment(tmp_path, ("rows",))
    fill(env, 10)
    reading, done, seen = threading.Event(), threading.Event(), []

    def read():
        with env.read() as transaction:
            reading.set()
            done.wait(5)
            seen.append(transaction.get(b"%08d" % 3, db=env.handles["rows"]))

    reader = threading.Thread(target=read)
    reader.start()
    reading.wait(5)
    writer = threading.Thread(target=fill, args=(env, 2000))
    writer.start()
    writer.join(0.1)
    assert writer.is_alive()
    done.set()
    writer.join(10)
    reader.join(10)
    assert not writer.is_alive()
    assert seen == [bytes(1000)]
    assert count(env) == 2000
    env.close()


GROW = """
import sys
from pathlib import Path
from casstore.catalog import Environment, environment
environment.FIRST_MAP_BYTES = 64 * 1024
env = Environment(Path(sys.argv[1]), ("rows",))
put = lambda t: [t.put(b"%08d" % n, bytes(1000), db=env.handles["rows"]) for n in range(2000)]
env.write(put)
env.close()
"""


@pytest.mark.usefixtures("small_map")
def test_a_map_that_another_process_grew_is_followed(tmp_path):
    """By readers and by writers."""
    env = Environment(tmp_path, ("rows",))
    fill(env, 1)
    assert run(GROW, tmp_path).returncode == 0
    assert count(env) == 2000
    fill(env, 1, start=5000)
    assert count(env) == 2001
    env.close()


@pytest.mark.usefixtures("small_map")
def test_two_threads_may_meet_a_map_that_another_process_grew(tmp_path):
    """They do not wait for each other for ever."""
    env = Environment(tmp_path, ("rows",))
    fill(env, 1)
    assert run(GROW, tmp_path).returncode == 0
    counts = []
    readers = [
        threading.Thread(target=lambda: counts.append(count(env)), daemon=True) for _ in range(2)
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(5)
    assert counts == [2000, 2000]
    env.close()


@pytest.mark.usefixtures("small_map")
def test_opening_leaves_room_to_write(tmp_path):
    """The map is at least twice the file."""
    env = Environment(tmp_path, ("rows",))
    fill(env, 2000)
    env.close()
    env = Environment(tmp_path, ("rows",))
    assert env._env.info()["map_size"] >= 2 * (tmp_path / "data.mdb").stat().st_size
    assert count(env) == 2000
    env.close()


def test_a_forked_child_reads_and_writes(opened):
    """It opens an environment of its own; the parent's stays as it was."""
    fill(opened, 3)

    def child():
        assert count(opened) == 3
        fill(opened, 2, start=10)
        assert count(opened) == 5
        opened.close()

    assert in_child(child) == 0
    assert count(opened) == 5
    fill(opened, 1, start=20)
    assert count(opened) == 6


def test_a_fork_waits_for_a_transaction_of_another_thread(opened):
    """So that nothing of LMDB is open across it; the child works, and the reader was not cut."""
    fill(opened, 3)
    reading, seen = threading.Event(), []

    def read():
        with opened.read() as transaction:
            reading.set()
            time.sleep(0.3)
            seen.append(transaction.stat(opened.handles["rows"])["entries"])

    reader = threading.Thread(target=read)
    reader.start()
    reading.wait(5)
    assert in_child(lambda: fill(opened, 5, start=100)) == 0
    reader.join(5)
    assert seen == [3]
    assert count(opened) == 8


def test_a_thread_goes_on_writing_while_others_fork(opened):
    """After each fork the parent's index is open for reading only, whenever the fork came."""
    ended, failed = threading.Event(), []

    def write():
        try:
            while not ended.is_set():
                fill(opened, 1)
        except Exception as error:  # noqa: BLE001 - it is told by the test's own thread
            failed.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(100):
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
    ended.set()
    writer.join()
    assert failed == []


def test_a_child_forked_out_of_a_transaction_is_told(opened, monkeypatch):
    """It cannot use the index; the parent can."""
    monkeypatch.setattr(environment, "FORK_WAIT_SECONDS", 0.05)
    fill(opened, 3)

    def child():
        with pytest.raises(Damaged):
            count(opened)

    with opened.read() as transaction:
        assert in_child(child) == 0
        assert transaction.stat(opened.handles["rows"])["entries"] == 3
    assert count(opened) == 3


@pytest.mark.parametrize("replaced", [False, True])
def test_a_removed_index_is_never_written_to(tmp_path, replaced):
    """People delete ``db/`` while a process has it open."""
    (tmp_path / "db").mkdir()
    env = Environment(tmp_path / "db", ("rows",))
    fill(env, 1)
    (tmp_path / "db").rename(tmp_path / "gone")
    if replaced:
        (tmp_path / "db").mkdir()
        other = lmdb.open(str(tmp_path / "db"))
        other.close()
    with pytest.raises(Replaced):
        fill(env, 1, start=5)
    assert count(env) == 1
    env.close()


def test_an_action_that_raises_changes_nothing(opened):
    """A transaction is all or nothing."""

    def fail(transaction):
        transaction.put(b"key", b"value", db=opened.handles["rows"])
        raise KeyError("no")

    with pytest.raises(KeyError):
        opened.write(fail)
    assert count(opened) == 0


@pytest.mark.parametrize(
    "data", [b"not a database" * 1000, bytes(8192), b"\xff" * 4096, b"short"], ids=range(4)
)
def test_a_file_that_is_no_database_is_damaged(tmp_path, data):
    """It is told apart from an empty one, and made again by who asked."""
    (tmp_path / "data.mdb").write_bytes(data)
    with pytest.raises(Damaged):
        Environment(tmp_path, ("rows",))


OPEN_AND_READ = """
import sys
from pathlib import Path
from casstore.catalog import Damaged, Environment
try:
    env = Environment(Path(sys.argv[1]), ("rows",))
    with env.read() as transaction:
        for key, value in transaction.cursor(env.handles["rows"]):
            len(value)
except Damaged:
    print("damaged")
"""


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_file_that_was_cut_short_is_damaged(tmp_path, part):
    """A copy that was interrupted must not end the process with a bus error."""
    env = Environment(tmp_path, ("rows",))
    fill(env, 500)
    env.close()
    size = (tmp_path / "data.mdb").stat().st_size
    os.truncate(tmp_path / "data.mdb", int(size * part) // 4096 * 4096)
    done = run(OPEN_AND_READ, tmp_path)
    assert (done.returncode, done.stdout) == (0, "damaged\n"), done.stderr


def test_what_the_system_refuses_is_no_damage(opened, tmp_path, monkeypatch):
    """No descriptor left when the index is opened for writing: it stays, and is used once it can.

    The error is the system's, so nobody says that the index is damaged.
    """
    opened.close()
    reading = Environment(tmp_path, ("rows",))
    before = (tmp_path / "data.mdb").stat()

    def refuse(*_arguments, **_options):
        raise lmdb.Error("mdb_env_open: Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(lmdb, "open", refuse)
        for _ in range(2):
            with pytest.raises(OSError, match="Too many open files"):
                fill(reading, 1)
            with pytest.raises(OSError, match="Too many open files"):
                count(reading)
    assert (tmp_path / "data.mdb").stat() == before
    fill(reading, 1)
    assert count(reading) == 1


@pytest.mark.skipif(not hasattr(os.stat_result, "st_blocks"), reason="blocks are not told")
def test_the_file_that_lmdb_maps_for_its_readers_has_its_room_on_the_disk(tmp_path):
    """A hole would be filled when it is touched: on a full disk that ends the process (SIGBUS).

    Also when somebody removed it alone; the readers have their places in it then.
    """
    lock_file = tmp_path / "lock.mdb"
    for _ in range(2):
        env = Environment(tmp_path, ("rows",))
        fill(env, 1)
        found = lock_file.stat()
        assert found.st_blocks * 512 >= found.st_size >= 64 * environment.MAX_READERS
        assert count(env) == 1
        env.close()
        lock_file.unlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.mdb", "write.lock"]


def test_pages_that_are_cut_short_by_a_full_disk_are_no_damage(tmp_path):
    """LMDB calls it an error of input and output; what was there before is there still."""
    script = """
import resource, sys
from pathlib import Path
from casstore.catalog import Environment

env = Environment(Path(sys.argv[1]), ("rows",))
def put(count):
    def action(transaction):
        for number in range(count):
            transaction.put(b"%08d" % number, bytes(1000), db=env.handles["rows"])
    env.write(action)

put(1)
limit = env._file.stat().st_size + 2048  # half a page
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    put(100)
except OSError as error:
    print(error.errno)
with env.read() as transaction:
    print(transaction.stat(env.handles["rows"])["entries"])
"""
    result = run(script, tmp_path)
    assert (result.stdout.split(), result.stderr) == ([str(errno.ENOSPC), "1"], "")
