"""What a store follows and what was accepted in it: durable, local, nothing overwritten."""

import pytest

from casstore.depot import NumberFiles, create_identity, draw_authority, read_authority
from casstore.digest import CommitId
from casstore.errors import Corrupt

A, B = bytes([0xA1]) * 16, bytes([0xB2]) * 16
COMMIT, OTHER = CommitId(bytes(16)), CommitId(bytes([1]) * 16)


@pytest.fixture
def files(tmp_path):
    """Make the folder of a depot."""
    create_identity(tmp_path)
    return NumberFiles(tmp_path)


def test_whom_a_store_followed_is_kept_in_order(files, tmp_path):
    """Following the same again adds nothing; nobody is somebody to follow too."""
    assert files.followed() == []
    files.follow(None, tmp_path / "tmp")
    for authority in (A, A, B, None, A):
        files.follow(authority, tmp_path / "tmp")
    assert files.followed() == [A, B, None, A]
    assert (tmp_path / "numbers" / "upstream" / "0").read_bytes() == b"a1" * 16 + b"\n"
    assert (tmp_path / "numbers" / "upstream" / "2").read_bytes() == b"none\n"


def test_ten_upstreams_are_counted_not_sorted_as_text(files, tmp_path):
    """10 comes after 9."""
    for number in range(12):
        files.follow(bytes([number + 1]) * 16, tmp_path / "tmp")
    assert files.followed()[-1] == bytes([12]) * 16


@pytest.mark.parametrize("torn", [b"", b"a1", b"a1" * 16, b"none", b"\xff" * 33])
def test_a_file_that_was_cut_short_says_nothing(files, tmp_path, torn):
    """Its number is used up, and the one before holds."""
    files.follow(A, tmp_path / "tmp")
    (tmp_path / "numbers" / "upstream" / "1").write_bytes(torn)
    assert files.followed() == [A]
    files.follow(B, tmp_path / "tmp")
    assert files.followed() == [A, B]
    assert (tmp_path / "numbers" / "upstream" / "2").exists()


def test_what_was_accepted_is_the_union_of_what_ever_was(files, tmp_path):
    """Each name on its own; the same again is one file."""
    assert files.accepted("p", "Net") == frozenset()
    for pairs in ([(3, COMMIT), (1, OTHER)], [(1, OTHER), (3, COMMIT)], [(3, OTHER)]):
        files.accept("p", "Net", pairs, tmp_path / "tmp")
    assert files.accepted("p", "Net") == {(3, COMMIT), (1, OTHER), (3, OTHER)}
    assert files.accepted("p", "net") == frozenset()
    assert len(list((tmp_path / "numbers" / "accepted" / "p" / "%4eet").iterdir())) == 2


def test_a_damaged_file_of_accepted_numbers_is_passed_over(files, tmp_path):
    """A number is then a conflict again, which is safe."""
    files.accept("p", "net", [(3, COMMIT)], tmp_path / "tmp")
    (path,) = (tmp_path / "numbers" / "accepted" / "p" / "net").iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    assert files.accepted("p", "net") == frozenset()


def test_what_was_cut_short_can_be_accepted_again(files, tmp_path):
    """Where there are no hard links a killed process leaves half a file under its name."""
    files.accept("p", "net", [(3, COMMIT)], tmp_path / "tmp")
    (path,) = (tmp_path / "numbers" / "accepted" / "p" / "net").iterdir()
    path.write_bytes(path.read_bytes()[:10])
    assert files.accepted("p", "net") == frozenset()
    files.accept("p", "net", [(3, COMMIT)], tmp_path / "tmp")
    assert files.accepted("p", "net") == {(3, COMMIT)}


def test_an_authority_is_drawn_and_read_back():
    """Two are never the same."""
    one, two = draw_authority(), draw_authority()
    assert len(read_authority(one)) == 16
    assert read_authority(one) != read_authority(two)


@pytest.mark.parametrize(
    "data", [b"", b"none\n", b"0" * 32 + b"\n", b"A1" * 16 + b"\n", b"a1" * 16]
)
def test_what_is_no_authority_is_corrupt(data):
    """Zeros stand for an upstream that was never reached, so nobody may have them."""
    with pytest.raises(Corrupt, match="AUTHORITY"):
        read_authority(data)
