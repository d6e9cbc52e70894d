"""``Artifact``: adding to a draft, and looking inside."""

import os
import threading

import pytest

import casstore
from casstore.errors import ArtifactFinalizedError, Invalid


def paths(artifact):
    return list(artifact.manifest.entries)


# Adding


def test_a_file_is_added_under_its_base_name_or_the_name_given(desk):
    """The entry says path, size, digest and where the file came from."""
    desk.write("deep/in/a.txt", "hello")
    artifact = casstore.Artifact("x", "dataset")
    entry = artifact.add_file("deep/in/a.txt")
    assert (entry.path, entry.size, entry.ref) == ("a.txt", 5, None)
    assert entry.local_path == "deep/in/a.txt"
    assert len(entry.digest) == 64
    assert artifact.add_file("deep/in/a.txt", "other/name.txt").path == "other/name.txt"
    assert paths(artifact) == ["a.txt", "other/name.txt"]
    assert (artifact.size, artifact.file_count) == (10, 2)


def test_bytes_are_taken_when_they_are_added(desk, run):
    """What happens to the file afterwards changes nothing."""
    path = desk.write("a.txt", "before")
    artifact = casstore.Artifact("x", "dataset")
    artifact.add_file("a.txt")
    path.write_text("after!")
    folder = run.log_artifact(artifact).wait().download()
    assert (desk.folder / folder / "a.txt").read_text() == "before"


def test_a_folder_is_added_with_what_is_inside_it(desk):
    """Paths are relative to the folder, under the name if one is given; globs leave files out."""
    desk.write("in/a.txt", "1")
    desk.write("in/sub/b.log", "2")
    desk.write("in/.hidden", "3")
    artifact = casstore.Artifact("x", "dataset")
    artifact.add_dir("in")
    artifact.add_dir("in", name="again", ignore=["*.log"])
    assert paths(artifact) == [".hidden", "a.txt", "again/.hidden", "again/a.txt", "sub/b.log"]


def test_a_folder_is_added_whole_or_not_at_all(desk):
    """A conflict at its last file leaves nothing of the folder in the draft."""
    desk.write("in/a.txt", "1")
    desk.write("in/z.txt", "2")
    desk.write("z.txt", "other")
    artifact = casstore.Artifact("x", "dataset")
    artifact.add_file("z.txt")
    with pytest.raises(ValueError, match=r"z\.txt"):
        artifact.add_dir("in")
    assert paths(artifact) == ["z.txt"]
    artifact.add_dir("in", merge=True)
    assert artifact.get_entry("z.txt").size == 1


def test_new_file_gives_a_file_to_write(desk, run):
    """Text and bytes; it is added when the block ends."""
    artifact = casstore.Artifact("x", "dataset")
    with artifact.new_file("notes.txt") as stream:
        stream.write("héllo")
    with artifact.new_file("raw.bin", mode="wb") as stream:
        stream.write(b"\0\1")
        stream.seek(0)
        stream.write(b"\2")
    folder = desk.folder / run.log_artifact(artifact).wait().download()
    assert (folder / "notes.txt").read_text(encoding="utf-8") == "héllo"
    assert (folder / "raw.bin").read_bytes() == b"\2\1"


def test_new_file_adds_nothing_when_its_block_fails(desk):
    """The exception goes on, the draft stays as it was."""
    artifact = casstore.Artifact("x", "dataset")

    def write_half():
        with artifact.new_file("a.txt") as stream:
            stream.write("half")
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        write_half()
    assert paths(artifact) == []


@pytest.mark.parametrize("waits", [True, False])
def test_a_file_that_is_closed_after_logging_is_not_lost_in_silence(desk, run, waits):
    """It is in no version, so closing it says so."""
    artifact = casstore.Artifact("x", "dataset")
    context = artifact.new_file("notes.txt")
    context.__enter__().write("late")
    run.log_artifact(artifact)
    if waits:
        artifact.wait()
    with pytest.raises(ArtifactFinalizedError):
        context.__exit__(None, None, None)
    assert list(artifact.wait().manifest.entries) == []


def test_what_a_thread_adds_when_the_version_is_there_is_not_lost_in_silence(
    desk, run, monkeypatch
):
    """It had looked whether it may add before it was logged."""
    desk.write("a.txt", "late")
    artifact = casstore.Artifact("x", "dataset")
    really_check = artifact._check_draft

    def check():
        really_check()
        run.log_artifact(artifact).wait()

    monkeypatch.setattr(artifact, "_check_draft", check)
    with pytest.raises(ArtifactFinalizedError):
        artifact.add_file("a.txt")


def test_new_file_refuses_replaces_or_goes_on_as_its_mode_says(desk):
    """``x`` refuses a path that was added, ``w`` replaces it, ``a`` goes on with it."""
    artifact = casstore.Artifact("x", "dataset")
    for mode, text in (("x", "one"), ("w", "two"), ("a", "three")):
        with artifact.new_file("a.txt", mode=mode) as stream:
            stream.write(text)
    assert artifact.get_entry("a.txt").size == len("twothree")
    with pytest.raises(ValueError, match="added already"), artifact.new_file("a.txt"):
        pass
    with pytest.raises(Invalid, match="mode"), artifact.new_file("b.txt", mode="r"):
        pass


def test_remove_takes_a_path_a_folder_or_an_entry(desk):
    """What is not there is a FileNotFoundError."""
    for name in ("a", "d/b", "d/c", "e"):
        desk.write(f"in/{name}", name)
    artifact = casstore.Artifact("x", "dataset")
    artifact.add_dir("in")
    artifact.remove("a")
    artifact.remove("d")
    artifact.remove(artifact.get_entry("e"))
    assert paths(artifact) == []
    with pytest.raises(FileNotFoundError):
        artifact.remove("a")


def test_the_added_path_of_a_local_file_is_known(desk):
    """By any spelling of the local path; None for what was not added."""
    desk.write("in/sub/b.txt", "1")
    desk.write("c.txt", "2")
    artifact = casstore.Artifact("x", "dataset")
    artifact.add_dir("in", name="d")
    artifact.add_file("c.txt", name="e.txt")
    assert artifact.get_added_local_path_name("in/sub/b.txt") == "d/sub/b.txt"
    assert artifact.get_added_local_path_name(str(desk.folder / "c.txt")) == "e.txt"
    assert artifact.get_added_local_path_name("in/other") is None


def test_threads_may_add_to_one_artifact(desk, run):
    """Every file of every thread is in the version."""
    for number in range(24):
        desk.write(f"f{number}", str(number) * 1000)
    artifact = casstore.Artifact("x", "dataset")

    def add(first):
        for number in range(first, 24, 4):
            artifact.add_file(f"f{number}")

    threads = [threading.Thread(target=add, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert run.log_artifact(artifact).wait().file_count == 24


# Looking inside


def test_entries_are_a_mapping_from_path_to_entry(data):
    """A finished version reads them as they are used."""
    entries = data.manifest.entries
    assert list(entries) == ["a.txt", "sub/b.bin", "tool"]
    assert len(entries) == 3
    assert "a.txt" in entries
    assert "nope" not in entries
    assert entries["sub/b.bin"].size == 256 * 5000
    with pytest.raises(KeyError):
        entries["nope"]
    assert data.get_path("tool") == data.get_entry("tool")


def test_an_entry_knows_its_artifact_and_lays_itself_out(desk, data):
    """``download`` writes that one file and says where."""
    entry = data.get_entry("sub/b.bin")
    assert entry.parent_artifact() is data
    assert entry.download() == str(desk.folder / "artifacts/data:v0/sub/b.bin")
    assert (desk.folder / "artifacts/data:v0/sub/b.bin").read_bytes()[:256] == bytes(range(256))
    assert not (desk.folder / "artifacts/data:v0/a.txt").exists()
    with pytest.raises(ValueError, match="not a reference"):
        entry.ref_target()
    assert data.commit_hash in entry.ref_url()


def test_files_have_length_slices_and_names(desk, data):
    """As W&B's: name, size, digest, type, download."""
    files = data.files()
    assert [file.name for file in files] == ["a.txt", "sub/b.bin", "tool"]
    assert (len(files), files[0].name, files[-1].name) == (3, "a.txt", "tool")
    assert [file.name for file in files[1:]] == ["sub/b.bin", "tool"]
    with pytest.raises(IndexError):
        files[3]
    assert [file.size for file in data.files(names=["a.txt"])] == [5]
    assert files[0].mimetype == "text/plain"
    assert files[0].download(root="out").read_text() == "hello"
    with pytest.raises(ValueError, match="there already"):
        files[0].download(root="out")
    assert files[0].download(root="out", exist_ok=True).read_text() == "hello"


def test_one_file_of_a_version_is_opened_as_a_stream(desk, data):
    """Readable and seekable, as bytes or as text."""
    with casstore.open("data:best", "a.txt", "r") as stream:
        assert stream.read() == "hello"
    with casstore.open("p/data:v0", "sub/b.bin") as stream:
        stream.seek(256 * 4999 + 250)
        assert stream.read() == bytes(range(250, 256))
        assert stream.read() == b""
        stream.seek(-3, os.SEEK_END)
        assert stream.read(2) == b"\xfd\xfe"
    with pytest.raises(KeyError):
        casstore.open("data", "nope")
    with pytest.raises(Invalid):
        casstore.open("data", "a.txt", "w")
