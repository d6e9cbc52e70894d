"""A push between two depots elsewhere, killed anywhere, or met by damage."""

import random

import pytest

from casstore.errors import Corrupt
from casstore.exchange import open_depot
from casstore.flows.transfer import receive, seal_versions, send
from casstore.flows.verify import verify_store
from casstore.journal import queries
from casstore.packs import writer
from casstore.remotes import open_objects
from casstore.remotes.claims import Claims
from casstore.store import close_store, create_store, live_versions


class Ended(BaseException):
    """The process ends here."""


class Dying:
    """Objects of a process that ends at its ``nth`` call, before or after it was answered."""

    def __init__(self, objects, left, *, answered):
        self._objects = objects
        self._left = left
        self._answered = answered

    def __getattr__(self, name):
        return getattr(self._objects, name)

    def _live(self, call):
        self._left[0] -= 1
        if self._left[0] < 0:
            if self._answered:
                call()
            raise Ended
        return call()

    def create(self, name, data):
        self._live(lambda: self._objects.create(name, data))

    def read(self, *where, **limits):
        return self._live(lambda: self._objects.read(*where, **limits))

    def read_ranges(self, ranges):
        for each in ranges:
            yield self.read(*each)


@pytest.fixture
def logged(store, write, log, tmp_path):
    """Log a version with a file of many chunks and some small ones."""
    draw = random.Random(7)
    files = {"large.bin": draw.randbytes(2_000_000), "a": b"a" * 100, "b": draw.randbytes(9000)}
    return log(store, write(tmp_path / "files", files), "net")


@pytest.fixture
def opened(tmp_path, request):
    """Open a depot called so; ``wrap`` its objects, with a mirror that knows nothing yet."""
    known = []

    def open_it(name, wrap=lambda objects: objects):
        objects = wrap(open_objects(f"memory://{request.node.name}-{tmp_path.name}-{name}"))
        known.append(open_depot(objects, tmp_path / "mirrors" / str(len(known)), create=True))
        return known[-1]

    yield open_it
    for depot in known:
        depot.close()


@pytest.mark.parametrize("answered", [False, True])
def test_a_push_between_depots_that_is_killed_anywhere_goes_on(
    store, logged, opened, tmp_path, monkeypatch, answered
):
    """Whole or not to be seen at every step; packs that came are not sent again."""
    monkeypatch.setattr(writer, "TARGET_PACK_BYTES", 400_000)
    send(store, opened("one"), [logged.commit])
    for nth in range(200):
        left = [10**9]
        one = opened("one", lambda o, n=left: Dying(o, n, answered=answered))
        two = opened("two", lambda o, n=left: Dying(o, n, answered=answered))
        left[0] = nth
        try:
            one.refresh()
            send(one, two, [logged.commit])
        except Ended:
            seen = opened("two")
            seen.refresh()
            with seen.index.read() as reader:
                view = queries.version(reader, logged.commit)
            if view is not None and view.complete:
                break  # the answer to its event was missed
        else:
            break
    assert nth > 5
    far = opened("two")
    packs = list(far.objects.listing("packs/"))
    assert sum(each.size_bytes for each in packs) < 2_200_000
    other = create_store(tmp_path / "other")
    receive(other, far, [logged.commit])
    assert live_versions(other, "p", "net")[0].manifest == logged.manifest
    assert verify_store(other).problems == []
    close_store(other)


def test_a_flipped_bit_at_the_source_does_not_reach_the_target(store, logged, opened):
    """The push says which frame, and nothing of the version is visible."""
    one = opened("one")
    send(store, one, [logged.commit])
    large = max(one.objects.listing("packs/"), key=lambda each: each.size_bytes)
    data = bytearray(one.objects.read(large.name))
    data[len(data) // 2] ^= 1
    one.objects.delete(large.name)
    one.objects.create(large.name, bytes(data))
    source, target = opened("one"), opened("two")
    source.refresh()
    with pytest.raises(Corrupt, match=r"frame [0-9a-f]{64} in packs/"):
        send(source, target, [logged.commit])
    assert list(target.objects.listing("journal/")) == []


def test_a_number_that_was_claimed_is_sealed_by_the_next_push(store, logged, opened, monkeypatch):
    """A push between depots that ends between the claim and its event leaves no hole."""
    send(store, opened("one"), [logged.commit])
    for ends in (True, False):
        one, two = opened("one"), opened("two")
        one.refresh()
        two.become_upstream()
        send(one, two, [logged.commit])
        claims = Claims(two.objects, "exclusive")
        if ends:
            monkeypatch.setattr(two, "publish", _end)
            with pytest.raises(Ended):
                seal_versions(None, two, lambda c=claims: c, [logged.commit])
        else:
            (outcome,) = seal_versions(None, two, lambda c=claims: c, [logged.commit])
            assert (outcome.commit, outcome.number) == (logged.commit, 0)
            assert seal_versions(None, two, lambda c=claims: c, [logged.commit]) == []
    seen = opened("two")
    seen.refresh()
    with seen.index.read() as reader:
        assert queries.version(reader, logged.commit).sealed == {two.authority: 0}


def _end(_events):
    raise Ended
