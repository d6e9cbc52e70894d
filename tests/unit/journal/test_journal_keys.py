"""Keys fit into LMDB and do not run into each other."""

from casstore.journal import keys

LONG = "é" * 128


def test_the_longest_keys_fit_into_lmdb():
    """511 bytes are LMDB's limit; the longest legal texts stay below."""
    name = "n" * 128
    assert len(keys.alias(LONG, name, LONG)) <= keys.MAX_KEY_BYTES
    assert len(keys.replaced(bytes(16), keys.alias("p" * 128, name, "a" * 128))) <= 511
    assert len(keys.settled("p" * 128, name, "d" * 128, bytes(16))) <= 511
    assert len(keys.sealed("p" * 128, name, bytes(16), 1, bytes(16))) <= keys.MAX_KEY_BYTES


def test_long_texts_have_keys_of_their_own():
    """A text that is replaced by its digest cannot be taken for a short one."""
    assert keys.project(LONG) != keys.project(LONG[:-1])
    assert keys.text(LONG).startswith(b"\x01")
    assert keys.text("x" * 128) == b"x" * 128


def test_numbers_sort_as_numbers():
    """A scan of a collection's numbers goes up."""
    found = [keys.number("p", "n", number, bytes(16)) for number in (0, 2, 10, 255, 256, 2**40)]
    assert found == sorted(found)


def test_a_collection_is_no_prefix_of_a_longer_name():
    """``a`` does not list what is in ``ab``."""
    assert not keys.numbers("p", "ab").startswith(keys.numbers("p", "a"))
    assert not keys.aliases("p", "ab").startswith(keys.aliases("p", "a"))
    assert not keys.collection("pq", "a").startswith(keys.collections("p"))
