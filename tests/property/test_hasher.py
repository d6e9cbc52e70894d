"""A digest depends on the bytes alone, not on the pieces in which they came."""

import random

from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from casstore.digest import PIECE_BYTES, Hasher

SIZES = st.one_of(
    st.integers(0, 3 * PIECE_BYTES),
    st.sampled_from([0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES]),
)


@given(sizes=st.lists(SIZES, max_size=8), asked=st.integers(0, 8))
def test_pieces_of_any_size_give_the_digest_of_the_whole(sizes, asked):
    """Also where the digest was asked for in between, and where a buffer is used again."""
    hasher, whole = Hasher(), blake3()
    buffer = bytearray(3 * PIECE_BYTES)
    for number, size in enumerate(sizes):
        buffer[:size] = random.Random(number).randbytes(size)
        hasher.update(memoryview(buffer)[:size])
        whole.update(buffer[:size])
        if number == asked:
            assert hasher.digest() == whole.digest()
    assert hasher.digest() == whole.digest()
    assert hasher.hexdigest() == whole.hexdigest()
