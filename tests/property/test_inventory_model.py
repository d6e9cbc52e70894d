"""An inventory answers as the sets that it was made of; a changed byte is seen."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from casstore.bundles import Inventory, inventory, sorted_keys, sorting, write_inventory
from casstore.digest import digest_of
from casstore.errors import Corrupt, Unsupported

STORE_ID = "0123456789abcdef" * 2

digests = st.integers(0, 3000).map(lambda number: digest_of(number.to_bytes(4, "big")))
names = st.builds(
    lambda writer, seq: f"{writer:032x}-{seq:012d}-{writer * 7 + seq:016x}",
    st.integers(0, 50),
    st.integers(0, 10**12 - 1),
)


@given(st.lists(digests, max_size=900), st.lists(names, max_size=20), digests, names)
def test_it_has_what_was_listed_and_nothing_else(frames, events, other_frame, other_event):
    """However often and in whatever order it was given."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "inventory"
        counts = write_inventory(path, STORE_ID, frames, events)
        assert counts == (len(set(frames)), len(set(events)))
        with Inventory(path) as listed:
            assert listed.counts == counts
            assert all(map(listed.has_frame, frames))
            assert all(map(listed.has_event, events))
            assert listed.has_frame(other_frame) is (other_frame in frames)
            assert listed.has_event(other_event) is (other_event in events)
            assert not listed.has_event("no event's name")
            assert listed.store_id == STORE_ID


@given(st.lists(digests, min_size=1, max_size=20), st.data())
@settings(max_examples=50)
def test_a_changed_byte_is_seen(frames, data):
    """Wherever it is; so is a byte too many or too few."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "inventory"
        write_inventory(path, STORE_ID, frames, ["0" * 32 + "-000000000001-" + "0" * 16])
        whole = path.read_bytes()
        changed = bytearray(whole)
        place = data.draw(st.integers(0, len(whole) - 1))
        changed[place] ^= data.draw(st.integers(1, 255))
        for damaged in (bytes(changed), whole + b"\0", whole[:place]):
            path.write_bytes(damaged)
            try:
                Inventory(path)
            except (Corrupt, Unsupported):
                continue
            raise AssertionError(damaged)


@given(st.lists(st.binary(min_size=3, max_size=3), max_size=200))
def test_keys_are_sorted_in_runs_as_in_memory(keys):
    """With runs of seven, so that many are merged."""
    before = sorting.RUN_KEYS, sorting.READ_KEYS
    sorting.RUN_KEYS, sorting.READ_KEYS = 7, 2
    try:
        assert list(sorted_keys(keys, 3)) == sorted(set(keys))
    finally:
        sorting.RUN_KEYS, sorting.READ_KEYS = before
    assert inventory.FRAME_KEY_BYTES == 16
