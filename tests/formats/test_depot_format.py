"""The layout of a depot is frozen: names of files, and the bytes of FORMAT and claims."""

import json
import re
from pathlib import Path

import pytest

import casstore.depot
import casstore.journal
from casstore.chunks import CHUNKER_PARAMETERS
from casstore.depot import (
    Claims,
    JournalFiles,
    PackFiles,
    SessionFolder,
    absencefiles,
    authority,
    create_identity,
    identity,
    journalfiles,
    numberfiles,
    packfiles,
    read_identity,
    read_journal_pack,
    write_journal_pack,
)
from casstore.digest import CommitId
from casstore.errors import Corrupt, NotFound, Unsupported
from casstore.journal.wire import NAME_CHARS, read_event, read_packed
from casstore.packs import writer
from casstore.store import gathering

FORMAT = (Path(casstore.depot.__file__).parent / "FORMAT.md").read_text()
STORE_ID = bytes(range(16)).hex()
COMMIT = CommitId(bytes(range(0x10, 0x20)))


def worked_example(number):
    block = FORMAT.split("## Worked example")[1].split("```")[2 * number + 1]
    return block.removeprefix("text\n").splitlines()


def worked_bytes(number):
    return bytes.fromhex("".join(line.partition("  ")[0] for line in worked_example(number)))


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Make a depot with the store id of the worked example."""
    with monkeypatch.context() as patch:
        patch.setattr(identity.os, "urandom", lambda size: bytes(range(size)))
        create_identity(tmp_path)
    return tmp_path


def test_the_worked_format_file_is_what_the_code_writes(root):
    """The page shows real bytes."""
    assert (root / "FORMAT").read_bytes() == worked_bytes(1)
    assert read_identity(root).store_id == STORE_ID


def test_the_files_of_the_worked_example_lie_where_the_code_puts_them(root):
    """Paths of packs, events and claims are as the page says."""
    name, claim, event, pack, journal_pack = worked_example(0)
    assert (root / name).is_file()
    assert Claims(root).take("vision", "Net", 0, COMMIT, root / "tmp") == 0
    assert (root / claim).read_bytes() == worked_bytes(2)
    event_name = Path(event).name
    JournalFiles(root).publish(event_name, b"x", root / "tmp", 1_700_000_000_000_000)
    assert (root / event).read_bytes() == b"x"
    assert PackFiles(root).path(bytes.fromhex(Path(pack).name)) == root / pack
    journal_path = JournalFiles(root).pack_path("202311", bytes.fromhex(Path(journal_pack).name))
    assert journal_path == root / journal_pack


def journal_example():
    """Return the name and bytes of the event that ``journal/FORMAT.md`` shows."""
    page = (Path(casstore.journal.__file__).parent / "FORMAT.md").read_text()
    block = page.split("## Worked example")[1].split("```")[1].removeprefix("text\n")
    name, *lines = block.strip().splitlines()
    return name, bytes.fromhex("".join(line.partition("  ")[0] for line in lines))


def test_the_worked_journal_pack_is_what_the_code_writes_and_reads(root, monkeypatch):
    """An event keeps its bytes in a pack, and its name comes out of them."""
    name, data = journal_example()
    monkeypatch.setattr(writer.os, "urandom", lambda size: bytes(range(size)))
    pack_id = write_journal_pack(root / "tmp" / "staged", [data])
    assert (root / "tmp" / "staged").read_bytes() == worked_bytes(3)
    path = JournalFiles(root).install_pack(root / "tmp" / "staged", "202311", pack_id)
    assert path == root / worked_example(0)[4]
    (packed,) = read_journal_pack(path)
    assert packed.whole() == data
    assert read_packed(packed.data) == read_event(name, data)


def test_a_name_of_a_journal_pack_comes_after_every_event_in_a_sorted_listing():
    """So that one listing of a bucket shows an event loose or in a pack that is listed later."""
    assert max("0123456789abcdef") < journalfiles.PACKS_FOLDER


def test_a_new_depot_holds_the_folders_of_the_page_and_no_others(root):
    """Reserved folders are there from the start; others come with the first push or pull."""
    block = FORMAT.split("## Folder")[1].split("```")[1]
    listed = set(re.findall(r"^(\w+)/", block, re.MULTILINE)) - {
        *("absent", "db", "mirrors", "roll", "roots")
    }
    assert {path.name for path in root.iterdir()} == {*listed, "FORMAT"}


def stated(label):
    found = re.search(rf"^\| {re.escape(label)} \| ([0-9,]+)", FORMAT, re.MULTILINE)
    assert found, label
    return int(found[1].replace(",", ""))


def test_the_page_states_the_constants_of_the_code(root):
    """Sizes and limits are the same in both."""
    session = SessionFolder(root)
    assert stated("session, characters") == len(session.id)
    session.close()
    assert stated("format version") == identity.FORMAT_VERSION
    assert stated("pack name, characters") == len(PackFiles(root).path(bytes(32)).name)
    assert stated("pack folders") == len(packfiles.FAN_OUT)
    assert stated("event name, characters") == NAME_CHARS
    assert stated("journal pack name, characters") == len(
        JournalFiles(root).pack_path("202311", bytes(32)).name
    )
    assert f"More than {gathering.MAX_LOOSE_EVENTS} loose events" in FORMAT
    assert stated("store id, characters") == len(read_identity(root).store_id)
    assert stated("authority, characters") == 2 * authority.AUTHORITY_SIZE
    assert stated("id of accepted numbers, characters") == numberfiles.ID_CHARS
    assert stated("id of absent bytes, characters") == absencefiles.ID_CHARS


def rewrite(root, **changes):
    fields = json.loads((root / "FORMAT").read_text())
    (root / "FORMAT").write_text(json.dumps({**fields, **changes}))


def test_a_depot_of_a_later_format_names_the_release_that_reads_it(root):
    """An old release refuses politely and touches nothing."""
    rewrite(root, format=2, needs_casstore=">=9.1")
    with pytest.raises(Unsupported, match=r"format 2.*casstore >=9\.1"):
        read_identity(root)


def test_a_depot_with_other_chunker_parameters_is_refused(root):
    """Cutting with other parameters would silently end deduplication."""
    rewrite(root, chunker={**CHUNKER_PARAMETERS, "average_bytes": 1024})
    with pytest.raises(Unsupported, match="chunker"):
        read_identity(root)


def test_a_later_release_may_add_fields(root):
    """Fields that this release does not know are passed over."""
    rewrite(root, motto="files are the truth")
    assert read_identity(root).store_id == STORE_ID


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"format":"x"}', b"\xff\xfe{}", b"null"])
def test_a_damaged_format_file_is_corrupt(root, data):
    """Whatever stands there, the answer is one of ours."""
    (root / "FORMAT").write_bytes(data)
    with pytest.raises(Corrupt, match=r"FORMAT of .* cannot be read"):
        read_identity(root)


def test_a_folder_without_format_is_no_store(tmp_path):
    """Nothing is guessed from other files."""
    with pytest.raises(NotFound, match="no store at"):
        read_identity(tmp_path)
