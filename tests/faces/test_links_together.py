"""Links made on several machines: the upstream numbers them as it does versions."""

import pytest

import casstore
from casstore.errors import Conflict
from casstore.remotes.configuration import keep_probe
from casstore.remotes.probing import Probe

FOUND = Probe(True, True, True, True, writers=2, rounds=20, checked_at="2026-11-25T12:00:00Z")
GOOD = "registry/good"


class Machine:
    """A store that links what it logs to one collection, and knows one upstream."""

    def __init__(self, folder, name, cli_main):
        self.root = folder / name
        self._main = cli_main
        casstore.init(store=self.root, project="p").finish()
        assert self("remote", "add", "hub", str(folder / "hub"), "--upstream") == 0
        keep_probe(self.root, "hub", FOUND)

    def link(self, text, name):
        with casstore.init(store=self.root, project="p") as run:
            artifact = casstore.Artifact(name, "model")
            with artifact.new_file("a.txt") as stream:
                stream.write(text)
            run.log_artifact(artifact).wait()
            run.link_artifact(artifact, GOOD)

    def __call__(self, *words):
        return self._main([*words, "--store", str(self.root), "--project", "p"])

    def text(self, ref, folder):
        with casstore.init(store=self.root, project="p") as run:
            path = run.use_artifact(f"{GOOD}:{ref}").download(folder / f"{self.root.name}-{ref}")
            return (folder / path / "a.txt").read_text()

    def numbers(self, capsys):
        capsys.readouterr()
        assert self("ls", GOOD) == 0
        lines = capsys.readouterr().out.splitlines()[1:]
        return [line.split()[0] for line in lines]


@pytest.fixture
def two(desk):
    """Give two machines."""
    main = pytest.importorskip("casstore.cli.main").main
    return Machine(desk.folder, "a", main), Machine(desk.folder, "b", main)


def test_links_are_numbered_by_the_upstream_first_come_first_served(two, desk, capsys):
    """Each machine's v0 is provisional until then; the second is told, and nothing lies."""
    a, b = two
    a.link("one", "one")
    b.link("two", "two")
    assert a.numbers(capsys) == b.numbers(capsys) == ["good:v0*"]
    assert a("push") == 0
    assert a.numbers(capsys) == ["good:v0"]
    assert b("sync") == 5
    said = capsys.readouterr().err
    assert "numbered 'good': v0 is v1 now" in said
    assert sorted(b.numbers(capsys)) == ["good:v0", "good:v1"]
    with pytest.raises(Conflict, match="good:v0 is good@"):
        b.text("v0", desk.folder)
    assert b.text("v1", desk.folder) == "two"
    assert b("numbers", "accept", GOOD) == 0
    assert b.text("v0", desk.folder) == "one"
    assert a("sync") == 0
    assert a.text("v1", desk.folder) == "two"
    assert a.numbers(capsys) == b.numbers(capsys)


def test_a_push_again_seals_nothing_twice(two, capsys, desk):
    """Not the link, and not where it was logged."""
    a, _ = two
    a.link("one", "one")
    assert a("push") == 0
    before = sorted(path for path in (desk.folder / "hub").rglob("*") if path.is_file())
    assert a("push") == 0
    assert sorted(path for path in (desk.folder / "hub").rglob("*") if path.is_file()) == before
    claims = {path.name for path in (desk.folder / "hub" / "claims").rglob("*") if path.is_file()}
    assert claims == {"0"}
    assert len([p for p in before if "claims" in p.parts]) == 2
    assert a.numbers(capsys) == ["good:v0"]


def test_two_machines_that_link_one_version_keep_their_own_numbers_until_sealed(two, desk, capsys):
    """What was typed before the exchange goes on meaning the same bytes, or is a conflict."""
    a, b = two
    a.link("one", "one")
    assert a("push") == 0
    assert b("pull") == 0
    b.link("two", "two")
    assert b.numbers(capsys) == ["good:v0", "good:v1*"]
    assert b("push") == 0
    assert b.numbers(capsys) == ["good:v0", "good:v1"]
    assert b.text("v0", desk.folder) == "one"
    assert b.text("latest", desk.folder) == "two"
