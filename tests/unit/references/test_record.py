"""What is kept of an object elsewhere, and what tells that it is another."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casstore.digest import digest_of
from casstore.encoding import encode
from casstore.errors import Corrupt, ReferenceChanged, RemoteError
from casstore.references.record import Referent, checked, differs, matches

TEXT = st.text(max_size=10)
REFERENTS = st.builds(
    Referent, st.text(min_size=1), st.integers(0, 2**60), TEXT, TEXT, TEXT, TEXT, TEXT
)
BODY = b"some bytes"
MD5 = hashlib.md5(BODY).hexdigest()
BLAKE3 = digest_of(BODY).hex()


@given(referent=REFERENTS)
def test_what_is_written_is_read(referent):
    """Whatever a server says."""
    assert Referent.of_fields(referent.fields(), referent.size_bytes) == referent
    assert not differs(referent, referent)


@pytest.mark.parametrize("data", [b"", encode([1]), encode({"etag": "x"}), encode({"uri": 7})])
def test_what_is_no_reference_is_damage(data):
    """Fields that are missing or of another type."""
    with pytest.raises(Corrupt):
        Referent.of_fields(data, 0)


@pytest.mark.parametrize(
    ("recorded", "now", "expected"),
    [
        ({"etag": "a"}, {"etag": "a"}, False),
        ({"etag": "a"}, {"etag": "b"}, True),
        ({"etag": "a"}, {}, True),
        ({"etag": '"a"'}, {"etag": 'W/"a"'}, False),
        ({"etag": "a", "version_id": "1"}, {"etag": "b", "version_id": "1"}, False),
        ({"etag": "a", "version_id": "1"}, {"etag": "a", "version_id": "2"}, False),
        ({"etag": "a", "md5": "m"}, {"etag": "b", "md5": "m"}, False),
        ({"etag": "a", "md5": "m"}, {"etag": "a", "md5": "n"}, True),
        ({"last_modified": "x"}, {"last_modified": "y"}, True),
        ({"last_modified": "x"}, {"last_modified": "x", "etag": "e"}, True),
        ({}, {"etag": "b"}, False),
    ],
)
def test_the_best_that_both_know_decides(recorded, now, expected):
    """The version, then hashes of bytes, then the ETag, then the date."""
    assert differs(Referent("u", 1, **recorded), Referent("u", 1, **now)) is expected


def test_another_size_on_the_same_date_is_another_object():
    """Without an ETag the size counts too."""
    assert differs(Referent("u", 1, last_modified="x"), Referent("u", 2, last_modified="x"))


def test_bytes_are_passed_on_and_compared_at_their_end():
    """With a BLAKE3 it is another object, with an MD5 or a size it was the way here."""
    halves = [BODY[:5], BODY[5:]]
    for fields in ({"blake3": BLAKE3}, {"md5": MD5}, {"etag": "e"}, {}):
        referent = Referent("u", len(BODY), **fields)
        assert list(checked(referent, iter(halves))) == halves
    with pytest.raises(ReferenceChanged):
        list(checked(Referent("u", len(BODY), blake3=BLAKE3), iter([b"other byte"])))
    with pytest.raises(RemoteError, match="MD5"):
        list(checked(Referent("u", len(BODY), md5=MD5), iter([b"other byte"])))
    with pytest.raises(RemoteError, match="5 of 10 bytes"):
        list(checked(Referent("u", len(BODY), etag="e"), iter(halves[:1])))


def test_a_file_is_compared_where_a_hash_of_bytes_is_known(tmp_path):
    """An S3 ETag that is the MD5 says yes, never no: it may be that of an encrypted object."""
    path = tmp_path / "x"
    path.write_bytes(BODY)
    raw = str(path).encode()
    other = "0" * 32
    expected = [
        ({"blake3": BLAKE3}, True),
        ({"blake3": other * 2}, False),
        ({"md5": MD5}, True),
        ({"md5": other}, False),
        ({"etag": MD5}, True),
        ({"etag": other}, None),
        ({"etag": "e"}, None),
        ({}, None),
    ]
    for fields, answer in expected:
        assert matches(Referent("u", len(BODY), **fields), raw) is answer
