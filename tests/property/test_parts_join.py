"""A file that is cut in parts has the frames of one that is cut from front to back."""

import random
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from casstore.chunks import MAX_CHUNK_BYTES, Cutter
from casstore.flows.log import parts
from casstore.flows.log.framing import frames_of

MIB = 1024 * 1024


@st.composite
def contents(draw):
    """Stretches of random, repeated and constant bytes: cuts fall anywhere, and at the limits."""
    pieces = []
    for _ in range(draw(st.integers(1, 4))):
        size = draw(st.integers(1, MIB))
        seed = draw(st.integers(0, 9))
        kind = draw(st.sampled_from(["random", "repeated", "constant"]))
        source = random.Random(seed)
        if kind == "random":
            pieces.append(source.randbytes(size))
        elif kind == "repeated":
            unit = source.randbytes(draw(st.integers(1, 5000)))
            pieces.append((unit * (size // len(unit) + 1))[:size])
        else:
            pieces.append(bytes([seed]) * size)
    return b"".join(pieces)


def joined(data, part_bytes):
    """Return the lengths of the frames that the parts of ``data`` are joined to."""
    cutter, left_over, lengths, digests = Cutter(), b"", [], []
    for start in range(0, len(data), part_bytes):
        part = memoryview(data)[start : start + part_bytes]
        final = start + part_bytes >= len(data)
        own = frames_of(part, Cutter().cut(part, final=final))
        frames, left_over = parts.join(cutter, left_over, part, own, final=final)
        lengths += [len(frame) for _, frame in frames]
        digests += [digest for digest, _ in frames]
    assert left_over == b""
    return lengths, digests


@settings(max_examples=60, deadline=None)
@given(data=contents(), part_bytes=st.integers(MAX_CHUNK_BYTES + 1, MIB), reach=st.integers(1, MIB))
def test_parts_join_to_the_cuts_of_the_whole_file(data, part_bytes, reach):
    """Wherever the parts begin, and however far into them the joining has to go."""
    whole = frames_of(memoryview(data), Cutter().cut(data, final=True))
    with mock.patch.object(parts, "FIRST_REACH_BYTES", reach):
        lengths, digests = joined(data, part_bytes)
    assert lengths == [len(frame) for _, frame in whole]
    assert digests == [digest for digest, _ in whole]
