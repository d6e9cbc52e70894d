"""Something of a remote is damaged: what a pull brings, what it names, how it ends."""

import os
import random
import shutil

import pytest

import casstore
from casstore.digest import digest_of
from casstore.encoding import encode
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
    assert "all else that was asked for came" in told.errors
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


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


@pytest.fixture
def unread(two, cli):
    """Give two machines, and ``hub`` with two versions, the event of one of which is damaged."""
    a, b = two
    a.put("sound")
    a("push")
    before = files_in(cli.folder / "hub" / "journal")
    a.put("other", "other")
    a("push")
    events = files_in(cli.folder / "hub" / "journal") - before
    path = max(events, key=lambda path: path.stat().st_size)
    flip(path, 60)
    return a, b, path


def test_a_pull_says_that_an_event_is_damaged_and_brings_all_else(unread):
    """One line that names it, exit code 4, each time; until it is mended."""
    a, b, path = unread
    for expected in ("pull net:v0", "nothing to pull: hub holds nothing more that can be read"):
        told = b("pull", code=4)
        assert told.lines[0].startswith(expected)
        assert len(told.errors.splitlines()) == 1
        assert f"{path.name} cannot be read: " in told.errors
    for verb in (("pull", "-n"), ("sync",)):
        (line,) = b(*verb, code=4).errors.splitlines()
        assert path.name in line
    a("repair", "--to", "hub")
    assert b("pull").lines[0].startswith("pull other:v0")
    assert b("pull").errors == ""


def test_a_pull_brings_an_event_again_whose_file_here_was_cut_short(two, cli):
    """As where a stick without hard links was pulled out; the index is made anew in between."""
    a, b = two
    a.put("one")
    a("push")
    b("pull")
    for path in files_in(cli.folder / "b" / "journal"):
        os.truncate(path, 20)
    shutil.rmtree(cli.folder / "b" / "db")
    b("ls", "net", code=10)
    assert b("pull").lines[0].startswith("pull net:v0")
    assert set(b.listed()) == {"v0"}
    assert b("verify").errors == ""


def test_python_is_told_of_damaged_events(unread, cli):
    """``Corrupt``, when all else has come."""
    _, b, path = unread
    with pytest.raises(Corrupt, match=path.name):
        casstore.open_store(cli.folder / "b").pull()
    assert set(b.listed()) == {"v0"}


def test_a_damaged_pack_of_events_is_told_and_forgotten_when_it_is_healed(two, cli):
    """Of many events one cannot be read: the others come."""
    a, b = two
    for number in range(20):
        a.put(f"{number}")
    a("push")
    pack = max(files_in(cli.folder / "hub" / "journal"), key=lambda path: path.stat().st_size)
    rows = read_rows(pack)[2]
    flip(pack, rows[5].offset + RECORD.size + 20)
    told = b("pull", code=4)
    assert pack.name in told.errors
    assert len(b("ls", "net", "--json").json["versions"]) >= 19  # it is an event of one
    assert pack.name in b("pull", code=4).errors
    a("repair", "--to", "hub")
    b("pull")
    assert b("pull").errors == ""
    assert len(b("ls", "net", "--json").json["versions"]) == 20


def test_events_of_a_later_release_are_no_damage(two, cli):
    """They are named, and the call ends well."""
    a, b = two
    a.put("one")
    a("push")
    data = encode({"v": 99})
    data += digest_of(data)
    name = f"{'ab' * 16}-{0:012d}-{digest_of(data[:-32]).hex()[:16]}"
    (month,) = (cli.folder / "hub" / "journal").iterdir()
    (month / name).write_bytes(data)
    assert "format 99" in b("pull").errors


def test_a_job_uses_what_is_sound_beside_a_damaged_event(unread, cli, monkeypatch, capsysbinary):
    """It is said, and the job goes on; a version that is damaged itself is an error."""
    _, _, path = unread
    monkeypatch.setenv("CASSTORE_HOME", str(cli.folder / "c"))
    with casstore.init(remote=str(cli.folder / "hub")) as run:
        assert run.use_artifact("net:latest").file_count == 1
    assert path.name in capsysbinary.readouterr().err.decode()


def test_a_job_is_told_that_what_it_uses_is_damaged(hub, cli, monkeypatch):
    """It reads nothing else instead."""
    monkeypatch.setenv("CASSTORE_HOME", str(cli.folder / "c"))
    run = casstore.init(remote=str(cli.folder / "hub"))
    with pytest.raises(Corrupt, match="net:v1 cannot come"):
        run.use_artifact("net:latest")
    run.finish()
