"""URIs: what they name, what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casstore.errors import Invalid
from casstore.references.record import Referent
from casstore.references.schemes import look
from casstore.references.uris import base_name, bucket_address, check_uri, object_uri, scheme_of

KEYS = st.text(st.characters(exclude_characters="?#", exclude_categories=("Cs",)), max_size=40)


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("s3://b/a/b.txt", ("b", "a/b.txt", "")),
        ("s3://b", ("b", "", "")),
        ("s3://b/", ("b", "", "")),
        ("s3://b/a?versionId=x.1", ("b", "a", "x.1")),
        ("s3://b/a#1", ("b", "a#1", "")),
        ("gs://b/a#17", ("b", "a", "17")),
        ("gs://b/a#b", ("b", "a#b", "")),
        ("gs://b/a?versionId=1", ("b", "a?versionId=1", "")),
        ("az://c@account.dfs.core.windows.net/a#1", ("c@account.dfs.core.windows.net", "a#1", "")),
    ],
)
def test_buckets_keys_and_pinned_versions_are_read(uri, address):
    """Each scheme has its own way to pin a version."""
    assert bucket_address(uri) == address


@given(key=KEYS)
def test_any_key_comes_back_as_it_stands(key):
    """Keys are not percent-encoded."""
    assert bucket_address(object_uri("s3://bucket/other", key)) == ("bucket", key, "")


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("https://h/a/b.txt?x=1#y", b"b.txt"),
        ("s3://b/a/b.txt?versionId=1", b"b.txt"),
        ("gs://b/b.txt#1", b"b.txt"),
        ("file://b.txt", b"b.txt"),
        ("s3://b/a/", b"a"),
        ("abfs://c/a/b c.txt", b"b c.txt"),
    ],
)
def test_the_last_part_names_the_object(uri, name):
    """Queries, fragments and pins are no part of it."""
    assert base_name(uri) == name


@pytest.mark.parametrize("uri", ["https://h", "https://h/", "s3://b", "memory://x"])
def test_what_has_no_last_part_needs_a_name(uri):
    """The hint says so."""
    with pytest.raises(Invalid, match="name="):
        base_name(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "https://ada@example.org/x",
        "https://ada:word@example.org/x",
        "ftp://ada:word@example.org/x",
        "https://bucket.example.org/x?x-goog-signature=1",
        "https://account.blob.example.org/x?se=1&sig=abc",
    ],
)
def test_credentials_in_uris_are_refused_and_not_repeated(uri):
    """They would be stored."""
    with pytest.raises(Invalid) as caught:
        check_uri(uri)
    assert not {"ada", "word", "abc"} & set(caught.value.message.replace(":", " ").split())


@pytest.mark.parametrize("uri", ["ssh://ada@host/x", "https://h/x?a=@b:c", "abfs://c@acc.dfs/x"])
def test_users_without_secrets_are_no_credentials(uri):
    """A container is written like a user."""
    assert check_uri(uri) == uri


def test_schemes_are_read_in_lower_case():
    """RFC 3986, 3.1."""
    assert scheme_of("S3://b/x") == "s3"
    for text in ("x", "C:/x", "s3:/b", "://x", "1s://x"):
        with pytest.raises(Invalid, match="no scheme"):
            scheme_of(text)


@pytest.mark.parametrize("uri", ["https://[x/a", "http://[1::2::3]/a"])
def test_an_address_that_is_none_is_refused(uri):
    """By whoever keeps it, whoever names its object, and whoever reads what another store kept."""
    for refusing in (check_uri, base_name, lambda uri: look(Referent(uri))):
        with pytest.raises(Invalid, match="is no UR"):
            refusing(uri)
