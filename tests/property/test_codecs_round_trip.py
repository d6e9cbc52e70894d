"""Whatever the bytes, codecs give them back, and garbage gives an error of ours."""

import contextlib
import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from casstore.chunks import Encoder, codecs, decode
from casstore.errors import Corrupt, Unsupported

floats = st.lists(st.floats(width=32, allow_nan=False), max_size=400).map(
    lambda values: struct.pack(f"<{len(values)}f", *values)
)
repeats = st.builds(bytes.__mul__, st.binary(max_size=20), st.integers(0, 400))
chunks = st.one_of(
    st.binary(max_size=4000), repeats, floats, st.builds(bytes.__add__, repeats, floats)
)


@given(st.lists(chunks, max_size=6))
def test_every_chunk_comes_back(data):
    """With one encoder for all, as a worker has, whatever it has learnt before."""
    encoder = Encoder()
    for chunk in data:
        codec, payload = encoder.encode(chunk, "kind")
        assert len(payload) <= len(chunk)
        assert bytes(decode(codec, payload, len(chunk))) == chunk


@given(chunks, st.sampled_from([2, 4]))
def test_every_split_comes_back(chunk, count):
    """Also where splitting does not pay."""
    codec = {2: codecs.CODEC_SPLIT2, 4: codecs.CODEC_SPLIT4}[count]
    assert bytes(decode(codec, Encoder()._split(chunk, count), len(chunk))) == chunk


@given(st.integers(0, 255), st.binary(max_size=200), st.integers(0, 5000))
@settings(max_examples=300)
def test_any_bytes_are_decoded_to_their_size_or_refused(codec, payload, size):
    """Never anything else."""
    with contextlib.suppress(Corrupt, Unsupported):
        assert len(decode(codec, payload, size)) == size


@given(chunks, st.data())
def test_a_changed_payload_is_refused_or_has_the_right_size(chunk, data):
    """The digest decides about the rest."""
    codec, payload = Encoder().encode(chunk)
    changed = bytearray(payload)
    if changed:
        place = data.draw(st.integers(0, len(changed) - 1))
        changed[place] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(Corrupt):
        assert len(decode(codec, changed, len(chunk))) == len(chunk)
