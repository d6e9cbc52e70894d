"""``put`` as people call it: names, types, several paths, what is printed, what is refused."""

import errno
import os
import socket

import pytest

from casstore import durable


def test_put_prints_the_version_its_files_and_what_was_stored(cli):
    """One line tells number, count, size and how much was shared."""
    (line,) = cli("put", "data").lines
    assert line.startswith("data:v0  4 files  256 kB  stored ")
    assert line.endswith("% shared)")


def test_put_of_changed_content_makes_the_next_version(cli):
    """Another byte is another number, and most is shared."""
    cli("put", "data")
    cli.write("data/a.txt", "other\n")
    result = cli("put", "data", "--json").json
    assert result["version"]["version"] == "v1"
    assert result["created"] is True
    assert result["stored_bytes"] < 5000


def test_put_of_unchanged_content_says_so(cli):
    """Nothing new is logged, and the line says it."""
    cli("put", "data")
    assert cli("put", "data").lines == ["data:v0  unchanged  4 files  256 kB"]
    assert cli("put", "data", "--json").json["created"] is False


def test_quiet_put_prints_only_the_reference(cli):
    """Scripts take the reference and nothing else."""
    assert cli("put", "-q", "data").text == "data:v0\n"
    assert cli("put", "data", "--quiet").text == "data:v0\n"


def test_a_folder_gives_what_is_inside_it(cli):
    """Paths are relative to the folder that was named."""
    cli("put", "data")
    paths = [file["path"] for file in cli("ls", "data:v0", "--json").json["files"]]
    assert paths == ["a.txt", "empty", "run.sh", "sub/numbers.bin"]


def test_a_file_goes_under_its_own_name(cli):
    """One file makes a version of one path."""
    cli("put", "data/a.txt")
    assert cli("ls", "a.txt:v0", "-q").lines == ["a.txt"]


def test_several_paths_go_each_under_its_own_name(cli):
    """Folders keep their name as a prefix when there is more than one path."""
    cli.write("notes.md", "# notes\n")
    cli("put", "data/sub", "notes.md", "--name", "both")
    assert cli("ls", "both:v0", "-q").lines == ["notes.md", "sub/numbers.bin"]


def test_several_paths_need_a_name(cli):
    """Nobody can guess what two paths are called together."""
    assert "--name" in cli("put", "data", "data/a.txt", code=2).errors


def test_two_paths_of_one_name_are_refused(cli):
    """They would be one path in the version."""
    cli.write("other/a.txt", "x")
    result = cli("put", "data/a.txt", "other/a.txt", "--name", "x", code=2)
    assert "a.txt" in result.errors


def test_a_path_that_cannot_be_a_name_asks_for_one(cli):
    """The hint says which option helps."""
    cli.write("with space/x", "x")
    assert "--name" in cli("put", "with space", code=2).errors
    cli("put", "with space", "--name", "fine")


@pytest.mark.parametrize("path", [".", "../work", "../work/data/.."])
def test_a_dot_is_called_as_the_folder_it_means(cli, path):
    """``put .`` takes the working directory's name."""
    assert cli("put", path, "-q").text == "work:v0\n"


def test_the_type_is_the_one_that_the_name_has(cli):
    """Said once, the type holds for every version after."""
    cli("put", "data", "--name", "m", "-t", "model")
    cli.write("data/a.txt", "more")
    assert cli("put", "data", "--name", "m", "--json").json["version"]["type"] == "model"
    assert cli("put", "data", "--json").json["version"]["type"] == "dataset"


def test_another_type_than_the_name_has_is_refused(cli):
    """A name belongs to one type."""
    cli("put", "data")
    assert "dataset" in cli("put", "data", "-t", "model", code=2).errors


def test_what_is_said_of_a_version_is_recorded(cli):
    """Description, metadata, aliases and tags come back as they were given."""
    cli.write("more.json", '{"depth": 3, "lr": 1}')
    facts = ("--metadata", "@more.json", "--metadata", "lr=0.1", "--metadata", "who=me=you")
    names = ("-a", "best", "-a", "latest", "--tag", "gold")
    version = cli("put", "data", "-d", "first", *facts, *names, "--json").json["version"]
    assert version["description"] == "first"
    assert version["metadata"] == {"depth": 3, "lr": 0.1, "who": "me=you"}
    assert version["aliases"] == ["best", "latest"]
    assert version["tags"] == ["gold"]


@pytest.mark.parametrize(
    "options",
    [
        ("--metadata", "novalue"),
        ("--metadata", "x=Infinity"),
        ("-a", "v3"),
        ("-a", "a/b"),
        ("--tag", "a:b"),
        ("--name", "a/b"),
        ("-t", ""),
        ("--project", "a:b"),
    ],
)
def test_what_cannot_be_said_is_refused_before_anything_is_stored(cli, options):
    """Exit 2, one line, and no store was made."""
    result = cli("put", "data", *options, code=2)
    assert len(result.errors.splitlines()) == 1
    assert not (cli.folder.parent / "home" / "casstore").exists()


def test_a_missing_metadata_file_is_named(cli):
    """Exit 10 as for any path that is not there."""
    assert "nope.json" in cli("put", "data", "--metadata", "@nope.json", code=10).errors


def test_other_words_for_known_content_are_said_to_be_dropped(cli):
    """The version keeps what was said of it first."""
    cli("put", "data", "-d", "first")
    result = cli("put", "data", "-d", "second")
    assert "data:v0" in result.errors
    assert cli("show", "data", "--json").json["version"]["description"] == "first"


def test_an_alias_is_applied_to_known_content(cli):
    """Putting the same again moves the alias without a new version."""
    cli("put", "data")
    assert "best" in cli("put", "data", "-a", "best", "--json").json["version"]["aliases"]


def test_ignored_files_are_left_out(cli):
    """The globs are gitignore syntax relative to the folder."""
    cli("put", "data", "--ignore", "*.bin", "--ignore", "/empty")
    assert cli("ls", "data:v0", "-q").lines == ["a.txt", "run.sh"]


def test_the_store_inside_the_folder_is_left_out(cli):
    """A store never holds itself, whatever it is called."""
    cli("put", "data", "--store", "data/mine")
    cli("put", "data", "--store", "data/mine")
    assert len(cli("ls", "data:v0", "-q", "--store", "data/mine").lines) == 4
    assert "itself" in cli("put", "data/mine", "--store", "data/mine", code=2).errors


def test_links_that_lead_outside_are_counted_or_refused(cli):
    """They are followed, as in W&B, and told; ``--symlinks error`` refuses them."""
    outside = cli.write("elsewhere.txt", "out")
    (cli.folder / "data" / "link").symlink_to(outside)
    result = cli("put", "data")
    assert "1 symlink led outside and was followed" in result.errors
    assert cli("cat", "data", "link").raw == b"out"
    assert "link" in cli("put", "data", "--symlinks", "error", code=2).errors


def test_a_version_of_no_files_is_made_and_told(cli):
    """An empty folder, or one of which all is ignored: likely a slip, but a version (W&B)."""
    (cli.folder / "none").mkdir()
    put = cli("put", "none")
    assert put.lines == ["none:v0  0 files  0 B"]
    assert put.errors == "casstore: none:v0 holds no files\n"
    assert "holds no files" in cli("put", "data", "--ignore", "*", "--json").errors
    assert cli("put", "none", "-q").errors == ""
    cli("get", "none", "-o", "out")
    assert list((cli.folder / "out").iterdir()) == []


def test_a_missing_path_is_named_and_makes_no_version(cli):
    """Exit 10, also when other paths are there."""
    assert "nope" in cli("put", "data", "nope", "--name", "x", code=10).errors
    assert cli("ls", "--json").json["artifacts"] == []


def test_a_dangling_link_leaves_no_version(cli):
    """All or nothing: the name that was begun does not exist."""
    (cli.folder / "data" / "link").symlink_to("nowhere")
    assert "link" in cli("put", "data", code=10).errors
    cli("show", "data", code=10)


def test_a_socket_leaves_no_version(cli, monkeypatch):
    """What cannot be logged is named."""
    monkeypatch.chdir(cli.folder / "data")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s.sock")
        assert "s.sock" in cli("put", ".", code=2).errors
    cli("show", "data", code=10)


def test_an_unreadable_file_is_named(cli, monkeypatch):
    """One line with the path, exit 1, no version; refused here so that it holds for root too."""
    really_open = os.open

    def refuse(path, *arguments, **options):
        if os.fsencode(path).endswith(b"data/a.txt"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return really_open(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        assert "data/a.txt cannot be read" in cli("put", "data", code=1).errors
    cli("show", "data", code=10)


def test_a_full_disk_takes_back_what_was_written(cli, monkeypatch):
    """The store stays whole, the space comes back and the message says so."""
    cli("put", "data/a.txt", "--name", "before", "--store", "s")
    packs = _files(cli.folder / "s" / "packs")

    def full(staged, final):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(durable, "install", full)
        result = cli("put", "data", "--store", "s", code=1)
    assert "full" in result.errors
    assert len(result.errors.splitlines()) == 1
    assert _files(cli.folder / "s" / "packs") == packs
    assert cli("cat", "before", "a.txt", "--store", "s").raw == b"hello\n"
    cli("put", "data", "--store", "s")


def _files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_dry_run_stores_nothing(cli):
    """It tells what would be logged; no store is made."""
    assert cli("put", "data", "-n").lines == ["data  4 files  256 kB  would be logged"]
    assert cli("put", "data", "-n", "--json").json["file_count"] == 4
    assert not (cli.folder.parent / "home" / "casstore").exists()


def test_names_that_are_not_utf8_are_kept(cli):
    """People see escapes, programs get the bytes."""
    (cli.folder / "data" / os.fsdecode(b"caf\xe9")).write_text("x")
    cli("put", "data", "--no-cache")
    assert "caf\\xe9" in cli("ls", "data:v0", "-q").lines
    odd = [file for file in cli("ls", "data:v0", "--json").json["files"] if "path_b64" in file]
    assert [(file["path"], file["path_b64"]) for file in odd] == [("caf\\xe9", "Y2Fm6Q==")]
    assert cli("cat", "data", os.fsdecode(b"caf\xe9")).raw == b"x"


def test_control_characters_in_names_are_escaped_for_people(cli):
    """A file's name cannot move the cursor."""
    cli.write("data/bad\x1b[2J\nname", "x")
    cli("put", "data")
    assert "bad\\x1b[2J\\nname" in cli("ls", "data:v0", "-q").lines
