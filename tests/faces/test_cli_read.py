"""``get``, ``ls``, ``show``, ``cat``, ``diff``: what was put comes back and can be looked at."""

import os

import pytest


@pytest.fixture
def two(cli):
    """Put two versions of ``data``: the second changes one file, drops one and adds one."""
    cli("put", "data", "-a", "first")
    cli.write("data/a.txt", "hello again\n")
    (cli.folder / "data" / "empty").unlink()
    cli.write("data/new.txt", "new")
    cli("put", "data", "-d", "the second\nwith more")
    return cli


def _tree(folder):
    return {
        str(path.relative_to(folder)): (path.read_bytes(), os.access(path, os.X_OK))
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_get_gives_back_every_byte_and_executable_bit(cli):
    """The folder is made, and holds what was put."""
    cli("put", "data")
    (line,) = cli("get", "data", "-o", "out").lines
    assert line == "data:v0  4 files  256 kB  in out"
    assert _tree(cli.folder / "out") == _tree(cli.folder / "data")


def test_get_without_a_folder_makes_one_called_as_the_artifact(cli):
    """As ``git clone`` does."""
    cli("put", "data", "--name", "things")
    assert cli("get", "things:v0", "-q").text == "things\n"
    assert _tree(cli.folder / "things") == _tree(cli.folder / "data")


def test_get_into_a_folder_that_has_it_writes_nothing(cli):
    """Files that are there already are counted as such."""
    cli("put", "data")
    result = cli("get", "data", "--json").json
    assert (result["written"], result["unchanged"], result["file_count"]) == (0, 4, 4)


def test_get_refuses_to_replace_other_content(two):
    """Exit 5 names the paths, and nothing was written; --force replaces them, extras stay."""
    two("get", "data:v0", "-o", "out")
    two.write("out/extra", "mine")
    refused = two("get", "data", "-o", "out", code=5)
    assert "a.txt" in refused.errors
    assert not (two.folder / "out" / "new.txt").exists()
    two("get", "data", "-o", "out", "--force")
    assert (two.folder / "out" / "a.txt").read_text() == "hello again\n"
    assert (two.folder / "out" / "extra").read_text() == "mine"


def test_get_takes_only_the_paths_that_are_wanted(cli):
    """--include and --exclude are gitignore syntax."""
    cli("put", "data")
    cli("get", "data", "-o", "out", "--include", "*.txt", "--include", "sub/")
    assert set(_tree(cli.folder / "out")) == {"a.txt", "sub/numbers.bin"}
    cli("get", "data", "-o", "out2", "--exclude", "sub/", "--exclude", "*.sh")
    assert set(_tree(cli.folder / "out2")) == {"a.txt", "empty"}
    assert "casstore ls data:v0" in cli("get", "data", "--include", "*.zip", code=10).errors


def test_a_path_after_the_version_points_to_cat(cli):
    """People type it; the hint shows what to type instead."""
    cli("put", "data")
    error = cli("get", "data:v0/sub/x", "--json", code=2).error
    assert error["hint"] == "for one file: casstore cat data:v0 sub/x"
    assert error["kind"] == "Invalid"


def test_ls_lists_names(two):
    """Each name with its type, newest version and number of versions."""
    two("put", "data/run.sh", "-t", "code")
    lines = two("ls").lines
    assert lines[0].split() == ["NAME", "TYPE", "LATEST", "VERSIONS", "SIZE", "LOGGED"]
    assert [line.split()[:4] for line in lines[1:]] == [
        ["data", "dataset", "v1", "2"],
        ["run.sh", "code", "v0", "1"],
    ]
    assert two("ls", "-q").lines == ["data", "run.sh"]


def test_ls_of_a_bare_name_lists_versions(two):
    """With aliases and the first line of the description."""
    lines = two("ls", "data").lines
    assert [line.split()[0] for line in lines[1:]] == ["data:v0", "data:v1"]
    assert lines[1].endswith("first")
    assert lines[2].endswith("latest   the second")
    assert two("ls", "data", "-q").lines == ["data:v0", "data:v1"]


def test_ls_of_a_version_lists_files(two):
    """Sizes, a star for executables, and the path."""
    assert two("ls", "data:first").lines == [
        "     6 B   a.txt",
        "     0 B   empty",
        "    10 B * run.sh",
        "  256 kB   sub/numbers.bin",
    ]


def test_ls_with_a_prefix_lists_the_files_below(two):
    """A bare name then means its newest version."""
    assert two("ls", "data", "sub/", "-q").lines == ["sub/numbers.bin"]
    assert "zzz" in two("ls", "data", "zzz", code=10).errors


def test_ls_all_lists_every_project(cli):
    """Names of other projects come with their project."""
    cli("put", "data", "--project", "one")
    cli("put", "data", "--project", "two")
    assert cli("ls", "-q").lines == []
    assert cli("ls", "--all", "-q").lines == ["one/data", "two/data"]
    assert cli("ls", "two/data", "-q").lines == ["data:v0"]


def test_show_tells_all_about_a_version(two):
    """Facts that are there are shown, those that are not are left out."""
    text = two("show", "data").text
    for piece in ("data:v1", "project default", "dataset", "latest", "the second\\nwith more"):
        assert piece in text
    assert "used by" not in text


def test_show_finds_versions_by_id(two):
    """A prefix of the commit id or of the manifest digest is enough."""
    version = two("show", "data:v0", "--json").json["version"]
    for key in ("commit_id", "digest"):
        found = two("show", f"data@{version[key][:12]}", "--json").json["version"]
        assert found["version"] == "v0"


def test_cat_writes_the_bytes(two):
    """Several paths come one after the other; a leading ./ is fine."""
    numbers = bytes(range(256)) * 1000
    assert two("cat", "data", "./a.txt", "sub/numbers.bin").raw == b"hello again\n" + numbers
    assert two("cat", "data", "sub/.//numbers.bin").raw == numbers
    assert two("cat", "data:first", "empty").raw == b""


def test_cat_of_an_absent_path_writes_nothing(two):
    """All paths are looked up before the first byte."""
    result = two("cat", "data", "a.txt", "nope", code=10)
    assert result.raw == b""
    assert "nope" in result.errors


def test_diff_of_versions_shows_letters_and_a_summary(two):
    """As in git: A, D, M."""
    assert two("diff", "data:v0", "data").lines == [
        "M a.txt  +6 B",
        "D empty",
        "A new.txt  +3 B",
        "1 added, 1 removed, 1 changed",
    ]


def test_diff_with_a_folder_shows_what_changed_since(two):
    """B is a folder if it has a slash or begins with a dot."""
    two.write("data/a.txt", "now\n")
    assert two("diff", "data", "./data").lines == ["M a.txt  -8 B", "1 changed"]
    assert two("diff", "data", "data/", "-q").lines == ["a.txt"]
    (two.folder / "data" / "a.txt").write_text("hello again\n")
    assert two("diff", "data", "./data", "--exit-code").lines == ["no differences"]


def test_diff_sees_the_executable_bit(two):
    """X is a file whose content is the same."""
    (two.folder / "data" / "new.txt").chmod(0o755)
    assert two("diff", "data", "./data").lines[0] == "X new.txt"


def test_diff_exits_with_1_only_when_asked(two):
    """As git's --exit-code."""
    two("diff", "data:v0", "data:v1")
    two("diff", "data:v0", "data:v1", "--exit-code", code=1)
    two("diff", "data:v1", "data:v1", "--exit-code")


def test_diff_leaves_out_what_is_ignored_in_the_folder(two):
    """A cache in the folder is no change."""
    two.write("data/cache/x", "x")
    two("diff", "data", "./data", "--exit-code", "--ignore", "cache/")


def test_a_folder_named_like_a_reference_gets_a_hint(two):
    """Without a slash B is a reference."""
    (two.folder / "out").mkdir()
    assert "./out" in two("diff", "data", "out", code=10).errors


def test_a_missing_folder_is_named(two):
    """Exit 10, as for any path that is not there."""
    assert "./nothing" in two("diff", "data", "./nothing", code=10).errors


def test_a_version_of_another_project_can_be_compared(two):
    """``project/name:v0`` is a reference where no such folder is."""
    two("put", "data", "--project", "other")
    two("diff", "data", "other/data:v0", "--exit-code")


def test_a_url_of_a_version_is_a_reference(two):
    """As ``Artifact.url`` gives it; one of a file is answered with what shows the file."""
    plain = two("show", "default/data:v0").raw
    assert two("show", "casstore://default/data:v0").raw == plain
    assert two("show", "casstore://data:v0").raw == plain
    errors = two("show", "casstore://default/data:v0/a.txt", code=2).errors
    assert "casstore cat default/data:v0 a.txt" in errors
    assert "names no version" in two("show", "casstore://data", code=2).errors


def test_a_path_where_a_version_is_wanted_is_told(two):
    """As in ``diff ./data data``: what a version looks like is said."""
    for call in (("diff", "./data", "data"), ("show", "../data"), ("get", "/data"), ("ls", "~/d")):
        errors = two(*call, code=2).errors
        assert "is a path, and a version is wanted here (write [project/]name" in errors
