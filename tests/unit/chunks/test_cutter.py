"""Cutting: what is held back, and what a small change moves."""

import random

import pytest

from casstore.chunks import MAX_CHUNK_BYTES, MIN_CHUNK_BYTES, Cutter

DATA = random.Random(9).randbytes(2 << 20)


def test_the_lengths_add_up_and_keep_to_the_limits():
    """Only the last chunk of a file may be shorter than the minimum."""
    lengths = Cutter().cut(DATA, final=True)
    assert sum(lengths) == len(DATA)
    assert all(MIN_CHUNK_BYTES <= length <= MAX_CHUNK_BYTES for length in lengths[:-1])


def test_a_chunk_that_could_still_grow_is_held_back():
    """What is carried over is always shorter than the largest chunk."""
    lengths = Cutter().cut(DATA, final=False)
    assert lengths == Cutter().cut(DATA, final=True)[: len(lengths)]
    assert 0 < len(DATA) - sum(lengths) < MAX_CHUNK_BYTES


def test_a_last_chunk_of_the_largest_size_is_not_held_back():
    """It cannot grow."""
    assert Cutter().cut(bytes(MAX_CHUNK_BYTES), final=False) == [MAX_CHUNK_BYTES]


@pytest.mark.parametrize("final", [True, False])
def test_nothing_is_cut_into_nothing(final):
    """An empty block at the end of a file is no chunk."""
    assert Cutter().cut(b"", final=final) == []


def test_an_inserted_byte_moves_few_cuts():
    """After the change the cuts are the old ones again, shifted."""
    edges = cut_edges(DATA)
    moved = cut_edges(DATA[:1_000_000] + b"!" + DATA[1_000_000:])
    kept = {edge for edge in edges if edge < 1_000_000} | {edge + 1 for edge in edges}
    assert len(set(moved) - kept) <= 2


def cut_edges(data):
    edges, end = [], 0
    for length in Cutter().cut(data, final=True):
        end += length
        edges.append(end)
    return edges
