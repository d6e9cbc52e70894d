"""Where packs and events lie, and what is passed over among them."""

import os

import pytest

from casstore import durable
from casstore.depot import JournalFiles, PackFiles
from casstore.packs import PackId

PACK = PackId(bytes.fromhex("ab" + "01" * 31))
TIME_US = 1_700_000_000_000_000
NAME = "0" * 32 + "-" + "0" * 12 + "-" + "0" * 16


@pytest.fixture
def packs(tmp_path):
    (tmp_path / "packs").mkdir()
    return PackFiles(tmp_path)


@pytest.fixture
def journal(tmp_path):
    (tmp_path / "journal").mkdir()
    (tmp_path / "tmp").mkdir()
    return JournalFiles(tmp_path)


def install(packs, tmp_path, pack_id=PACK):
    staged = tmp_path / "staged"
    staged.write_bytes(b"pack")
    return packs.install(staged, pack_id)


def test_a_pack_is_installed_under_its_name(packs, tmp_path):
    """In the folder of its first two characters, which is named for syncing."""
    folder = install(packs, tmp_path)
    assert packs.path(PACK) == tmp_path / "packs" / "ab" / PACK.hex()
    assert folder == packs.path(PACK).parent
    assert packs.path(PACK).read_bytes() == b"pack"
    assert packs.exists(PACK)
    assert list(packs.listing()) == list(packs.listing("ab")) == [PACK]
    assert [name for name, _ in packs.folders()] == ["ab"]


def test_each_folder_is_synced_once(packs, tmp_path):
    """Many packs, few syncs."""
    folder = install(packs, tmp_path)
    steps = []
    with durable.observe(steps.append):
        packs.sync([folder, folder])
    assert [(step.kind, step.path) for step in steps] == [("syncdir", folder)]


def test_a_removed_pack_is_gone_and_may_be_removed_again(packs, tmp_path):
    """Two collectors do not disturb each other."""
    install(packs, tmp_path)
    packs.remove(PACK)
    packs.remove(PACK)
    assert not packs.exists(PACK)
    assert list(packs.listing()) == []


@pytest.mark.parametrize(
    "name", ["x", "ab" + "z" * 62, PACK.hex() + ".part", "cd" + "01" * 31, "AB" + "01" * 31]
)
def test_other_files_among_packs_are_passed_over(packs, tmp_path, name):
    """Names that no pack has, and packs that lie in another's folder."""
    install(packs, tmp_path)
    (tmp_path / "packs" / "ab" / name).touch()
    assert list(packs.listing()) == [PACK]


def test_a_depot_without_packs_lists_none(tmp_path):
    """Nor folders."""
    assert list(PackFiles(tmp_path).listing()) == []
    assert list(PackFiles(tmp_path).folders()) == []


def test_an_event_lies_in_the_month_of_its_time(journal, tmp_path):
    """In UTC, wherever the machine is."""
    assert journal.publish(NAME, b"event", tmp_path / "tmp", TIME_US) == "202311"
    assert journal.read("202311", NAME) == b"event"
    assert journal.names("202311") == [NAME]
    assert [month for month, _ in journal.months()] == ["202311"]


def test_the_same_event_again_is_success_and_another_under_its_name_is_not(journal, tmp_path):
    """Names are bound to content."""
    journal.publish(NAME, b"event", tmp_path / "tmp", TIME_US)
    assert journal.publish(NAME, b"event", tmp_path / "tmp", TIME_US) == "202311"
    with pytest.raises(FileExistsError):
        journal.publish(NAME, b"other", tmp_path / "tmp", TIME_US)
    assert journal.read("202311", NAME) == b"event"
    assert list((tmp_path / "tmp").iterdir()) == []


def test_only_folders_that_are_months_are_months(journal, tmp_path):
    """In order."""
    for name in ("202402", "202311", "x", "2023", ".tmp", "2023-1"):
        (tmp_path / "journal" / name).mkdir()
    assert [month for month, _ in journal.months()] == ["202311", "202402"]


def test_a_depot_without_a_journal_has_no_months(tmp_path):
    """Nothing was logged there."""
    assert list(JournalFiles(tmp_path).months()) == []


def test_a_new_event_shows_in_its_months_mtime(journal, tmp_path):
    """That is how others see that they are behind."""
    journal.publish(NAME, b"event", tmp_path / "tmp", TIME_US)
    folder = tmp_path / "journal" / "202311"
    os.utime(folder, ns=(1, 1))
    journal.publish(NAME[:-1] + "1", b"another", tmp_path / "tmp", TIME_US)
    assert dict(journal.months())["202311"] > 1
