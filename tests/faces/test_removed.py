"""Parts of a store, or all of it, removed under a living process."""

import shutil

import pytest
from hostile import one_line

import casstore
from casstore.errors import NotFound
from casstore.store import open_store


def draft_of(desk, name="net"):
    """Return a draft with a file of its own, one that is in the store already, and a folder."""
    artifact = casstore.Artifact(name, "model")
    artifact.add_file("first.bin")
    artifact.add_dir("more")
    return artifact


@pytest.fixture
def logged(desk):
    """Log ``old:v0``, and other versions, so that packs have other rows in an index made anew."""
    desk.write("first.bin", b"1" * 50_000)
    for number in range(20):
        desk.write(f"more/{number}", f"{number}" * 2_000)
    for number in range(3):
        desk.write("changing", f"{number}" * 1_000)
        artifact = casstore.Artifact("old", "model")
        artifact.add_file("first.bin")
        artifact.add_file("changing")
        artifact.save()
        artifact.wait()
    return desk


def remove_index(desk):
    shutil.rmtree(desk.root / "db")


def check(desk, artifact, version):
    assert artifact.wait().version == version
    assert artifact.verify(artifact.download(root=f"out-{version}")) is None
    store = open_store(desk.root)
    for view in casstore.Api().artifacts("model", "old"):
        view.download(root=f"old-{view.version}")
    assert store.index.problems == {}
    desk.run("import sys; from casstore.cli.main import main; sys.exit(main(['verify']))")


@pytest.mark.parametrize("moment", range(6))
def test_an_index_that_is_deleted_at_any_moment_of_a_drafts_life_costs_nothing(logged, moment):
    """Before it, while it is filled, before it is logged, and after: the version is whole."""
    desk, steps = logged, iter(range(6))

    def at_this_point():
        if next(steps) == moment:
            remove_index(desk)

    at_this_point()
    artifact = casstore.Artifact("net", "model")
    at_this_point()
    artifact.add_file("first.bin")
    at_this_point()
    artifact.add_dir("more")
    at_this_point()
    with artifact.new_file("words") as stream:
        stream.write("new")
    at_this_point()
    artifact.save()
    artifact.wait()
    at_this_point()
    assert artifact.verify(artifact.download(root="first")) is None
    again = draft_of(desk)
    again.save()
    check(desk, again, "v1")


def test_a_draft_from_a_version_survives_the_index(logged):
    """What it took over is named by packs, whose rows are others by then."""
    with casstore.init(project="default") as run:
        draft = run.use_artifact("old:v1").new_draft()
        remove_index(logged)
        other = draft_of(logged, "other")  # gives the packs other rows
        run.log_artifact(other).wait()
        remove_index(logged)
        draft.add_file("more/1")
        run.log_artifact(draft).wait()
    check(logged, draft, "v3")


def test_what_is_remembered_of_files_means_the_index_that_it_is_in(logged):
    """Rows of a deleted index are not written into the next: an unchanged tree is logged whole."""
    artifact = draft_of(logged)
    remove_index(logged)
    artifact.save()
    artifact.wait()
    for _ in range(2):
        again = draft_of(logged, "again")
        again.save()
        check(logged, again, "v0")


# The whole store


def add_more(artifact):
    artifact.add_dir("more")


def finish(artifact):
    artifact.save()
    artifact.wait()


@pytest.mark.parametrize("moment", ["before", "while it is filled", "filled"])
def test_a_store_that_is_removed_is_one_clear_error_and_can_be_made_again(logged, moment):
    """By this process too, at the same path; the new one is whole and knows nothing of the old."""
    artifact = casstore.Artifact("net", "model")
    if moment != "before":
        artifact.add_file("first.bin")
    if moment == "filled":
        artifact.add_dir("more")
    shutil.rmtree(logged.root)
    if moment != "before":
        call = finish if moment == "filled" else add_more
        with pytest.raises(NotFound, match="was removed while it was open") as caught:
            call(artifact)
        one_line(str(caught.value))
    with casstore.init(project="default") as run:
        anew = draft_of(logged)
        run.log_artifact(anew, aliases=["best"])
        assert anew.wait().version == "v0"
    assert anew.verify(anew.download(root="anew")) is None
    found = logged.run("""
        from casstore.cli.main import main
        main(["ls", "-q"])
        print(main(["verify", "-q"]))
    """)
    assert found.split() == ["net", "0"]


def test_a_run_whose_store_is_removed_says_so_and_ends(logged):
    """The next run makes a store again."""
    run = casstore.init(project="p")
    shutil.rmtree(logged.root)
    with pytest.raises(NotFound, match="was removed"):
        run.finish()
    with casstore.init(project="p") as another:
        another.log({"a": 1})
    assert [found.id for found in casstore.Api().runs("p")] == [another.id]


def test_another_store_in_its_place_is_not_taken_for_it(logged):
    """Made by somebody else: a draft of the old one is not logged into it."""
    artifact = draft_of(logged)
    shutil.rmtree(logged.root)
    logged.run("import casstore; casstore.init(project='theirs').finish()")
    with pytest.raises(NotFound, match="was removed"):
        finish(artifact)
    anew = draft_of(logged)
    anew.save()
    assert anew.wait().version == "v0"
