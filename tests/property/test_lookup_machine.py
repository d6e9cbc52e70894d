"""Whoever merges, marks, removes or damages what and when: who looks is told what is there."""

import secrets
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from casstore.digest import digest_of
from casstore.exchange import (
    Indexed,
    lookup,
    merge_all,
    merge_some,
    merged,
    merged_id,
    merging,
    open_depot,
)
from casstore.packs import PackBuffer, PackKind, writer
from casstore.remotes import open_objects

FRAMES = {digest_of(b"frame %d" % number): b"frame %d" % number for number in range(24)}
DIGESTS = list(FRAMES)
CODEC_RAW = 0

_drawn = []

frame_sets = st.sets(st.sampled_from(DIGESTS), min_size=1, max_size=8)


@pytest.fixture(autouse=True, scope="module")
def small_limits():
    """Let a few rows be many, and few indexes be worth merging."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "os", SimpleNamespace(urandom=_next_bytes))
        patch.setattr(merged, "BUCKET_ROWS", 2)
        patch.setattr(merging, "MAX_MERGED_ROWS", 64)
        patch.setattr(merging, "MAX_UNMERGED", 2)
        patch.setattr(merging, "LEAST_MERGED", 2)
        patch.setattr(lookup, "LEAST_READ_BYTES", 48)
        patch.setattr(lookup, "MAX_GAP_BYTES", 0)
        yield


def _next_bytes(count):
    """Return what nobody drew before: the same in each run of one example."""
    _drawn.append(None)
    return len(_drawn).to_bytes(count, "big")


def pack_of(digests):
    """Return (pack, its bytes) of frames."""
    buffer = PackBuffer(PackKind.DATA)
    for digest in sorted(digests):
        buffer.append(digest, CODEC_RAW, len(FRAMES[digest]), FRAMES[digest])
    pack_id, data, rows = buffer.seal()
    return Indexed(pack_id, PackKind.DATA, len(data), rows), data


class Lookup(RuleBasedStateMachine):
    """Several who use one depot: two processes with one mirror, one with its own.

    ``there`` has the frames of each pack that is there and is not set aside.
    """

    def __init__(self):
        super().__init__()
        _drawn.clear()
        self._folder = tempfile.TemporaryDirectory()
        self._objects = open_objects(f"memory://lookup-{secrets.token_hex(8)}")
        self._depots = [self._open(name) for name in ("one", "one", "two")]
        self.there = {}

    def _open(self, mirror):
        return open_depot(self._objects, Path(self._folder.name) / mirror, create=True)

    def teardown(self):
        for depot in self._depots:
            depot.mirror.close()
        self._objects.close()
        self._folder.cleanup()

    @rule(who=st.integers(0, 2), sets=st.lists(frame_sets, min_size=1, max_size=3))
    def push(self, who, sets):
        """Create packs, and an index of them."""
        self._depots[who].frames.send_indexes([self._create(frames) for frames in sets])

    @rule(frames=frame_sets)
    def die_before_the_index(self, frames):
        """Create a pack that no index names."""
        self._create(frames)

    def _create(self, frames):
        pack, data = pack_of(frames)
        self._depots[0].frames.send_pack(pack.pack_id, data)
        self.there[pack.pack_id] = frames
        return pack

    @rule(who=st.integers(0, 2))
    def look(self, who):
        """See what is merged later, whatever is done meanwhile."""
        self._depots[who].frames.look()

    @rule(who=st.integers(0, 2))
    def merge(self, who):
        """Merge at the end of a push that looked some time ago."""
        merge_some(self._depots[who].frames)

    @rule(who=st.integers(0, 2))
    def compact(self, who):
        """Merge all that can be."""
        merge_all(self._depots[who].frames)

    @rule(who=st.integers(0, 2), data=st.data())
    def repair(self, who, data):
        """Set a pack aside when its frames lie in another."""
        if self.there:
            pack_id = data.draw(st.sampled_from(list(self.there)))
            self._depots[who].frames.send_indexes([self._create(self.there[pack_id])])
            self._depots[who].frames.set_aside([pack_id])
            del self.there[pack_id]

    @rule(data=st.data())
    def collect(self, data):
        """Remove a pack, and with it what only it held."""
        if self.there:
            pack_id = data.draw(st.sampled_from(list(self.there)))
            name = pack_id.hex()
            self._objects.delete(f"packs/{name[:2]}/{name}")
            del self.there[pack_id]

    @rule(data=st.data(), how=st.sampled_from(["flip", "cut", "gone"]))
    def damage(self, data, how):
        """Let a merged index be not what it was."""
        names = sorted(one.name for one in self._objects.listing("index/") if merged_id(one.name))
        if not names:
            return
        name = data.draw(st.sampled_from(names))
        content = bytearray(self._objects.read(name))
        self._objects.delete(name)
        if how == "flip":
            content[data.draw(st.integers(0, len(content) - 1))] ^= 1
        if how != "gone":
            self._objects.create(name, bytes(content[: -1 if how == "cut" else None]))

    @rule(who=st.integers(0, 2), asked=st.lists(st.sampled_from(DIGESTS), unique=True))
    def ask(self, who, asked):
        """Compare answers after a look with what is there, and read it."""
        frames = self._depots[who].frames
        frames.look()
        self._check(frames, asked)

    @rule(asked=st.lists(st.sampled_from(DIGESTS), unique=True))
    def ask_as_somebody_new(self, asked):
        """Compare the answers of a mirror that knows nothing yet."""
        depot = self._open(secrets.token_hex(4))
        depot.frames.look()
        self._check(depot.frames, asked)
        depot.mirror.close()

    def _check(self, frames, asked):
        told = frames.ask(asked)
        held = set().union(*self.there.values())
        assert told == [digest in held for digest in asked]
        found = dict(frames.read([digest for digest in asked if digest in held]))
        assert {digest: bytes(its.payload) for digest, its in found.items()} == {
            digest: FRAMES[digest] for digest in asked if digest in held
        }


TestLookup = Lookup.TestCase
TestLookup.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
