"""Versions travel: whole, only those that were asked for, and once."""

import random

import pytest
from elsewhere import contents

from casstore.errors import Corrupt
from casstore.exchange import indexes, open_depot
from casstore.flows.lifecycle import plan_removal, remove
from casstore.flows.transfer import plan_to_receive, plan_to_send, receive, send, sending
from casstore.flows.verify import verify_store
from casstore.journal import lineage, queries
from casstore.journal.bodies import AliasBody, RunStartBody, RunUseBody
from casstore.journal.subjects import CommitSubject, RunSubject
from casstore.manifests import chunk_refs
from casstore.packs import rows_at, writer
from casstore.remotes import open_objects
from casstore.store import close_store, create_store, live_versions


def files_of(seed, count=6):
    """Return files: small ones, one that compresses, one of many chunks, an empty one."""
    draw = random.Random(seed)
    return {
        "empty": b"",
        "text.txt": f"line {seed}\n".encode() * 30_000,
        "large.bin": draw.randbytes(3_000_000),
        **{f"d/{number}.bin": draw.randbytes(draw.randrange(40_000)) for number in range(count)},
    }


@pytest.fixture
def connect(tmp_path, request):
    """Open the one depot elsewhere of a test, each time with a mirror that knows nothing yet."""
    opened = []

    def open_it(wrap=lambda objects: objects, mirror=None):
        objects = wrap(open_objects(f"memory://{request.node.name}-{tmp_path.name}"))
        folder = tmp_path / "mirrors" / (mirror or str(len(opened)))
        opened.append(open_depot(objects, folder, create=True))
        return opened[-1]

    yield open_it
    for depot in opened:
        depot.close()


@pytest.fixture
def logged(store, write, log, tmp_path):
    """Log a version of a name with content drawn from a seed."""

    def log_seed(name, seed, **fields):
        folder = write(tmp_path / "files" / f"{name}-{seed}", files_of(seed))
        return log(store, folder, name, **fields)

    return log_seed


def everything_in(depot):
    """Return {name: bytes} of every object."""
    objects = depot.objects
    return {found.name: objects.read(found.name) for found in objects.listing("")}


def test_a_version_arrives_whole_with_what_is_said_of_it(store, other, connect, logged):
    """Bytes, description, tags and aliases; it is verified in the store that received it."""
    view = logged("net", 1, description="a net", tags=("t",), metadata='{"a":1}')
    store.events.append(CommitSubject("p", "net", view.commit), AliasBody("best", True, ()))
    sent = send(store, connect(), [view.commit])
    assert [one.commit for one in sent.versions] == [view.commit]
    received = receive(other, connect(), [view.commit])
    assert received.frames == sent.frames > 20
    with other.index.read() as reader:
        found = queries.version(reader, view.commit)
        assert queries.alias(reader, "p", "net", "best").commit == view.commit
    assert (found.description, found.tags, found.metadata) == ("a net", ("t",), '{"a":1}')
    assert contents(other, found) == files_of(1)
    assert verify_store(other).problems == []


def test_what_is_there_does_not_travel_again(store, other, connect, logged):
    """Neither in the same store nor in one that has the frames of an older version."""
    first, second = logged("net", 1), logged("other", 1, metadata='{"b":2}')
    depot = connect()
    send(store, depot, [first.commit])
    before = everything_in(depot)
    again = send(store, depot, [first.commit])
    assert (again.frames, again.events) == (0, 0)
    assert everything_in(depot) == before
    same = send(store, depot, [second.commit])
    assert (same.frames, same.packs, same.events) == (0, 0, 1)
    receive(other, connect(), [first.commit])
    came = receive(other, connect(), [second.commit])
    assert (came.frames, came.events) == (0, 1)
    assert contents(other, live_versions(other, "p", "other")[0]) == files_of(1)


def test_no_frame_is_sent_twice(store, connect, write, log, tmp_path, monkeypatch):
    """Not even one that many files have, where the first is there before the last is looked at."""
    monkeypatch.setattr(writer, "TARGET_PACK_BYTES", 100_000)
    monkeypatch.setattr(sending, "FRAMES_READ_AT_ONCE", 4)
    draw = random.Random(4)
    files = {f"{n:02}": draw.randbytes(30_000) if n % 5 else b"the same" for n in range(50)}
    view = log(store, write(tmp_path / "files", files), "net")
    depot = connect()
    send(store, depot, [view.commit])
    sent = []
    for name, data in everything_in(depot).items():
        if name.startswith("packs/"):
            _, _, rows = rows_at(lambda n, at, d=data: d[at : at + n], len(data), name)
            sent += [row.digest for row in rows]
    assert len(sent) == len(set(sent)) > 40


def test_nothing_of_another_version_leaks(store, connect, logged):
    """No byte, digest or name of what was not pushed is in the depot, though packs held both."""
    secret = logged("secret-name", 2, description="secret words", tags=("secret-tag",))
    open_one = logged("net", 1, bases=())
    run = RunSubject("p", "run-1")
    store.events.append(
        run, RunStartBody("n", None, None, None, None, None, '{"secret":"secret-config"}', None)
    )
    store.events.append(run, RunUseBody(open_one.commit, "p", "net", None))
    store.events.append(run, RunUseBody(secret.commit, "p", "secret-name", None))
    depot = connect()
    send(store, depot, [open_one.commit])
    hidden = [secret.commit, secret.manifest.digest, secret.manifest.root]
    hidden += [b"secret", secret.commit.hex().encode()]
    for entry in store.manifest(secret.manifest):
        if entry.size_bytes:
            hidden.append(entry.content)
            refs = chunk_refs(entry.layout, entry.content, entry.size_bytes, store.frames.metadata)
            hidden += [ref.digest for _, ref in refs]
    hidden += [files_of(2)["large.bin"][at : at + 64] for at in range(0, 3_000_000, 50_000)]
    for name, data in everything_in(depot).items():
        for secret_bytes in hidden:
            assert secret_bytes not in data, name
            assert secret_bytes.hex() not in name
    send(store, depot, [secret.commit])
    receive_into = everything_in(depot)
    assert any(b"secret-config" in data for data in receive_into.values())


def test_a_run_goes_along_when_all_that_it_names_is_there(store, other, connect, logged):
    """Then lineage is whole on the other side too."""
    first, second = logged("net", 1), logged("data", 2)
    run = RunSubject("p", "run-1")
    store.events.append(run, RunStartBody(*[None] * 8))
    for view, name in ((first, "net"), (second, "data")):
        store.events.append(run, RunUseBody(view.commit, "p", name, None))
    depot = connect()
    send(store, depot, [first.commit])
    receive(other, connect(), [first.commit])
    with other.index.read() as reader:
        assert lineage.run(reader, "p", "run-1") is None
    send(store, depot, [second.commit])
    receive(other, connect(), [first.commit, second.commit])
    with other.index.read() as reader:
        used = lineage.run(reader, "p", "run-1").inputs
    assert {one.commit for one in used} == {first.commit, second.commit}


def test_plans_say_what_is_then_done(store, other, connect, logged):
    """And change nothing."""
    view = logged("net", 1)
    depot = connect()
    before = everything_in(depot)
    to_send = plan_to_send(store, depot, [view.commit])
    assert everything_in(depot) == before
    sent = send(store, depot, [view.commit])
    assert (to_send.frames, to_send.stored_bytes) == (sent.frames, sent.stored_bytes)
    to_receive = plan_to_receive(other, connect(), [view.commit])
    assert live_versions(other, "p", "net") == []
    received = receive(other, connect(), [view.commit])
    assert (to_receive.frames, to_receive.stored_bytes) == (received.frames, received.stored_bytes)


def test_a_frame_that_comes_twice_is_sent_once(store, connect, write, log, tmp_path, monkeypatch):
    """Also where the pack that holds it was finished in between."""
    monkeypatch.setattr(writer, "TARGET_PACK_BYTES", 100_000)
    monkeypatch.setattr(sending, "FRAMES_READ_AT_ONCE", 2)
    draw = random.Random(3)
    same = draw.randbytes(150_000)
    files = {"a.bin": same, "m.bin": draw.randbytes(900_000), "z.bin": b"x" + same[1:] + same}
    view = log(store, write(tmp_path / "twice", {**files, "zz.bin": same}), "twice")
    depot = connect()
    send(store, depot, [view.commit])
    digests = [row.digest for packs in depot.frames.indexed() for one in packs for row in one.rows]
    assert len(digests) == len(set(digests)) > 10


class Ended(BaseException):
    """The process ends here."""


class Dying:
    """Objects of a process that ends at its ``nth`` creation, before or after it was made."""

    def __init__(self, objects, nth, *, made):
        self._objects = objects
        self._left = nth
        self._made = made

    def __getattr__(self, name):
        return getattr(self._objects, name)

    def create(self, name, data):
        self._left -= 1
        if self._left < 0:
            if self._made:
                self._objects.create(name, data)
            raise Ended
        self._objects.create(name, data)


@pytest.mark.parametrize("mirror", [None, "one for all"])
@pytest.mark.parametrize("made", [False, True])
def test_a_push_that_is_killed_anywhere_goes_on(
    store, other, connect, logged, monkeypatch, made, mirror
):
    """What is visible is whole at every step, and no frame is sent twice."""
    monkeypatch.setattr(writer, "TARGET_PACK_BYTES", 400_000)
    monkeypatch.setattr(sending, "PACKS_OF_AN_INDEX", 3)
    monkeypatch.setattr(indexes, "PACKS_OF_AN_INDEX", 3)
    view = logged("net", 1)
    created = 0
    for nth in range(100):
        dying = connect(lambda o, n=nth: Dying(o, n, made=made), mirror)
        try:
            sent = send(store, dying, [view.commit])
        except Ended:
            dying.close()
            depot = connect()
            depot.refresh()
            with depot.mirror.index.read() as reader:
                visible = queries.version(reader, view.commit)
            if visible is not None:
                assert made  # its event was made, and only the answer was missed
                break
            created = max(created, nth)
        else:
            assert sent.versions
            break
    assert created >= 1
    depot = connect()
    send(store, depot, [view.commit])
    receive(other, connect(), [view.commit])
    assert contents(other, live_versions(other, "p", "net")[0]) == files_of(1)
    packs = [name for name in everything_in(depot) if name.startswith("packs/")]
    total = sum(len(depot.objects.read(name)) for name in packs)
    assert total < 1.15 * plan_to_send_size(store, view)


class DyingReader:
    """Objects of a process that ends at its ``nth`` request, before or after it was answered."""

    def __init__(self, objects, nth, *, answered):
        self._objects = objects
        self._left = nth
        self._answered = answered

    def __getattr__(self, name):
        return getattr(self._objects, name)

    def _live(self, call):
        self._left -= 1
        if self._left < 0:
            if self._answered:
                call()
            raise Ended
        return call()

    def read(self, *where, **limits):
        return self._live(lambda: self._objects.read(*where, **limits))

    def listing(self, prefix):
        return self._live(lambda: list(self._objects.listing(prefix)))

    def read_ranges(self, ranges):
        for each in ranges:
            yield self.read(*each)


@pytest.mark.parametrize("mirror", ["known", None])
@pytest.mark.parametrize("answered", [False, True])
def test_a_pull_that_is_killed_anywhere_goes_on(
    store, connect, logged, tmp_path, monkeypatch, mirror, answered
):
    """With the mirror that it left or a new one; nothing is visible before it is whole."""
    monkeypatch.setattr(writer, "TARGET_PACK_BYTES", 400_000)
    view = logged("net", 1)
    send(store, connect(), [view.commit])
    requests = 0
    for nth in range(200):
        other = create_store(tmp_path / "other")
        assert live_versions(other, "p", "net") == []
        try:
            receive(
                other,
                connect(lambda o, n=nth: DyingReader(o, n, answered=answered), mirror),
                [view.commit],
            )
        except Ended:
            requests = nth + 1
            assert verify_store(other).problems == []
            close_store(other)
        else:
            break
    assert requests >= 5
    assert contents(other, live_versions(other, "p", "net")[0]) == files_of(1)
    assert verify_store(other).problems == []
    close_store(other)


def plan_to_send_size(store, view):
    """Return how many bytes a version's frames take as they are stored."""
    digests = set()
    for entry in store.manifest(view.manifest):
        refs = chunk_refs(entry.layout, entry.content, entry.size_bytes, store.frames.metadata)
        digests |= {ref.digest for _, ref in refs}
    return store.frames.stored_bytes(list(digests))


class Flipping:
    """Objects of which one flips a bit in what it returns, wherever the name begins so."""

    def __init__(self, objects, prefix):
        self._objects = objects
        self._prefix = prefix

    def __getattr__(self, name):
        return getattr(self._objects, name)

    def _flip(self, name, data):
        if not name.startswith(self._prefix):
            return data
        middle = len(data) // 2
        return data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :]

    def read(self, name, *where, **limits):
        return self._flip(name, self._objects.read(name, *where, **limits))

    def read_ranges(self, ranges):
        ranges = list(ranges)
        for where, data in zip(ranges, self._objects.read_ranges(ranges), strict=True):
            yield self._flip(where.name, data)


@pytest.mark.parametrize("prefix", ["packs/", "index/", "journal/"])
def test_a_flipped_bit_is_never_served(store, other, connect, logged, prefix):
    """Nothing becomes visible; the next call over a sound line brings all."""
    view = logged("net", 1)
    send(store, connect(), [view.commit])
    depot = connect(lambda objects: Flipping(objects, prefix))
    if prefix == "journal/":
        assert receive(other, depot, [view.commit]).versions == ()
        assert [*depot.problems] == [name for name in everything_in(connect()) if "journal" in name]
    elif prefix == "index/":  # the packs say themselves what they hold
        assert len(receive(other, depot, [view.commit]).versions) == 1
        assert [name[:6] for name in depot.problems] == ["index/"]
        return
    else:
        with pytest.raises(Corrupt, match=r"frame|pack"):
            receive(other, depot, [view.commit])
    assert live_versions(other, "p", "net") == []
    receive(other, connect(), [view.commit])
    assert contents(other, live_versions(other, "p", "net")[0]) == files_of(1)


def test_a_removed_version_is_removed_there_too(store, other, connect, logged):
    """The event of its removal travels to where the version is, and it is not sent where not."""
    view, never = logged("net", 1), logged("gone", 3)
    depot = connect()
    send(store, depot, [view.commit])
    receive(other, connect(), [view.commit])
    remove(store, plan_removal(store, [view, never], with_aliases=True))
    sent = send(store, depot, [view.commit, never.commit])
    assert (sent.versions, sent.frames) == ((), 0)
    receive(other, connect(), [view.commit, never.commit])
    assert live_versions(other, "p", "net") == []
    with other.index.read() as reader:
        assert queries.version(reader, never.commit) is None


def test_many_versions_arrive_as_one_journal_pack(store, other, connect, write, log, tmp_path):
    """Few requests, however many events."""
    commits = []
    for number in range(40):
        folder = write(tmp_path / f"many-{number}", {"a": str(number).encode()})
        commits.append(log(store, folder, "many").commit)
    depot = connect()
    send(store, depot, commits)
    names = [name for name in everything_in(depot) if name.startswith("journal/")]
    assert len(names) == 1
    receive(other, connect(), commits)
    assert len(live_versions(other, "p", "many")) == 40
    assert [name for month, _ in other.journal.months() for name in other.journal.names(month)] == [
        "packs"
    ]
