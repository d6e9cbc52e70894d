"""The rules of laying out, as decided: where files go, what is replaced, what is never emptied."""

import os

import pytest

import casstore
from casstore.errors import Invalid


@pytest.fixture
def data(desk):
    """Log a version of four files."""
    for name in ("a.txt", "b/c.txt", "b/d.txt", "bc.txt"):
        desk.write(f"in/{name}", name)
    with casstore.init(project="p") as run:
        artifact = casstore.Artifact("data", "dataset")
        artifact.add_dir("in")
        run.log_artifact(artifact)
    return artifact.wait()


def files_in(folder):
    return sorted(
        os.path.relpath(os.path.join(where, name), folder)
        for where, _, names in os.walk(folder)
        for name in names
    )


def test_download_returns_a_str_and_has_a_default_root(desk, data):
    """``artifacts/NAME:vN`` here, ``artifacts/NAME`` for checkout; in full, as W&B does."""
    folder = data.download()
    assert type(folder) is str
    assert folder == str(desk.folder / "artifacts/data:v0")
    assert files_in(folder) == ["a.txt", "b/c.txt", "b/d.txt", "bc.txt"]
    assert data.checkout() == str(desk.folder / "artifacts/data")
    assert files_in("artifacts/data") == files_in(folder)


def test_the_default_root_is_moved_by_a_variable(desk, data, monkeypatch):
    """Casstore's or W&B's."""
    monkeypatch.setenv("WANDB_ARTIFACT_DIR", str(desk.folder / "theirs"))
    assert data.download() == str(desk.folder / "theirs/data:v0")
    monkeypatch.setenv("CASSTORE_ARTIFACT_DIR", "ours")
    assert data.checkout() == str(desk.folder / "ours/data")


def test_download_replaces_what_differs_and_leaves_extras_alone(desk, data):
    """Only files at paths of the version are touched."""
    desk.write("out/a.txt", "changed")
    desk.write("out/mine.txt", "mine")
    desk.write("out/b/mine.txt", "mine")
    data.download("out")
    assert (desk.folder / "out/a.txt").read_text() == "a.txt"
    assert (desk.folder / "out/mine.txt").read_text() == "mine"
    assert (desk.folder / "out/b/mine.txt").read_text() == "mine"


def test_checkout_removes_what_the_version_does_not_hold(desk, data):
    """The folder then is the version."""
    desk.write("out/a.txt", "changed")
    desk.write("out/mine.txt", "mine")
    desk.write("out/deep/mine.txt", "mine")
    assert data.checkout("out") == "out"
    assert files_in("out") == ["a.txt", "b/c.txt", "b/d.txt", "bc.txt"]
    assert not (desk.folder / "out/deep").exists()
    data.verify("out")


def test_checkout_never_empties_what_people_cannot_lose(desk, data, monkeypatch):
    """The home, the working directory, a git or casstore folder, or what holds one of them."""
    home = desk.write("people/me/thesis.tex", "x").parent
    repository = desk.write("repository/.git/HEAD", "x").parents[1]
    stored = desk.write("stored/.casstore/FORMAT", "x").parents[1]
    monkeypatch.setenv("HOME", str(home))
    (desk.folder / "alias").symlink_to(home)
    for root in (
        home,
        home.parent,
        desk.folder / "alias",
        desk.folder,
        desk.folder.parent,
        "/",
        repository,
        repository / ".git",
        stored,
        stored / ".casstore",
    ):
        with pytest.raises(Invalid):
            data.checkout(root)
    for kept in (home / "thesis.tex", repository / ".git/HEAD", stored / ".casstore/FORMAT"):
        assert kept.read_text() == "x"


def test_checkout_never_empties_the_store_it_reads_from(desk, data):
    """Whatever the store's folder is called."""
    for root in (desk.root, desk.root.parent, desk.root / "packs"):
        with pytest.raises(Invalid, match="not emptied"):
            data.checkout(root)
    assert data.download()


def test_a_path_prefix_is_a_plain_prefix_of_the_text(desk, data):
    """``b`` takes ``b/c.txt`` and ``bc.txt``; a prefix of nothing lays nothing out."""
    data.download("one", path_prefix="b")
    assert files_in("one") == ["b/c.txt", "b/d.txt", "bc.txt"]
    data.download("two", path_prefix="b/")
    assert files_in("two") == ["b/c.txt", "b/d.txt"]
    data.download("three", path_prefix="nothing")
    assert files_in("three") == []


def test_references_are_read_as_wandb_writes_them(desk, data):
    """Entity, project, alias, number, commit id, digest; what breaks the grammar is refused."""
    api = casstore.Api()
    names = ["p/data", "x/p/data:latest", "p/data:v0"]
    names += [f"p/data@{data.commit_hash[:8]}", f"p/data@{data.digest}"]
    for name in names:
        assert api.artifact(name).commit_hash == data.commit_hash
    for bad in ("", "a/b/c/d", "data:", "data@xyz", "data@12", "da ta", "p//data"):
        with pytest.raises(Invalid):
            api.artifact(bad)


def test_a_full_digest_finds_the_version_wherever_numbers_come_from(desk, data):
    """Two names with equal content are told apart by their name."""
    with casstore.init(project="p") as run:
        twin = casstore.Artifact("twin", "dataset")
        twin.add_dir("in")
        run.log_artifact(twin)
    assert casstore.Api().artifact(f"p/twin@{data.digest}").name == "twin:v0"
    with pytest.raises(casstore.NotFound):
        casstore.Api().artifact(f"p/twin@{data.commit_hash}")
