"""The roll of a depot: whoever writes, in whatever order, nothing is named that was lost again."""

import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casstore.digest import digest_of
from casstore.errors import Corrupt, Unsupported
from casstore.parallel import Pool
from casstore.remotes import open_objects, roll
from casstore.remotes.rollbook import Rollbook

MAX_READS = 3 * 12  # of hundreds of entries: to find the end, and the way back


def named(number):
    """Return an object's name and size."""
    return f"packs/{number % 256:02x}/{number:064x}", number + 1


def place():
    return open_objects(f"memory://{uuid.uuid4().hex}")


def numbers_of(objects):
    listed = (each.name.removeprefix(roll.ROLL) for each in objects.listing(roll.ROLL))
    return sorted(int(name) for name in listed if "/" not in name)


def read_anew(objects, expected=0):
    book = Rollbook(objects, expected)
    book.catch_up()
    return book


steps = st.lists(
    st.tuples(
        st.integers(0, 3),  # who
        st.sets(st.integers(0, 60), max_size=5),  # what was created
        st.booleans(),  # looks first
        st.integers(0, 40),  # what a new one expects
        st.booleans(),  # begins anew
    ),
    max_size=40,
)


@given(steps)
@settings(max_examples=150, deadline=None)
def test_entries_are_dense_and_name_together_what_was_created(done):
    """Of four writers who look when they like, and are killed and begin again."""
    objects = place()
    books = {}
    created = {}
    for who, numbers, looks, expected, anew in done:
        if anew or who not in books:
            books[who] = Rollbook(objects, expected)
        if looks:
            books[who].catch_up()
        mine = dict(map(named, numbers))
        created.update(mine)
        books[who].add(mine)
        assert mine.items() <= books[who].names.items()
        book = read_anew(objects, expected)
        assert book.names == created
        assert numbers_of(objects) == list(range(1, book.last + 1))
    for book in books.values():
        book.catch_up()
        assert book.names == created


def test_writers_at_once_lose_nothing():
    """Each goes on where another was faster."""
    objects = place()

    def write(who):
        book = Rollbook(objects)
        for number in range(25):
            book.add(dict([named(100 * who + number)]))

    with Pool(4) as pool:
        for each in [pool.submit(write, who) for who in range(4)]:
            each.result()
    book = read_anew(objects)
    assert book.last == 100
    assert book.names == dict(named(100 * who + number) for who in range(4) for number in range(25))


def test_the_end_of_a_long_roll_is_found_in_few_reads():
    """And all of it read; who knows about where it ends asks for little more."""
    objects = place()
    book = Rollbook(objects)
    for number in range(300):
        book.add(dict([named(number)]))
    for expected, most in ((0, MAX_READS), (300, 8), (299, 8), (5000, MAX_READS)):
        before = objects.requests.get("GET", 0)
        assert read_anew(objects, expected).names == book.names
        assert objects.requests.get("GET", 0) - before <= most
    before = objects.requests.get("GET", 0)
    book.catch_up()
    assert objects.requests.get("GET", 0) - before == 1


def test_more_than_an_entry_holds_goes_into_lists():
    """Thousands of names, in one entry and gathered from several."""
    objects = place()
    book = Rollbook(objects)
    for start in range(0, 6000, 1500):
        book.add(dict(map(named, range(start, start + 1500))))
    assert read_anew(objects).names == dict(map(named, range(6000)))
    assert all(
        each.size_bytes < 64 * 1024 for each in objects.listing("") if "lists" not in each[0]
    )


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("change", ["bit", "cut", "list"])
def test_a_damaged_entry_is_named_and_the_next_of_somebody_who_lists_stands_for_it(number, change):
    """Who may list knows everything without it."""
    objects = place()
    book = Rollbook(objects)
    for start in range(4):
        book.add(dict(map(named, range(1000 * start, 1000 * start + 900))))
    name = roll.entry_name(number)
    data = bytearray(objects.read(name))
    if change == "list":
        listed = roll.read_entry(number, bytes(data), "")
        (name, _) = next(iter(listed.lists.items()))
        data = bytearray(objects.read(name))
    data = data[:-9] if change == "cut" else data
    data[-100] ^= change in {"bit", "list"}
    objects.create(name, bytes(data))
    if number in roll.path_down(4):
        with pytest.raises(Corrupt, match="roll/"):
            read_anew(objects)
    everything = dict(map(named, range(3900)))
    lister = Rollbook(objects)
    lister.catch_up(passing_over=True)
    lister.add(everything, passing_over=True)
    assert read_anew(objects).names == everything


def test_an_entry_of_a_later_format_says_so():
    """It is not called damaged."""
    objects = place()
    text = b"casstore-roll 2 1 0000000000000000\n"
    objects.create(roll.entry_name(1), text + digest_of(text).hex().encode() + b"\n")
    with pytest.raises(Unsupported, match="format 2"):
        read_anew(objects)


@pytest.mark.parametrize(
    "line",
    [
        "1 ../../etc/passwd",
        "1 FORMAT",
        "1 claims/p/n/0",
        "-1 packs/ab/cd",
        "999999999999 packs/a/b",
    ],
)
def test_names_and_sizes_that_none_has_are_refused(line):
    """Nothing a stranger writes there leads a reader out of the depot."""
    objects = place()
    name, size = line.partition(" ")[2], line.partition(" ")[0]
    written = roll.write_entry(1, "0" * 16, {name: int(size)})
    objects.create(roll.entry_name(1), written)
    with pytest.raises(Corrupt):
        read_anew(objects)
