"""``casstore bundle`` and ``casstore inventory``, as somebody types them on both sides."""

import os

import pytest


@pytest.fixture
def there(cli):
    """Say where the far side's store is."""
    return ("--store", str(cli.folder / "there"))


def test_versions_travel_in_a_file(cli, there):
    """Made, verified and applied; a second time nothing is new."""
    cli("put", "data")
    cli("alias", "set", "data", "best")
    assert cli("bundle", "create", "b.zip", "data:v0").lines[-1] == "1 version"
    assert cli("bundle", "verify", "b.zip").lines[-2:] == [
        "default/data:v0  4 files  256 kB  whole",
        "1 version  ok",
    ]
    applied = cli("bundle", "apply", "b.zip", *there)
    assert applied.lines[-1].startswith("1 version new  stored ")
    cli("get", "data:best", "-o", "out", *there)
    assert (cli.folder / "out/sub/numbers.bin").read_bytes() == bytes(range(256)) * 1000
    assert cli("bundle", "apply", "b.zip", *there).lines == ["0 versions new  stored 0 B"]


def test_only_what_is_missing_there_goes_along(cli, there):
    """By inventory, and since a version; each says what it is thin against."""
    cli("put", "data")
    cli("bundle", "create", "first.zip")
    cli("bundle", "apply", "first.zip", *there)
    exported = cli("inventory", "export", "inventory", *there, "--json").json
    assert exported["frames"] > 3
    assert exported["events"] == 1
    assert exported["size_bytes"] == (cli.folder / "inventory").stat().st_size
    said = cli("bundle", "create", "x.zip", "--have", "inventory").text
    assert said == "nothing to carry: no bundle was made\n"
    assert not (cli.folder / "x.zip").exists()
    cli.write("data/new.txt", "new\n" * 100)
    cli("put", "data")
    assert "inventory" in cli("bundle", "create", "have.zip", "--have", "inventory").text
    since = cli("bundle", "create", "since.zip", "--since", "data:v0", "--json").json
    assert [version["version"] for version in since["versions"]] == ["v1"]
    assert since["thin_against"].startswith("default/data:v0 (")
    verified = cli("bundle", "verify", "since.zip").text
    assert "thin: needs at least" in verified
    assert "of default/data:v0" in verified
    empty = ("--store", str(cli.folder / "empty"))
    assert "waiting" in cli("bundle", "apply", "since.zip", *empty, code=3).text
    assert "then this one again" in cli("bundle", "apply", "since.zip", *empty, code=3).text
    assert cli("bundle", "apply", "first.zip", "since.zip", *empty).lines[-1].startswith("2 ver")
    assert cli("bundle", "apply", "have.zip", *there).lines[-1].startswith("1 version new")


def test_what_is_no_file_is_named(cli):
    """A folder; a pipe too, for whose writer nobody waits."""
    cli("put", "data")
    os.mkfifo(cli.folder / "pipe")
    for path in ("data", "pipe"):
        for words in (("verify", path), ("apply", path), ("create", "x.zip", "--have", path)):
            assert f"{path} is no file" in cli("bundle", *words, code=2).errors


def test_the_json_of_each_verb_has_these_keys(cli, there):
    """Programs rely on them."""
    cli("put", "data")
    made = cli("bundle", "create", "b.zip", "--json").json
    keys = {"schema", "bundle_id", "parts", "thin_against", "versions", "frames", "stored_bytes"}
    assert made.keys() == keys
    assert made["parts"] == [
        {"path": "b.zip", "size_bytes": (cli.folder / "b.zip").stat().st_size}
    ] or made["parts"][0]["path"].endswith("/b.zip")
    verified = cli("bundle", "verify", "b.zip", "--json").json
    keys = {"schema", "ok", "parts", "missing_parts", "thin_against", "versions", "problems"}
    assert verified.keys() == keys
    assert verified["ok"] is True
    (version,) = verified["versions"]
    assert (version["reference"], version["state"], version["lacking"]) == (
        "default/data:v0",
        "whole",
        0,
    )
    applied = cli("bundle", "apply", "b.zip", "--json", *there).json
    keys = {"schema", "versions", "waiting", "frames", "stored_bytes", "events", "problems"}
    assert applied.keys() == keys
    assert applied["versions"][0]["commit_id"] == version["commit_id"]


def test_a_flipped_bit_ends_with_four_and_names_chunk_and_version(cli, there):
    """Nothing of the version arrives."""
    noise = bytes((number * number >> 3) % 251 for number in range(5000))
    cli.write("noisy/x.bin", noise)
    cli("put", "noisy")
    cli("bundle", "create", "b.zip")
    data = bytearray((cli.folder / "b.zip").read_bytes())
    data[data.index(b"CSfr") + 60] ^= 1
    (cli.folder / "b.zip").write_bytes(data)
    said = cli("bundle", "verify", "b.zip", code=4).text
    assert "file  default/noisy:v0  x.bin  frame " in said
    said = cli("bundle", "apply", "b.zip", *there, code=4).text
    assert "refused  default/noisy@" in said
    assert "0 versions new" in said
    assert cli("ls", *there).lines == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("bundle", "create", "b.zip", "--since", "data:v0", "--have", "x"), 2, "exclude"),
        (("bundle", "create", "b.zip", "data", "--all"), 2, "exclude"),
        (("bundle", "create", "b.zip", "--split", "much"), 2, "no size"),
        (("bundle", "create", "b.zip", "--split", "0"), 2, "above nothing"),
        (("bundle", "create", "b.zip", "--split", "2k"), 2, "--split 100M"),
        (("bundle", "create", "b.zip", "nobody"), 10, "nobody"),
        (("bundle", "create", "b.zip", "--have", "none"), 10, "inventory export"),
        (("bundle", "create", "b.zip", "--have", "data/a.txt"), 4, "inventory"),
        (("bundle", "create", "data/a.txt"), 5, "is there already"),
        (("inventory", "export", "data/a.txt"), 5, "is there already"),
        (("bundle", "verify", "none.zip"), 10, "no such file"),
        (("bundle", "verify", "data/a.txt"), 4, "cut short"),
        (("bundle", "apply", "data/a.txt"), 4, "cut short"),
        (("bundle", "apply"), 2, "FILE"),
    ],
)
def test_what_cannot_be_done_is_one_line(cli, arguments, code, message):
    """With the exit code of its kind; nothing is left behind."""
    cli("put", "data")
    errors = cli(*arguments, code=code).errors
    assert message in errors
    assert len(errors.splitlines()) == 1
    assert not list(cli.folder.glob("*.zip*"))
    assert not list(cli.folder.glob(".*.zip*"))


def test_apply_that_is_refused_makes_no_store(cli):
    """A file that is no bundle leaves nothing where the store would be."""
    cli("bundle", "apply", "data/a.txt", "--store", "nowhere", code=4)
    assert not (cli.folder / "nowhere").exists()
