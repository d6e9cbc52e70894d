"""``casstore remote``: places that have a name, what is found out about them, what is refused."""

import tempfile
import tomllib

import pytest


def config_of(cli):
    return tomllib.loads((cli.folder / ".casstore" / "config.toml").read_text())


@pytest.fixture
def here(cli):
    """Give the command line in a folder with a store of its own."""
    cli("init", "--project", "vision")
    return cli


def test_a_remote_is_added_listed_and_removed(here):
    """What stood in the configuration stays, comments too."""
    path = here.folder / ".casstore" / "config.toml"
    path.write_text('# mine\nproject = "vision"  # ours\n')
    here("remote", "add", "lab", "s3://bucket/team/")
    here("remote", "add", "stick", "sticks/blue", "--upstream")
    assert here("remote", "ls", "-q").lines == ["lab", "stick"]
    listed = here("remote", "ls", "--json").json
    stick = (here.folder / "sticks" / "blue").as_uri()
    assert listed["remotes"] == [
        {"name": "lab", "url": "s3://bucket/team", "upstream": False, "checked": None},
        {"name": "stick", "url": stick, "upstream": True, "checked": None},
    ]
    assert path.read_text().startswith('# mine\nproject = "vision"  # ours\n')
    assert config_of(here)["remotes"]["lab"] == {"url": "s3://bucket/team"}
    here("remote", "add", "lab", "s3://bucket/team", "--upstream")
    assert "upstream" not in config_of(here)["remotes"]["stick"]
    assert here("remote", "rm", "lab", "--json").json["removed"]["name"] == "lab"
    assert here("remote", "ls", "-q").lines == ["stick"]
    assert here("remote", "rm", "lab", code=10).errors.count("\n") == 1
    here("remote", "rm", "stick")
    assert "remote add" in here("remote", "ls").errors
    assert here("remote", "ls", "-q").errors == ""


def test_a_name_that_cannot_be_is_said_to_be_a_remotes(here):
    """It is no artifact that somebody named."""
    assert "cannot name a remote" in here("remote", "add", "my lab", "place", code=2).errors


def test_a_scheme_that_nothing_speaks_is_likely_a_slip(here):
    """It is refused at once and gets no name; one that fsspec knows is kept."""
    for call in (("remote", "add", "lab", "s4://bucket"), ("push", "--to", "s4://bucket", "--all")):
        errors = here(*call, code=1).errors
        assert "nothing here speaks s4://" in errors
        assert "check how it is spelled" in errors
        assert errors.count("\n") == 1
    assert here("remote", "ls", "--json").json["remotes"] == []
    here("remote", "add", "lab", "hdfs://server/path")
    assert here("remote", "ls", "-q").lines == ["lab"]


def test_what_a_place_has_not_is_answered_with_what_it_has(here):
    """No verb lists a place, so the message does; a store's own names are listed by ``ls``."""
    here.write("net/a", "1")
    here("put", "net", "-q")
    here("push", "--to", "./place", "-q")
    for call in (("pull", "nope"), ("get", "nope"), ("cat", "nope", "a")):
        assert "there it has net" in here(*call, "--from", "./place", code=10).errors
    assert "there are net@" in here("pull", "net:v7", "--from", "./place", code=10).errors
    elsewhere = here("pull", "net", "--from", "./place", "--project", "other", code=10).errors
    assert "there are the projects vision" in elsewhere
    assert "casstore ls --all" in here("get", "nope", code=10).errors


def test_a_name_means_one_place(here):
    """The same again is success, another URL is for a person to decide."""
    for _ in range(2):
        here("remote", "add", "lab", "gs://bucket")
    error = here("remote", "add", "lab", "gs://other", code=5).errors
    assert "gs://bucket" in error


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("s3://KEY:hunter2@bucket/x", "~/.aws/credentials"),
        ("webdavs://me:hunter2@host/dav", "~/.netrc"),
        ("webdavs://hunter2@host/dav", "~/.netrc"),
        ("ssh://me:hunter2@host/depot", "~/.ssh"),
        ("az://container/x?sig=hunter2", "AZURE_STORAGE_CONNECTION_STRING"),
        ("https://host/dav", "webdavs://"),
        ("s3://", "names no bucket"),
        ("s3://bucket/../x", "'..'"),
        ("file://host/x", "another machine"),
        ("", "names no place"),
    ],
)
def test_urls_that_hold_secrets_or_name_nothing_are_refused(here, url, told):
    """The message says where a secret belongs, and does not repeat it; nothing is kept."""
    error = here("remote", "add", "lab", url, code=2).errors
    assert told in error
    assert "hunter2" not in error
    assert "remotes" not in config_of(here)


def test_a_check_is_kept_and_shown(here):
    """What a folder can do, tried by processes that race."""
    (here.folder / "shared").mkdir()
    here("remote", "add", "nas", "shared/depot")
    assert "never" in here("remote", "ls").text
    shown = here("remote", "check", "nas").text
    assert "yes  exclusive create" in shown
    found = here("remote", "ls", "--json").json["remotes"][0]["checked"]
    assert config_of(here)["remotes"]["nas"]["checked"] == found
    assert {found[key] for key in ("exclusive_create", "ranged_reads", "delete")} == {True}
    assert "exclusive create" in here("remote", "ls").text
    again = here("remote", "check", "--json", "-v")
    assert again.json["remotes"][0]["name"] == "nas"
    assert "PUT" in again.errors


def test_a_check_of_what_is_not_there_is_one_line(here):
    """No such remote, no folder above: exit code 10; nothing is kept."""
    assert "knows no remote" in here("remote", "check", "lab", code=10).errors
    here("remote", "add", "stick", "not-mounted/depot")
    error = here("remote", "check", "stick", code=10).errors
    assert "not-mounted" in error
    assert error.count("\n") == 1
    assert "checked" not in config_of(here)["remotes"]["stick"]


def test_a_configuration_that_is_none_is_told(here):
    """Whoever wrote it; a check of another release is forgotten."""
    path = here.folder / ".casstore" / "config.toml"
    path.write_text("remotes = 3\n")
    assert "config.toml" in here("remote", "ls", code=2).errors
    path.write_text('[remotes.lab]\nurl = "gs://b"\nchecked = {what = 1}\n')
    assert here("remote", "ls", "--json").json["remotes"][0]["checked"] is None
    path.write_text('[remotes.lab]\nurl = "ssh://me:hunter2@host/x"\n')
    assert "hunter2" not in here("remote", "ls", code=2).errors


@pytest.fixture
def nas(here):
    """Give the command line of a store that has pushed three times to ``nas``."""
    here("remote", "add", "nas", "shared")
    for number in range(3):
        (here.folder / "f").write_text(f"content {number}")
        here("put", "f", "--name", f"n{number}")
        here("push", f"n{number}")
    return here


def test_indexes_of_a_place_are_merged_without_a_store(nas, monkeypatch):
    """By its URL, from a machine that has nothing: nothing is left there either."""
    url = (nas.folder / "shared").as_uri()
    home = nas.folder / "home"
    home.mkdir()
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "TMPDIR"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setattr(tempfile, "tempdir", str(home))
    none = ("--store", "none")
    assert "3 indexes could be merged" in nas("remote", "compact", url, "-n", *none).text
    assert "3 indexes merged into 1" in nas("remote", "compact", url, *none).text
    assert "nothing to merge" in nas("remote", "compact", url, *none).text
    assert "knows no remote" in nas("remote", "compact", "nas", *none, code=10).errors
    assert not (nas.folder / "none").exists()
    assert list(home.iterdir()) == []
    assert nas("verify", "--remote", "nas").code == 0


def test_indexes_of_a_place_are_merged_by_name(nas):
    """Said before it is done, and done once."""
    assert "nothing to push" in nas("push").text
    assert "3 indexes could be merged" in nas("remote", "compact", "nas", "-n").text
    assert "3 indexes merged into 1" in nas("remote", "compact", "nas").text
    assert "nothing to merge" in nas("remote", "compact", "nas").text
    assert nas("remote", "compact", "--json").json["objects"] == 0
    assert nas("verify", "--remote", "nas").code == 0
    error = nas("remote", "compact", "lab", code=10).errors
    assert "knows no remote" in error
