"""What may be called what, and how references are read."""

import pytest

from casstore import names
from casstore.errors import Invalid
from casstore.names import Reference, parse_reference

ID = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("net", Reference("net")),
        ("net:latest", Reference("net", "latest", explicit=True)),
        ("net:v0", Reference("net", "v0", explicit=True)),
        ("net:v12", Reference("net", "v12", explicit=True)),
        ("net:best one", Reference("net", "best one", explicit=True)),
        ("vision/net:v1", Reference("net", "v1", project="vision", explicit=True)),
        ("me/vision/net", Reference("net", project="vision", entity="me")),
        (f"net@{ID}", Reference("net", id_prefix=ID, explicit=True)),
        ("p/net@01234567", Reference("net", id_prefix="01234567", project="p", explicit=True)),
    ],
)
def test_a_reference_is_taken_apart(text, expected):
    """Every form of the grammar."""
    assert parse_reference(text) == expected


@pytest.mark.parametrize("text", ["net:v3", "p/net:best", "e/p/net:latest", f"p/net@{ID}"])
def test_a_reference_prints_as_it_was_written(text):
    """What is shown can be typed again."""
    assert str(parse_reference(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/net",
        "p//net",
        "a/b/c/net",
        "net:",
        ":v1",
        "net@",
        "net@0123456",
        "net@" + "0" * 65,
        "net@0123456G",
        "net@ABCDEF01",
        "net:a:b",
        "net:a/b",
        "n t",
        "..",
        "n" * 129,
        "net:" + "a" * 129,
        "net:a\nb",
        "net\n",
        "p:q/net",
        "net:v1@0123456789",
    ],
)
def test_what_is_no_reference_is_refused(text):
    """The error says which rule was broken, and is a ``ValueError``."""
    with pytest.raises(Invalid):
        parse_reference(text)


@pytest.mark.parametrize(
    ("label", "number"),
    [
        ("v0", 0),
        ("v10", 10),
        ("v01", None),
        ("v", None),
        ("V1", None),
        ("v-1", None),
        ("v1 ", None),
        ("latest", None),
        ("v1\n", None),
        ("v\u0661", None),
        ("v" + "9" * 17, None),
    ],
)
def test_only_plain_numbers_are_version_numbers(label, number):
    """No leading zeros, no other digits, no more than fit."""
    assert names.version_number(label) == number


@pytest.mark.parametrize("path", [b"a", b"a/b", b"a b/\xff", b".hidden", b"a..b", b"c/d:", b"..."])
def test_safe_paths_are_taken_as_they_are(path):
    """Bytes that are not UTF-8 are fine."""
    assert names.check_path(path) == path


@pytest.mark.parametrize(
    "path",
    [b"", b"/a", b"a/", b"a//b", b".", b"a/./b", b"..", b"a/../b", b"C:a", b"c:/x", b"a\0b"],
)
def test_paths_that_lead_elsewhere_are_refused(path):
    """On the way in and on the way out."""
    with pytest.raises(Invalid, match="cannot be a path"):
        names.check_path(path)


def test_a_path_has_one_spelling():
    """Without ``.`` and empty parts; what leads elsewhere still does, and is refused."""
    for given in ("a/b", "./a/b", "a//b", "a/./b/", "a/b/."):
        assert names.spelled_path(given) == b"a/b"
    for given in ("", ".", "./", "/", "/a", "//a", "../a", "a/..", "./../a"):
        with pytest.raises(Invalid, match="cannot be a path"):
            names.check_path(names.spelled_path(given))


def test_a_path_has_a_largest_size():
    """4,096 bytes are taken, one more is not."""
    assert names.check_path(b"a" * 4096)
    with pytest.raises(Invalid, match="at most 4096 bytes"):
        names.check_path(b"a" * 4097)


@pytest.mark.parametrize("alias", ["best", "a b", "v1x", "größe", "latest"])
def test_good_aliases_are_taken(alias):
    """Any printable text without the separators."""
    assert names.check_alias(alias) == alias


@pytest.mark.parametrize("alias", ["", "v1", "a/b", "a:b", "a@b", "a\nb", "x" * 129, None, 3])
def test_bad_aliases_are_refused(alias):
    """Numbers are given by the store, and separators belong to references."""
    with pytest.raises(Invalid):
        names.check_alias(alias)


@pytest.mark.parametrize("tag", ["a", "two words", "x-y_z", "größe"])
def test_good_tags_are_taken(tag):
    """Letters, digits, dashes, underscores and spaces."""
    assert names.check_tag(tag) == tag


@pytest.mark.parametrize("tag", ["", "a.b", "a:b", "x" * 257, None])
def test_bad_tags_are_refused(tag):
    """Anything else."""
    with pytest.raises(Invalid):
        names.check_tag(tag)


@pytest.mark.parametrize("project", ["", ".", "..", "a/b", "a\\b", "a:b", "a\n", "x" * 129, None])
def test_bad_projects_are_refused(project):
    """A project is one part of a reference and of a path."""
    with pytest.raises(Invalid):
        names.check_project(project)


def test_types_are_any_text_that_is_not_empty():
    """Up to a length."""
    assert names.check_type("data set/1") == "data set/1"
    for bad in ("", "x" * 129, None):
        with pytest.raises(Invalid):
            names.check_type(bad)


def test_paths_are_shown_whatever_their_bytes():
    """An error message can name any path."""
    assert names.display_path(b"a\xff\xc3\xbc") == "a\\xff\u00fc"
