"""Claims: one owner for each number, whoever races for it."""

import pytest

from casstore import durable
from casstore.depot import Claims
from casstore.depot.claims import escape_name
from casstore.digest import CommitId

ONE, TWO = CommitId(b"1" * 16), CommitId(b"2" * 16)
TAKE = """
import secrets
from casstore.depot import Claims
from casstore.digest import CommitId
for _ in range(10):
    commit = CommitId(secrets.token_bytes(16))
    print(Claims(root).take("p", "n", 0, commit, root / "tmp"), commit.hex())
"""


@pytest.fixture
def root(tmp_path):
    (tmp_path / "claims").mkdir()
    (tmp_path / "tmp").mkdir()
    return tmp_path


@pytest.fixture
def claims(root):
    return Claims(root)


def test_numbers_are_given_one_after_the_other(claims, root):
    """From the asked one on."""
    assert claims.take("p", "n", 0, ONE, root / "tmp") == 0
    assert claims.take("p", "n", 0, TWO, root / "tmp") == 1
    assert claims.take("p", "n", 7, CommitId(b"3" * 16), root / "tmp") == 7
    assert [claims.owner("p", "n", number) for number in (0, 1, 2)] == [ONE, TWO, None]
    assert claims.highest("p", "n") == 7


def test_names_are_numbered_apart(claims, root):
    """Also those that differ only in case."""
    assert claims.take("p", "n", 0, ONE, root / "tmp") == 0
    assert claims.take("p", "N", 0, TWO, root / "tmp") == 0
    assert claims.take("q", "n", 0, TWO, root / "tmp") == 0
    assert claims.highest("p", "other") == -1


def test_a_commit_that_was_interrupted_gets_its_number_again(claims, root):
    """A second claim of one commit is the first."""
    claims.take("p", "n", 0, TWO, root / "tmp")
    assert claims.take("p", "n", 0, ONE, root / "tmp") == 1
    assert claims.take("p", "n", 0, ONE, root / "tmp") == 1


def test_processes_that_race_for_numbers_get_each_number_once(root, claims, together):
    """Forty claims of four processes are forty numbers without a hole."""
    lines = "".join(together(TAKE, root, 4)).split("\n")[:-1]
    taken = {int(line.split()[0]): line.split()[1] for line in lines}
    assert sorted(taken) == list(range(40))
    assert all(claims.owner("p", "n", number).hex() == taken[number] for number in taken)
    assert list((root / "tmp").iterdir()) == []


@pytest.mark.parametrize("torn", [b"", b"ab", b"31" * 15, b"31" * 17, b"zz" * 16, b"\xff" * 32])
def test_a_torn_claim_is_a_number_that_nobody_has(claims, root, torn):
    """It is not given to anybody else either."""
    claims.take("p", "n", 0, ONE, root / "tmp")
    (root / "claims" / "p" / "n" / "0").write_bytes(torn)
    assert claims.owner("p", "n", 0) is None
    assert claims.take("p", "n", 0, TWO, root / "tmp") == 1


def test_other_files_among_claims_are_passed_over(claims, root):
    """Only plain decimal numbers count."""
    claims.take("p", "n", 3, ONE, root / "tmp")
    for name in ("9.bak", "x", "-5", "\u00b2"):
        (root / "claims" / "p" / "n" / name).touch()
    assert claims.highest("p", "n") == 3


def test_a_claim_is_durable_before_it_is_believed(claims, root):
    """Its bytes, its name, and the folders above it."""
    steps = []
    with durable.observe(steps.append):
        claims.take("p", "n", 0, ONE, root / "tmp")
    kinds = " ".join(step.kind for step in steps)
    assert kinds == "mkdir syncdir mkdir syncdir create write sync link syncdir unlink"


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("net-1_a.b", "net-1_a.b"),
        ("Net", "%4eet"),
        (".hidden", "%2ehidden"),
        ("a b", "a%20b"),
        ("gr\u00f6\u00dfe", "gr%c3%b6%c3%9fe"),
        ("50%", "50%25"),
        ("a/b", "a%2fb"),
    ],
)
def test_names_become_file_names_that_differ_on_every_file_system(name, escaped):
    """Upper case, separators and leading dots are encoded."""
    assert escape_name(name) == escaped


@pytest.mark.parametrize("name", ["A" * 128, "\u6570" * 128, "Z" * 86])
def test_the_longest_names_have_claims(claims, root, name):
    """Every project and name that may be given can be numbered."""
    assert claims.take(name, "n", 0, ONE, root / "tmp") == 0
    assert claims.owner(name, "n", 0) == ONE
    assert claims.owner(name[:-1], "n", 0) is None


def test_what_was_settled_of_a_name_holds_for_whoever_comes_after(claims, root):
    """It lies beside the numbers, and is none."""
    assert claims.read("p", "n", "finish-1") is None
    assert claims.settle("p", "n", "finish-1", b"first", root / "tmp") == b"first"
    assert claims.settle("p", "n", "finish-1", b"second", root / "tmp") == b"first"
    assert claims.read("p", "n", "finish-1") == b"first"
    assert claims.highest("p", "n") == -1
    assert claims.take("p", "n", 0, ONE, root / "tmp") == 0


def test_a_number_is_found_by_its_commit_among_the_newest(claims, root):
    """Where another host claimed it for the same version, and others claimed more since."""
    assert claims.taken_by("p", "n", ONE) is None
    claims.take("p", "n", 3, ONE, root / "tmp")
    claims.take("p", "n", 4, TWO, root / "tmp")
    assert claims.taken_by("p", "n", ONE) == 3
    claims.take("p", "n", 3 + 32, TWO, root / "tmp")
    assert claims.taken_by("p", "n", ONE) is None
