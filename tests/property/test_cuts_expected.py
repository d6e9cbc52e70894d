"""What is known of an earlier file's cuts changes where time is spent, never a frame."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from casstore.chunks import MAX_CHUNK_BYTES
from casstore.flows.log.earlier import Cuts
from casstore.flows.log.framing import Framer
from casstore.manifests import ChunkRef

KIB = 1024


def framed(framer, data, block_bytes):
    """Return (digest, bytes) of the frames of a stream that comes in blocks."""
    found, left_over = [], b""
    for start in range(0, len(data) + block_bytes, block_bytes):
        block = data[start : start + block_bytes]
        buffer = memoryview(left_over + block)
        frames, used = framer.frames(buffer, final=not block)
        found += [(digest, len(chunk)) for digest, chunk in frames]
        left_over = bytes(buffer[used:])
        if not block:
            break
    assert left_over == b""
    return found


def cuts_of(data):
    """Return what is remembered of a file that was logged."""
    return Cuts([ChunkRef(*frame) for frame in framed(Framer(), data, KIB * KIB)][:-1])


@st.composite
def edited(draw):
    """Two contents: the second is the first with stretches replaced, put in, taken out, moved."""
    source = random.Random(draw(st.integers(0, 999)))
    before = source.randbytes(draw(st.integers(0, 900 * KIB)))
    if draw(st.booleans()):  # bytes that repeat: a chunk may stand at several places
        before = before[: 90 * KIB] * draw(st.integers(1, 9))
    after = bytearray(before)
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(after)))
        end = draw(st.integers(start, min(len(after), start + 100 * KIB)))
        kind = draw(st.sampled_from(["replace", "insert", "remove", "constant", "move"]))
        stretch = bytes(after[start:end])
        if kind == "replace":
            after[start:end] = source.randbytes(end - start)
        elif kind == "insert":
            after[start:start] = source.randbytes(draw(st.integers(0, 50 * KIB)))
        elif kind == "constant":
            after[start:end] = bytes(draw(st.integers(0, 600 * KIB)))
        else:
            del after[start:end]
            if kind == "move":
                after += stretch
    return before, bytes(after)


@settings(max_examples=150, deadline=None)
@given(contents=edited(), block_bytes=st.integers(MAX_CHUNK_BYTES, 1500 * KIB))
def test_frames_are_the_same_with_and_without_an_earlier_file(contents, block_bytes):
    """Whatever was changed, and wherever the blocks end."""
    before, after = contents
    expected = framed(Framer(), after, 1500 * KIB)
    assert framed(Framer(cuts_of(before)), after, block_bytes) == expected
