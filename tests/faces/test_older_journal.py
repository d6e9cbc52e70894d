"""An older journal put back under a newer index, or a damaged index: it is told, and healed."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from hostile import PACKAGE_FOLDER, one_line


@pytest.fixture
def older(before):
    """Put back the journal as it was two versions ago; two events are missing then."""
    journal = before.folder / "s" / "journal"
    shutil.copytree(journal, before.folder / "newer-to-be")
    shutil.copytree(journal, before.folder / "older")
    for number in range(2):
        before.write("data/a.txt", f"{number}")
        before("put", "data", "--name", "before")
    shutil.rmtree(before.folder / "newer-to-be")
    journal.rename(before.folder / "newer")
    shutil.copytree(before.folder / "older", journal)
    return before


def test_opening_says_how_many_events_are_gone_and_what_to_do(older):
    """Each time, on standard error; what the index knows is shown until it is made again."""
    for call in (("ls", "before"), ("cat", "before:v0", "a.txt"), ("status",)):
        told = one_line(older(*call).errors)
        assert "2 events" in told
        assert "reindex" in told
        assert "newer copy" in told
    assert older("ls", "before", "-q").errors == ""


def test_reindex_says_how_many_events_it_dropped_and_ends_with_4(older):
    """Once: then the index is that of the journal."""
    first = older("reindex", code=4)
    assert "2 events" in one_line(first.errors)
    assert older("ls", "before", "-q").lines == ["before:v0"]
    assert older("reindex").errors == ""


def test_reindex_in_json_counts_them(older):
    """Under a key of its own."""
    assert older("reindex", "--json", code=4).json["lost_events"] == 2
    assert older("reindex", "--json").json["lost_events"] == 0


def test_the_newer_copy_put_back_heals_all(older):
    """Before or after the index was made again."""
    journal = older.folder / "s" / "journal"
    older("reindex", code=4)
    shutil.rmtree(journal)
    shutil.copytree(older.folder / "newer", journal)
    result = older("ls", "before", "-q")
    assert (result.lines, result.errors) == (["before:v0", "before:v1", "before:v2"], "")
    older("verify")


def test_every_call_says_that_events_cannot_be_read(before):
    """Also when the index was made again without them, and nothing else shows that they were."""
    before.write("data/a.txt", "another")
    before("put", "data", "--name", "before")
    store = before.folder / "s"
    event = max(store.glob("journal/*/*-*"), key=lambda path: path.stat().st_mtime_ns)
    whole = event.read_bytes()
    event.write_bytes(whole[:-1])
    month = event.parent
    os.utime(month, ns=(0, 0))  # it has settled: its names are not compared again
    shutil.rmtree(store / "db")
    for _ in range(2):
        assert before("ls", "before", "-q").lines == ["before:v0"]
        told = one_line(before("ls", "before").errors)
        assert "journal files that cannot be read: 1" in told
        assert "casstore verify" in told
    event.write_bytes(whole)
    assert before("ls", "before").errors == ""
    assert before("ls", "before", "-q").lines == ["before:v0", "before:v1"]


def test_an_event_that_the_system_does_not_give_stops_nothing_else(before):
    """As on a bad sector, or where it is another user's: it counts as damaged, not as a failure."""
    before.write("data/a.txt", "another")
    before("put", "data", "--name", "before")
    store = before.folder / "s"
    event = max(store.glob("journal/*/*-*"), key=lambda path: path.stat().st_mtime_ns)
    event.unlink()
    event.mkdir()  # for whoever may read everything a folder stands for what cannot be read
    shutil.rmtree(store / "db")
    told = one_line(before("ls", "before").errors)
    assert "journal files that cannot be read: 1" in told
    assert before("ls", "before", "-q").lines == ["before:v0"]
    before("get", "before:v0", "-o", "out", "-q")
    assert before("put", "data", "--name", "before", "-q").lines == ["before:v2"]
    assert event.name in before("verify", code=4).text


def test_a_journal_that_is_gone_is_told_too(before):
    """No month is left to look into."""
    shutil.rmtree(before.folder / "s" / "journal")
    (before.folder / "s" / "journal").mkdir()
    assert "1 event" in one_line(before("ls").errors)
    assert "1 event" in one_line(before("reindex", code=4).errors)
    assert json.loads(before("ls", "--json").raw)["artifacts"] == []


# An index that others have open


HOLDS = """
import sys
from pathlib import Path
from casstore.cli.main import main
from casstore.store import open_store

store = open_store(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.readline()
sys.exit(main(["put", "data/sub", "--name", "held", "-q", "--store", sys.argv[1]]))
"""


@pytest.fixture
def held(before):
    """Give a process that has the store open, and logs a version when it is told to."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(before.folder / "s")],
        env={**os.environ, "PYTHONPATH": PACKAGE_FOLDER},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=before.folder,
    )
    assert process.stdout.readline() == "open\n"
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("damage", ["cut short", "garbage"])
def test_a_damaged_index_is_healed_while_another_process_has_it_open(before, held, damage):
    """A new one takes its place, and the other process goes on with that one."""
    file = before.folder / "s" / "db" / "data.mdb"
    data = file.read_bytes()
    file.unlink()  # a copy that was put in its place: what the other has mapped stays
    file.write_bytes(data[: len(data) // 2] if damage == "cut short" else b"garbage\n" * 9_000)
    assert before("ls", "-q").lines == ["before"]
    out, _ = held.communicate("go\n", timeout=60)
    assert (held.returncode, out) == (0, "held:v0\n")
    assert before("ls", "-q").lines == ["before", "held"]
    before("verify")


def test_an_index_that_is_made_again_on_purpose_waits_for_nobody(before, held):
    """``reindex`` while another process has the store open says so, and changes nothing."""
    assert "another process" in one_line(before("reindex", code=11).errors)
    assert before("ls", "-q").lines == ["before"]
