"""The roll of a depot on every kind of place: who may not list sees what was created.

That somebody may not list is played here, on places that have no such users; the real thing is in
``faces/test_unlisted.py``.
"""

import pytest
from places import PLACES

from casstore.digest import digest_of
from casstore.errors import NotFound, RemoteAuth, Unsupported
from casstore.exchange import open_depot
from casstore.parallel import Pool
from casstore.remotes import Listed, Range, Rolled, roll

CLAIM = "claims/vision/%4eet/0"
WRITERS, EACH = 3, 4


class Unlisted:
    """Objects that refuse to list, and to say that something is not there."""

    def __init__(self, objects):
        self._objects = objects

    def __getattr__(self, name):
        return getattr(self._objects, name)

    def read(self, name, *where, **limits):
        try:
            return self._objects.read(name, *where, **limits)
        except NotFound:
            raise RemoteAuth("refused", hint="looked for somewhere") from None

    def listing(self, prefix):
        raise RemoteAuth(f"cannot list {prefix}", hint="looked for somewhere")
        yield


def name_of(number):
    return f"packs/{number:02x}/{number:064x}"


def entries(objects):
    return [each for each in objects.listing(roll.ROLL) if not each.name.startswith(roll.LISTS)]


def listed(objects, prefix=""):
    return set(objects.listing(prefix))


def test_who_may_not_list_sees_what_was_created(place, opened):
    """Where something can be created exclusively; elsewhere there is no roll, and it is said."""
    objects = opened(place.url)
    writer = Rolled(objects, writing=True)
    writer.create("FORMAT", b"{}")
    writer.create(name_of(1), b"one")
    writer.create("journal/202611/packs/ab", b"event")
    writer.tell()
    reader = Rolled(Unlisted(opened(place.url)))
    if not place.exclusive:
        assert entries(objects) == []
        with pytest.raises(RemoteAuth, match="no roll there says"):
            list(reader.listing("packs/"))
        return
    assert listed(reader, "packs/") == {Listed(name_of(1), 3)}
    assert listed(reader, "journal/") == {Listed("journal/202611/packs/ab", 5)}
    writer.create(name_of(2), b"two")
    writer.tell()
    assert listed(reader, "packs/") == listed(objects, "packs/")
    assert reader.read(name_of(2)) == b"two"
    with pytest.raises(NotFound):
        reader.read(name_of(3))
    assert not reader.may_list


@pytest.mark.parametrize("kind", [kind for kind in PLACES if not kind.startswith("rclone")])
def test_writers_at_once_are_all_named(kind, place_of, opened):
    """Some may list, one may not; entries are dense."""
    place = place_of(kind)
    first = Rolled(opened(place.url), writing=True)
    first.create("FORMAT", b"{}")
    first.create(name_of(0), b"x")
    first.tell()

    def write(who):
        objects = opened(place.url)
        writer = Rolled(objects if who else Unlisted(objects), writing=True)
        for number in range(EACH):
            writer.create(name_of(1 + who * EACH + number), b"x")
            writer.tell()

    with Pool(WRITERS) as pool:
        for each in [pool.submit(write, who) for who in range(WRITERS)]:
            each.result()
    objects = opened(place.url)
    reader = Rolled(Unlisted(objects))
    expected = {Listed(name_of(number), 1) for number in range(1 + WRITERS * EACH)}
    assert listed(reader, "packs/") == expected
    numbers = sorted(int(each.name.removeprefix(roll.ROLL)) for each in entries(objects))
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.fixture
def memory(place_of, opened):
    """Give the objects of a place in memory, with a FORMAT."""
    objects = opened(place_of("memory").url)
    objects.create("FORMAT", b"{}")
    return objects


def test_what_was_missed_and_is_created_again_is_listed(memory):
    """An index of the very packs that a lost one named has its name."""
    writer = Rolled(Unlisted(memory), writing=True)
    with pytest.raises(NotFound):
        writer.read(name_of(1))
    writer.create(name_of(1), b"one")
    assert listed(writer, "packs/") == {Listed(name_of(1), 3)}
    writer.tell()
    assert listed(writer, "packs/") == {Listed(name_of(1), 3)}


@pytest.mark.parametrize("in_ranges", [True, False])
def test_what_is_gone_is_listed_no_more_once_it_was_missed(memory, in_ranges):
    """The roll names it for ever; a reader then looks where else it may lie."""
    writer = Rolled(memory, writing=True)
    for number in range(3):
        writer.create(name_of(number), b"x")
    writer.tell()
    memory.delete(name_of(1))
    reader = Rolled(Unlisted(memory))
    assert len(listed(reader, "packs/")) == 3
    ranges = [Range(name_of(number), 0, 1) for number in range(3)]
    with pytest.raises(NotFound, match=name_of(1)):
        list(reader.read_ranges(ranges)) if in_ranges else reader.read(name_of(1))
    assert listed(reader, "packs/") == {Listed(name_of(0), 1), Listed(name_of(2), 1)}


def test_claims_are_never_listed_from_the_roll(memory):
    """Of them none may be missed: refused is refused."""
    writer = Rolled(memory, writing=True)
    writer.create_exclusively(CLAIM, b"mine")
    writer.create(name_of(1), b"x")
    writer.tell()
    assert CLAIM.encode() not in b"".join(memory.read(each.name) for each in entries(memory))
    with pytest.raises(RemoteAuth, match="cannot list claims"):
        list(Rolled(Unlisted(memory)).listing("claims/"))


def test_events_of_others_are_named_with_all_that_they_need(memory):
    """A push that only tells of an event, while another is before its entry: no half of it."""
    first = Rolled(memory, writing=True)
    first.create(name_of(1), b"x")
    first.tell()
    teller = Rolled(memory, writing=True)
    memory.create("journal/202611/theirs", b"event")  # after its pack, which nobody listed
    list(teller.listing("journal/"))
    memory.create(name_of(2), b"pack")
    teller.create("journal/202611/mine", b"event")
    teller.tell()
    reader = Rolled(Unlisted(memory))
    assert Listed("journal/202611/theirs", 5) in listed(reader, "journal/")
    assert Listed(name_of(2), 4) in listed(reader, "packs/")


def test_nothing_new_is_told_without_a_request(memory):
    """Listing and reading owe nothing; nor does what no roll names."""
    objects = Rolled(memory, writing=True)
    objects.create(name_of(1), b"x")
    objects.tell()
    list(objects.listing(""))
    objects.create("AUTHORITY", b"x")
    before = sum(memory.requests.values())
    objects.tell()
    assert sum(memory.requests.values()) == before


def test_a_roll_of_a_later_release_is_left_as_it_is(memory):
    """Who may list goes on without it; who may not is told what to do."""
    text = b"casstore-roll 2 1 0000000000000000\n"
    memory.create(roll.entry_name(1), text + digest_of(text).hex().encode() + b"\n")
    writer = Rolled(memory, writing=True)
    writer.create(name_of(1), b"x")
    writer.tell()
    assert len(entries(memory)) == 1
    with pytest.raises(Unsupported, match="format 2"):
        list(Rolled(Unlisted(memory)).listing("packs/"))


def test_a_read_that_is_refused_is_not_missing_while_listing_is_allowed(memory):
    """Nor when FORMAT is refused too: credentials may have expired meanwhile."""

    class Expired(Unlisted):
        def read(self, *_where, **_limits):
            raise RemoteAuth("expired", hint="looked for somewhere")

    class Listing(Unlisted):
        def listing(self, prefix):
            return self._objects.listing(prefix)

    for objects in (Rolled(Listing(memory)), Rolled(Expired(memory))):
        with pytest.raises(RemoteAuth) as caught:
            objects.read(name_of(1))
        assert caught.value.__cause__ is not caught.value  # who follows causes comes to an end
    reader = Rolled(Unlisted(memory), writing=True)
    assert listed(reader, "packs/") == set()
    reader._objects = Expired(memory)
    with pytest.raises(RemoteAuth, match="expired"):
        reader.read(name_of(1))
    with pytest.raises(RemoteAuth, match="expired"):
        list(reader.listing("packs/"))


def test_a_depot_that_cannot_be_read_is_not_made_anew(memory):
    """FORMAT is refused, and so is what was just made: nobody knows whether there is a depot."""

    class WriteOnly(Unlisted):
        def read(self, *_where, **_limits):
            raise RemoteAuth("write only", hint="looked for somewhere")

    objects = Rolled(WriteOnly(memory), writing=True)
    with pytest.raises(RemoteAuth, match="write only"):
        objects.read("FORMAT")
    assert memory.read("FORMAT") == b"{}"


def test_what_was_created_before_a_kill_is_owed_by_the_machine(memory, tmp_path):
    """The next process of it sees it, and names it; its notes go then."""
    for lists in (True, False):
        objects = memory if lists else Unlisted(memory)
        killed = Rolled(objects, writing=True)
        killed.keep_notes(tmp_path / "mirrors" / "known")
        killed.create(name_of(10 + lists), b"x")
        stranger = Rolled(Unlisted(memory), writing=True)
        assert Listed(name_of(10 + lists), 1) not in listed(stranger, "packs/")
        following = Rolled(objects, writing=True)
        following.keep_notes(tmp_path / "mirrors" / "known")
        assert Listed(name_of(10 + lists), 1) in listed(following, "packs/")
        following.tell()
        assert Listed(name_of(10 + lists), 1) in listed(Rolled(Unlisted(memory)), "packs/")
        assert [path.name for path in (tmp_path / "mirrors").iterdir()] == ["known.roll"]


def test_a_depot_is_opened_by_who_may_not_list(memory, opened, place_of, tmp_path):
    """One is made where there is none, and found again."""
    url = place_of("memory").url
    with pytest.raises(RemoteAuth, match="refused"):
        open_depot(Rolled(Unlisted(opened(url))), tmp_path)
    made = open_depot(Rolled(Unlisted(opened(url)), writing=True), tmp_path, create=True)
    found = open_depot(Rolled(Unlisted(opened(url))), tmp_path)
    assert made.store_id == found.store_id
