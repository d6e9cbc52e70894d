"""Sessions at work: many files at once, and packs that vanish."""

import os
import random
import threading

import pytest
from stopping import interrupted_after

from casstore.chunks import Encoder
from casstore.digest import digest_of
from casstore.errors import Corrupt
from casstore.flows.log import log_files
from casstore.flows.verify import verify_store
from casstore.packs import PackKind, writer
from casstore.store import Commit, commit, draft, session
from casstore.worktree import Walk


def log(store, folder, files, name="net"):
    folder.mkdir(exist_ok=True)
    for path, data in files.items():
        (folder / path).write_bytes(data)
    version = store.draft()
    log_files(store, version, Walk(os.fsencode(folder)), use_cache=False)
    return commit(store, version, Commit(project="p", name=name, type="t"))


def test_files_are_remembered_while_workers_are_at_work(store, tmp_path, monkeypatch):
    """Many files are settled in the middle of a log, when packs are still being written."""
    monkeypatch.setattr(draft, "MAX_WAITING_STATS", 3)
    for number in range(3):
        draw = random.Random(number)
        files = {f"f{place:03}": draw.randbytes(200_000) for place in range(60)}
        assert log(store, tmp_path / f"files{number}", files, f"net{number}").created


def test_frames_of_a_pack_that_is_gone_are_stored_again(store, tmp_path):
    """The error says that a pack is gone, and logging again, as its hint says, heals it."""
    files = {"data": random.Random(1).randbytes(100_000)}
    log(store, tmp_path / "files", files)
    with store.index.read() as reader:
        packs = [pack for _, pack in reader.packs() if pack.kind is PackKind.DATA]
    for pack in packs:
        store.packs.remove(pack.pack_id)
    with pytest.raises(Exception, match="is gone"):
        log(store, tmp_path / "files", files, "other")
    assert log(store, tmp_path / "files", files, "other").created


def frame(text):
    data = text.encode() * 50
    return digest_of(data), data


@pytest.mark.parametrize(
    "limit", ["SEALED_PACKS_PER_TRANSACTION", "UNINDEXED_FRAMES_PER_TRANSACTION"]
)
def test_packs_get_their_rows_before_too_much_waits_for_them(store, monkeypatch, limit):
    """Many packs, or many frames: a killed process leaves as little to look for again."""
    monkeypatch.setattr(writer, "TARGET_PACK_BYTES", 1)  # every call fills a pack
    monkeypatch.setattr(session, "SEALED_PACKS_PER_TRANSACTION", 1000)
    monkeypatch.setattr(session, "UNINDEXED_FRAMES_PER_TRANSACTION", 1000)
    monkeypatch.setattr(session, limit, 3)
    adding = store.draft().session
    frames = [frame(f"number {number}") for number in range(3)]
    for number, each in enumerate(frames, 1):
        adding.add([each])
        found = store.frames.are_here([digest for digest, _ in frames])
        assert found == [number == 3] * 3


def test_a_flush_makes_durable_what_was_added_whoever_goes_on_adding(store, monkeypatch):
    """A thread that begins to add meanwhile takes no pack along that somebody waits for."""
    session = store.draft().session
    (token,) = session.add([frame("before")])
    begun, free = threading.Event(), threading.Event()

    def slowly(_encoder, data, _kind):
        begun.set()
        free.wait(timeout=30)
        return 0, data

    other = threading.Thread(target=session.add, args=([frame("meanwhile")],))
    wait = session._turns.wait

    def wait_and_see_another_begin():
        wait()
        if not begun.is_set():
            monkeypatch.setattr(Encoder, "encode", slowly)
            other.start()
            begun.wait(timeout=30)

    monkeypatch.setattr(session._turns, "wait", wait_and_see_another_begin)
    session.flush()
    assert session.pack_of(token) is not None
    free.set()
    other.join(timeout=30)
    session.flush()
    assert not session.holds(frame("meanwhile")[0])


def test_a_flush_waits_for_the_pack_that_another_thread_is_filling(store, monkeypatch):
    """The same frame added twice at once is durable for both."""
    session = store.draft().session
    begun, free = threading.Event(), threading.Event()
    encode = Encoder.encode

    def slowly(encoder, data, kind):
        begun.set()
        free.wait(timeout=30)
        return encode(encoder, data, kind)

    monkeypatch.setattr(Encoder, "encode", slowly)
    other = threading.Thread(target=session.add, args=([frame("the same")],))
    other.start()
    assert begun.wait(timeout=30)
    (token,) = session.add([frame("the same")])
    threading.Timer(0.1, free.set).start()
    session.flush()
    assert session.pack_of(token) is not None
    other.join(timeout=30)


def test_a_forked_child_leaves_alone_the_packs_that_its_parent_is_filling(store):
    """It finds nothing of what they hold, may close the store, and the parent goes on."""
    session = store.session()
    first, second = frame("before the fork"), frame("after the fork")
    session.add([first])
    child = os.fork()
    if not child:
        status = 1
        try:
            store.frames.read([first[0]])
        except Corrupt:
            store.close()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    session.add([second])
    session.flush()
    read = map(bytes, store.frames.read([first[0], second[0]]))
    assert [*read] == [first[1], second[1]]
    assert verify_store(store).problems == []


def test_ctrl_c_after_any_step_of_adding_leaves_what_others_added(store, tmp_path):
    """What waits in the background to be committed is in the same packs: none may end torn."""
    (tmp_path / "files").mkdir()
    kept = {f"kept{number}": random.Random(number).randbytes(3000) for number in range(3)}
    for path, data in kept.items():
        (tmp_path / "files" / path).write_bytes(data)
    waiting = store.draft()
    log_files(store, waiting, Walk(os.fsencode(tmp_path / "files")))
    for steps in range(1, 10_000):
        frames = [frame(f"{steps} {number}") for number in range(3)]
        error = interrupted_after(steps, lambda frames=frames: waiting.session.add(frames))
        assert not waiting.session.failed, f"after {steps} steps"
        if error is None:
            break
    for steps in range(1, 10_000):
        error = interrupted_after(steps, waiting.session.flush)
        assert not waiting.session.failed, f"after {steps} steps"
        if error is None:
            break
    assert commit(store, waiting, Commit(project="p", name="net", type="t")).created
    assert not verify_store(store).problems
