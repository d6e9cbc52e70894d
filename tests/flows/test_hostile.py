"""Depots that were made to harm whoever pulls from them: refused, and the store is as it was."""

import os
import struct
import time
import uuid

import pytest

from casstore.chunks import codecs
from casstore.depot import identity
from casstore.digest import Digest, digest_of
from casstore.encoding import canonical_json, encode_ordered
from casstore.errors import Conflict, Corrupt, Error, Invalid, Unsupported
from casstore.exchange import Event, Indexed, open_depot, write_index
from casstore.flows.checkout import checkout
from casstore.flows.transfer import plan_to_receive, receive
from casstore.flows.verify import verify_depot, verify_store
from casstore.journal.bodies import ManifestRef, SealedBody, VersionBody
from casstore.journal.subjects import CommitSubject
from casstore.journal.wire import write_event
from casstore.manifests import ManifestDigest
from casstore.manifests.entries import Entry
from casstore.names import parse_reference
from casstore.packs import PackBuffer, PackKind
from casstore.packs.format import RECORD, RECORD_MAGIC
from casstore.remotes import open_objects
from casstore.store import find_version, live_versions

LARGE = 16 * 1024 * 1024


class Hostile:
    """A depot that holds whatever one likes, with the right names and sums."""

    def __init__(self, depot):
        self.depot = depot

    def frames(self, kind, *frames):
        """Put (digest, codec, size, payload) frames into a pack; returns what the index says."""
        pack = PackBuffer(kind)
        for digest, codec, size, payload in frames:
            append_lying(pack, digest, codec, size, payload)
        pack_id, data, rows = pack.seal()
        self.depot.frames.send_pack(pack_id, data)
        packed = Indexed(pack_id, kind, len(data), rows)
        self.depot.frames.send_indexes([packed])
        return packed

    def version(self, entries, *, data=(), name="net", digest=None, **more):
        """Publish a version of entries as they are; ``data`` are its chunks."""
        segment = encode_ordered([0, [list(entry) for entry in entries]])
        root = digest_of(segment)
        self.frames(PackKind.METADATA, (root, 0, len(segment), segment))
        chunks = [(digest_of(one), 0, len(one), one) for one in data]
        if chunks:
            self.frames(PackKind.DATA, *chunks)
        content = ManifestDigest()
        content.extend([Entry(*entry) for entry in entries])
        size = sum(entry[1] for entry in entries)
        ref = ManifestRef(digest or content.digest(), Digest(root), 0, len(entries), size)
        return self.event(name, VersionBody("dataset", "local", ref, **more))

    def event(self, name, body, commit=None, clock=1, at=None):
        """Publish an event; returns the commit that it is about."""
        commit = commit or os.urandom(16)
        written = write_event(
            CommitSubject("p", name, commit),
            body,
            writer=os.urandom(16),
            seq=0,
            clock=clock,
            time=at or time.time_ns() // 1000,
        )
        self.depot.publish([Event(written.name, written.event.time, written.data)])
        return commit


def append_lying(pack, digest, codec, size, payload):
    """Append a record that says of its size what it likes."""
    pack._rows.append((digest, pack._file.size_bytes, len(payload), size, codec))
    pack._file.append(RECORD.pack(RECORD_MAGIC, codec, 0, 0, len(payload), size, digest))
    pack._file.append(payload)


@pytest.fixture
def url():
    return f"memory://{uuid.uuid4().hex}"


@pytest.fixture
def opened(tmp_path, url):
    """Open the depot, each time with a mirror that knows nothing yet."""
    known = []

    def open_it(**options):
        options = options or {"create": True}
        known.append(open_depot(open_objects(url), tmp_path / f"mirror{len(known)}", **options))
        return known[-1]

    yield open_it
    for depot in known:
        depot.close()


@pytest.fixture
def hostile(opened):
    return Hostile(opened())


def file_entry(path, data, **changes):
    entry = {"path": path, "size": len(data), "kind": 0, "content": digest_of(data)}
    entry.update(changes)
    return tuple(entry.values())


def refused(store, opened, commit, kind=Corrupt, match=None):
    """See that a version is refused in one line, and that the store is what it was."""
    before = [view.commit for view in live_versions(store, "p", "net")]
    with pytest.raises(kind, match=match) as caught:
        receive(store, opened(), [commit])
    assert "\n" not in caught.value.message
    assert [view.commit for view in live_versions(store, "p", "net")] == before
    assert verify_store(store).problems == []


@pytest.mark.parametrize(
    "path",
    [b"../evil", b"/etc/evil", b"a/../../evil", b"a//b", b"", b"a\0b", b"./a", b"C:/evil", b".."],
)
def test_paths_that_escape_are_refused_when_pulled(store, opened, hostile, path):
    """Whatever else is right about the version; a plan refuses them too, and so does verify."""
    commit = hostile.version([file_entry(path, b"evil")], data=[b"evil"])
    refused(store, opened, commit, match="is refused")
    with pytest.raises(Corrupt, match="is refused"):
        plan_to_receive(store, opened(), [commit])
    assert any(one.kind == "manifest" for one in verify_depot(opened(anew=True)).problems)


def test_paths_that_escape_are_refused_at_checkout_too(store, tmp_path):
    """Though they came into the store past all that: nothing is written outside."""
    segment = encode_ordered([0, [list(file_entry(b"../evil", b"evil"))]])
    session = store.session()
    root, _ = session.add_metadata(segment)
    session.add([(digest_of(b"evil"), b"evil")])
    session.flush()
    content = ManifestDigest()
    content.extend([Entry(*file_entry(b"../evil", b"evil"))])
    ref = ManifestRef(content.digest(), root, 0, 1, 4)
    store.events.append(CommitSubject("p", "net", os.urandom(16)), VersionBody("d", "e", ref))
    (view,) = live_versions(store, "p", "net")
    with pytest.raises(Error):
        checkout(store, view, tmp_path / "out" / "in")
    assert not (tmp_path / "out" / "evil").exists()
    assert not (tmp_path / "evil").exists()


def test_a_frame_that_decodes_to_more_than_it_says_is_refused(store, opened, hostile):
    """A zip bomb is never unpacked beyond the size of its record."""
    bomb = codecs.zstandard.ZstdCompressor().compress(bytes(LARGE))
    data = bytes(1000)
    hostile.frames(PackKind.DATA, (digest_of(data), codecs.CODEC_ZSTD, 1000, bomb[:1000]))
    refused(store, opened, hostile.version([file_entry(b"a", data)]))
    whole = bytes(LARGE)
    hostile.frames(PackKind.DATA, (digest_of(whole), codecs.CODEC_ZSTD, LARGE + 1, bomb))
    refused(store, opened, hostile.version([file_entry(b"a", whole)]))


def test_a_frame_that_is_longer_stored_than_whole_is_refused(store, opened, hostile):
    """No encoder makes one, and no pack here may hold it."""
    data = b"ab"
    stored = codecs.zstandard.ZstdCompressor().compress(data)
    assert len(stored) > len(data)
    hostile.frames(PackKind.DATA, (digest_of(data), codecs.CODEC_ZSTD, 2, stored))
    refused(store, opened, hostile.version([file_entry(b"a", data)]))


@pytest.mark.parametrize("size", [0, 3, 5, 2**40])
def test_sizes_that_lie_are_refused(store, opened, hostile, size):
    """A file's size is that of its bytes."""
    entries = [file_entry(b"a", b"four", size=size)]
    commit = hostile.version(entries, data=[b"four"])
    if size == 0:  # nothing of it is a frame, and its digest is not that of nothing
        refused(store, opened, commit, match="digest|size|not")
    else:
        refused(store, opened, commit, match="size")


def test_sizes_of_nodes_that_lie_are_refused(store, opened, hostile):
    """What the event says of the version is what its list of files adds up to."""
    segment = encode_ordered([0, [list(file_entry(b"a", b"four"))]])
    hostile.frames(PackKind.METADATA, (digest_of(segment), 0, len(segment), segment))
    content = ManifestDigest()
    content.extend([Entry(*file_entry(b"a", b"four"))])
    ref = ManifestRef(content.digest(), Digest(digest_of(segment)), 0, 1, 5)
    refused(store, opened, hostile.event("net", VersionBody("d", "e", ref)), match="add up")


def test_chunks_that_are_not_the_file_are_refused(store, opened, hostile):
    """Each chunk is what it says, and together they are not the file that the digest names."""
    parts = [b"one" * 10, b"two" * 10]
    layout = b"".join(struct.pack("<32sI", digest_of(part), len(part)) for part in parts)
    entry = (b"a", 60, 0, digest_of(b"something else"), layout)
    refused(store, opened, hostile.version([entry], data=parts), match="not the file")


def test_content_under_a_digest_that_is_not_its_own_is_refused(store, opened, hostile):
    """So nobody makes a version pass for another one that is trusted."""
    trusted = digest_of(b"the digest of a version that people know")
    commit = hostile.version([file_entry(b"a", b"evil")], data=[b"evil"], digest=trusted)
    refused(store, opened, commit, match="not the content")


def test_index_rows_that_point_elsewhere_are_refused(store, opened, hostile):
    """A frame is compared with its digest wherever an index finds it, or it is found nowhere."""
    good, evil = b"good" * 10, b"evil" * 10
    packed = hostile.frames(PackKind.DATA, (digest_of(evil), 0, 40, evil))
    commit = hostile.version([file_entry(b"a", good)])
    row = packed.rows[0]._replace(digest=Digest(digest_of(good)))
    name, data = write_index([packed._replace(rows=[row])])
    hostile.depot.objects.create(f"index/{name.hex()}", data)
    refused(store, opened, commit, match="not the one|in no pack")
    far = packed.rows[0]._replace(digest=Digest(digest_of(good)), offset=2**31)
    name, data = write_index([packed._replace(rows=[far])])
    hostile.depot.objects.create(f"index/{name.hex()}", data)
    depot = opened()
    depot.frames.learn_all()
    assert "points past its packs" in depot.problems[f"index/{name.hex()}"]
    name, data = write_index([packed._replace(kind=77)])
    hostile.depot.objects.create(f"index/{name.hex()}", data)
    depot = opened()
    depot.frames.learn_all()
    assert f"index/{name.hex()}" in depot.problems


def test_an_index_that_says_it_is_huge_is_not_read(store, opened, hostile):
    """Its head is read first."""
    head = struct.pack("<8sHHI", b"CASINDX\n", 1, 1000, 2**31)
    name = digest_of(head).hex()
    hostile.depot.objects.create(f"index/{name}", head)
    depot = opened()
    depot.frames.learn_all()
    assert "larger than any" in depot.problems[f"index/{name}"]


def test_events_whose_names_do_not_match_are_left_out(store, opened, hostile):
    """Renamed, cut short, huge, or no event at all: each is named, the others are read."""
    good = hostile.version([file_entry(b"a", b"good")], data=[b"good"])
    objects = hostile.depot.objects
    (name,) = [found.name for found in objects.listing("journal/")]
    data = objects.read(name)
    other = name[:-1] + ("0" if name[-1] != "0" else "1")
    objects.create(other, data)
    objects.create(name.replace("-000000000000-", "-000000000001-"), data)
    objects.create("journal/202611/packs/" + "ab" * 32, b"no pack" * 100)
    depot = opened()
    received = receive(store, depot, [good])
    assert [view.commit for view in received.versions] == [good]
    assert len(depot.problems) == 3


def test_a_number_of_the_upstream_that_somebody_else_seals_is_never_silent(
    store, opened, hostile, write, log, tmp_path
):
    """Somebody is asked what ``v0`` is to be, whatever clock the forger chose."""
    mine = log(store, write(tmp_path / "mine", {"a": b"mine"}), "net")
    authority = bytes(range(16))
    store.follow_upstream(authority)
    store.events.append(CommitSubject("p", "net", mine.commit), SealedBody(0, authority))
    evil = hostile.version([file_entry(b"a", b"evil")], data=[b"evil"])
    hostile.event("net", SealedBody(0, authority), evil, clock=0)
    receive(store, opened(), [evil])
    with pytest.raises(Conflict, match=mine.commit.hex()):
        find_version(store, parse_reference("net:v0"), "p")


def test_a_number_of_this_store_that_somebody_else_gives_is_never_silent(
    store, opened, hostile, write, log, tmp_path
):
    """A version that says that this store numbered it does not take the number over."""
    mine = log(store, write(tmp_path / "mine", {"a": b"mine"}), "net")
    evil = hostile.version(
        [file_entry(b"a", b"evil")], data=[b"evil"], number=0, numbering=store.numbering
    )
    receive(store, opened(), [evil])
    with pytest.raises(Conflict, match=mine.commit.hex()):
        find_version(store, parse_reference("net:v0"), "p")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", Corrupt),
        (b"[" * 100_000, Corrupt),
        (b'{"format":1e999,"store_id":"x"}', Corrupt),
        (b'{"format":1,"store_id":"../../../../tmp/evil"}', Corrupt),
        (b'{"format":1,"store_id":7}', Corrupt),
        (b'{"format":' + b"9" * 5000 + b"}", Corrupt),
        (b'{"format":99,"needs_casstore":">=9","store_id":"' + b"0" * 32 + b'"}', Unsupported),
    ],
)
def test_a_hostile_or_newer_format_is_one_line(opened, tmp_path, url, data, kind):
    """Nothing is made outside the mirrors; a newer one says which release it needs."""
    open_objects(url).create("FORMAT", data)
    before = set(tmp_path.rglob("*"))
    with pytest.raises(kind) as caught:
        opened(create=False)
    assert "\n" not in str(caught.value)
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("data", [b"", b"\xff" * 100, b"0" * 32 + b"\n", b"zz\n", b"a" * 10_000])
def test_a_hostile_authority_is_one_line(opened, hostile, data):
    """It is none, and nothing is followed."""
    hostile.depot.objects.create("AUTHORITY", data)
    with pytest.raises(Corrupt, match="AUTHORITY"):
        opened().read_authority()


def test_frames_of_the_format_that_lie_are_what_the_store_id_may_be(tmp_path):
    """A store id is 32 characters 0-9a-f, for folders are called by it."""
    fields = {"chunker": identity.CHUNKER_PARAMETERS, "format": 1, "store_id": "A" * 32}
    with pytest.raises(Corrupt):
        identity.parse_identity(canonical_json(fields).encode(), "here")


def test_names_that_no_object_has_are_passed_over(store, opened, hostile):
    """A listing may show anything: only names of the right form are read."""
    good = hostile.version([file_entry(b"a", b"good")], data=[b"good"])
    objects = hostile.depot.objects
    for name in ("packs/zz/zz", "index/evil", "index/damaged/evil", "journal/evil", "roots/x/y"):
        objects.create(name, b"evil")
    depot = opened()
    assert [view.commit for view in receive(store, depot, [good]).versions] == [good]
    depot.frames.refresh()
    assert depot.problems == {}


def test_a_listing_that_never_ends_is_given_up(monkeypatch, opened, hostile):
    """It would fill the memory, or go on for ever."""
    from casstore.remotes import served

    monkeypatch.setattr(served, "MAX_LISTED", 50)
    for number in range(60):
        hostile.depot.objects.create(f"journal/202611/{number}", b"x")
    with pytest.raises(Error, match="more than 50"):
        opened().refresh()


def test_invalid_is_what_a_call_gets_and_corrupt_what_a_depot_is():
    """A refused version is the depot's fault, not the caller's."""
    assert not issubclass(Corrupt, Invalid)
