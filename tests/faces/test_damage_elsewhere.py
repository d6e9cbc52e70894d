"""Something of a remote is damaged: what a pull brings, what it names, how it ends."""

import random

import pytest

import casstore
from casstore.errors import Corrupt
from casstore.packs import PackKind, read_rows
from casstore.packs.format import RECORD


def files_in(folder):
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def hub(two, cli):
    """Give two machines, and ``hub`` with ``v0`` sound and ``v1`` damaged; ``b`` has nothing."""
    a, b = two
    a.put("sound")
    a("push")
    before = files_in(cli.folder / "hub" / "packs")
    a.put(random.Random(1).randbytes(50_000))
    a("push")
    for path in files_in(cli.folder / "hub" / "packs") - before:
        _, kind, rows = read_rows(path)
        if kind is PackKind.DATA:
            data = bytearray(path.read_bytes())
            data[rows[0].offset + RECORD.size] ^= 1
            path.write_bytes(data)
    return a, b


def test_a_pull_brings_what_is_sound_and_names_what_is_not(hub):
    """Exit code 4; the second call brings nothing more, and says so again."""
    a, b = hub
    damaged = a.listed()["v1"]["commit_id"]
    told = b("pull", code=4)
    assert told.lines[0].startswith("pull net:v0  1 file")
    assert told.errors.startswith("casstore: net:v1 cannot come: frame ")
    assert "1 others came" not in told.errors
    assert "the other version came" in told.errors
    assert set(b.listed()) == {"v0"}
    again = b("pull", "--json", code=4)
    assert again.json["versions"] == []
    assert [one["commit_id"] for one in again.json["unsound"]] == [damaged]
    assert b("pull", code=4).lines == ["nothing to pull: hub holds nothing more that can be read"]
    b("verify")


def test_a_sync_pushes_all_the_same(hub):
    """And ends with 4; when the remote is mended, all of it comes."""
    a, b = hub
    b.put("from b", "other")
    told = b("sync", code=4)
    assert "net:v1 cannot come" in told.errors
    a("pull", code=0)
    assert set(a.listed("other")) == {"v0"}
    a("repair", "--to", "hub")
    assert b("sync").lines[0].startswith("pull net:v1")


def test_python_is_told_when_the_rest_has_come(hub, cli):
    """``Corrupt``, which names the version."""
    _, b = hub
    with pytest.raises(Corrupt, match="net:v1 cannot come"):
        casstore.open_store(cli.folder / "b").pull()
    assert set(b.listed()) == {"v0"}


def test_a_plan_says_what_cannot_come_as_far_as_it_reads(hub):
    """It reads lists of files and no bytes of files: those are found damaged when they come."""
    _, b = hub
    assert len(b("pull", "-n", "--json").json["versions"]) == 2
