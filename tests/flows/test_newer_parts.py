"""What a later release wrote: it is named, and no ``repair`` of this one takes it away."""

import pytest

from casstore.depot import write_journal_pack
from casstore.digest import digest_of
from casstore.encoding import decode, encode
from casstore.exchange import open_depot
from casstore.flows.transfer import receive, send
from casstore.flows.verify import repair_depot, repair_store, verify_depot, verify_store
from casstore.journal.wire import TRAILER_SIZE
from casstore.packs import PackKind, PackWriter
from casstore.packs.format import HEADER, RECORD, TRAILER, pack_id_of
from casstore.remotes import open_objects
from casstore.store import live_versions

NEXT = 2
NO_CODEC = 77


@pytest.fixture
def opened(tmp_path):
    """Open the depot elsewhere of a test: as it was known, or ``anew``."""
    known = []

    def open_it(*, anew=False):
        objects = open_objects(tmp_path / "shared")
        known.append(open_depot(objects, tmp_path / "mirrors", create=not anew, anew=anew))
        return known[-1]

    yield open_it
    for depot in known:
        depot.close()


@pytest.fixture
def sent(store, opened, logged):
    """Log a version and bring it to the depot."""
    view = logged(1)
    send(store, opened(), [view.commit])
    return view


def pack_of(path, *frames):
    """Write a pack of (codec, data); return its bytes."""
    writer = PackWriter(path, PackKind.DATA, direct=False)
    for codec, data in frames:
        writer.append(digest_of(data), codec, len(data), data)
    name, _ = writer.seal()
    return name, path.read_bytes()


def of_next_format(data):
    """Return a pack as the next format would begin it, and the name that it then has."""
    magic, _, kind, reserved, random = HEADER.unpack_from(data)
    header = HEADER.pack(magic, NEXT, kind, reserved, random)
    footer_bytes, count, _, end = TRAILER.unpack(data[-TRAILER.size :])
    name = pack_id_of(header, data[-TRAILER.size - footer_bytes : -TRAILER.size])
    trailer = TRAILER.pack(footer_bytes, count, name, end)
    return name, header + data[HEADER.size : -TRAILER.size] + trailer


@pytest.fixture(params=["format", "codec"])
def newer(request, tmp_path):
    """Put a pack that this release cannot read into a depot; return its name there."""

    def put_into(root):
        codec = NO_CODEC if request.param == "codec" else 0
        made = pack_of(tmp_path / "made", (0, b"known"), (codec, b"of a later release"))
        name, data = of_next_format(made[1]) if request.param == "format" else made
        target = root / "packs" / name.hex()[:2] / name.hex()
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return name.hex()

    return put_into


@pytest.fixture(params=["sound", "damaged"])
def newer_events(request, store, sent, tmp_path):
    """Put a journal pack with an event of a later release into a depot; return its name there.

    The event beside it is sound, or damaged too.
    """

    def put_into(root):
        ((month, _),) = store.journal.months()
        data = store.journal.read(month, store.journal.names(month)[0])
        packed = encode({**decode(data[:-TRAILER_SIZE]), "v": NEXT})
        name = write_journal_pack(tmp_path / "made", [data, packed + digest_of(packed)])
        made = bytearray((tmp_path / "made").read_bytes())
        made[HEADER.size + RECORD.size + 10] ^= request.param == "damaged"
        folder = root / "journal" / month / "packs"
        folder.mkdir(exist_ok=True)
        (folder / name.hex()).write_bytes(made)
        return name.hex()

    return put_into


def marks_in(root):
    return list((root / "index").glob("damaged/*"))


def test_a_store_keeps_a_pack_of_a_later_release(store, sent, opened, newer):
    """A mark is never taken away, so what was set aside would be lost to that release too."""
    name = newer(store.root)
    repair_store(store, opened())
    assert marks_in(store.root) == []
    assert name in str(verify_store(store).problems)


def test_a_depot_keeps_a_pack_of_a_later_release(store, sent, opened, newer, tmp_path):
    """So does a bucket that machines of both releases push to."""
    name = newer(tmp_path / "shared")
    repair_depot(store, opened(anew=True), seen=opened())
    assert marks_in(tmp_path / "shared") == []
    assert name in str(verify_depot(opened(anew=True)).problems)


def test_a_store_keeps_events_of_a_later_release(store, sent, opened, newer_events):
    """Written anew without them, versions of that release would be gone."""
    name = newer_events(store.root)
    done = repair_store(store, opened())
    assert marks_in(store.root) == []
    assert name in str(done.problems)


def test_a_depot_keeps_events_of_a_later_release(store, sent, opened, newer_events, tmp_path):
    """What is damaged beside them is published again, and the pack stays."""
    name = newer_events(tmp_path / "shared")
    done = repair_depot(store, opened(anew=True), seen=opened())
    assert marks_in(tmp_path / "shared") == []
    assert name in str(done.problems)


@pytest.mark.parametrize("newer_events", ["sound"], indirect=True)
def test_versions_travel_beside_events_of_a_later_release(
    store, other, sent, opened, newer_events, tmp_path
):
    """One journal pack may hold events of both: those that are understood are read."""
    newer_events(tmp_path / "shared")
    for loose in (tmp_path / "shared" / "journal").glob("*/*-*"):
        loose.unlink()
    receive(other, opened(anew=True), [sent.commit])
    assert [view.commit for view in live_versions(other, "p", "net-1")] == [sent.commit]


def test_a_depot_keeps_an_index_of_a_later_release(store, sent, opened, tmp_path):
    """Packs of that release may be named by it alone."""
    data = bytearray(next((tmp_path / "shared" / "index").iterdir()).read_bytes())
    data[8] = NEXT
    name = digest_of(bytes(data)).hex()
    (tmp_path / "shared" / "index" / name).write_bytes(data)
    assert name in str(verify_depot(opened(anew=True)).problems)
    repair_depot(store, opened(anew=True), seen=opened())
    assert marks_in(tmp_path / "shared") == []
