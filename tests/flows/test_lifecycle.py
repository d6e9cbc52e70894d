"""Aliases, tags, edits, removal and restoring of versions."""

import multiprocessing

import pytest

from casstore.errors import Conflict, Corrupt, Invalid, NotFound
from casstore.flows import lifecycle
from casstore.flows.lifecycle import KEEP
from casstore.journal import queries
from casstore.journal.bodies import AliasBody, AliasClaim, EditBody, LinkBody
from casstore.journal.subjects import CommitSubject
from casstore.names import parse_reference
from casstore.store import close_store, find_version, live_versions, open_store


@pytest.fixture
def version(store, log, write, tmp_path):
    """``x:v0``."""
    return log(store, write(tmp_path / "in", {"a": b"one"}), "x")


@pytest.fixture
def newer(store, version, log, write, tmp_path):
    """``x:v1``."""
    return log(store, write(tmp_path / "in", {"a": b"two"}), "x")


def find(store, reference, **options):
    return find_version(store, parse_reference(reference), "p", **options)


def aliases(store):
    with store.index.read() as reader:
        return queries.aliases_of(reader, "p", "x")


def count_events(store):
    with store.index.read() as reader:
        return sum(1 for _ in reader.events())


def test_an_alias_moves_from_one_version_to_another(store, version, newer):
    """An alias points at the version that it was last set to."""
    lifecycle.set_aliases(store, version, ["best", "prod"])
    lifecycle.set_aliases(store, newer, ["best"])
    assert aliases(store) == {version.commit: ["prod"], newer.commit: ["best"]}
    assert find(store, "x:best").commit == newer.commit


def test_an_alias_that_is_set_already_writes_no_event(store, version):
    """What is so already costs nothing, and neither does ``latest``."""
    lifecycle.set_aliases(store, version, ["best"])
    before = count_events(store)
    lifecycle.set_aliases(store, version, ["best", "latest", "best"])
    assert count_events(store) == before


@pytest.mark.parametrize("alias", ["v3", "a/b", "", "a:b"])
def test_what_cannot_be_an_alias_is_refused_before_any_is_set(store, version, alias):
    """One bad alias leaves the good ones unset too."""
    with pytest.raises(Invalid):
        lifecycle.set_aliases(store, version, ["good", alias])
    assert aliases(store) == {}


def test_an_alias_in_conflict_is_settled_by_setting_it(store, version, newer):
    """Two processes that set one alias at once make a conflict; the next setting ends it."""
    for view in (version, newer):
        store.events.append(CommitSubject("p", "x", view.commit), AliasBody("best", set=True))
    with pytest.raises(Conflict):
        find(store, "x:best")
    lifecycle.set_aliases(store, newer, ["best"])
    assert find(store, "x:best").commit == newer.commit


def test_aliases_are_removed_all_or_none(store, version):
    """``NotFound`` for one that is not there leaves the others in place."""
    lifecycle.set_aliases(store, version, ["best", "prod"])
    with pytest.raises(NotFound, match=r"'absent'.*'p'"):
        lifecycle.remove_aliases(store, "p", "x", ["best", "absent"])
    assert aliases(store) == {version.commit: ["best", "prod"]}
    lifecycle.remove_aliases(store, "p", "x", ["best"])
    assert aliases(store) == {version.commit: ["prod"]}


def test_latest_cannot_be_removed(store, version):
    """``latest`` is nobody's to give or take."""
    with pytest.raises(Invalid):
        lifecycle.remove_aliases(store, "p", "x", ["latest"])


def test_an_alias_in_conflict_can_be_removed(store, version, newer):
    """Removing ends the conflict, and the alias means nothing afterwards."""
    for view in (version, newer):
        store.events.append(CommitSubject("p", "x", view.commit), AliasBody("best", set=True))
    lifecycle.remove_aliases(store, "p", "x", ["best"])
    with pytest.raises(NotFound):
        find(store, "x:best")


def test_tags_are_set_added_and_removed(store, version):
    """Tags keep the order they were given in, each once."""
    lifecycle.set_tags(store, version, ["b", "a", "b"])
    lifecycle.add_tags(store, version, ["c", "a"])
    assert find(store, "x:v0").tags == ("b", "a", "c")
    lifecycle.remove_tags(store, version, ["a"])
    assert find(store, "x:v0").tags == ("b", "c")
    with pytest.raises(NotFound, match="has no tag 'a'"):
        lifecycle.remove_tags(store, version, ["b", "a"])
    lifecycle.set_tags(store, version, [])
    assert find(store, "x:v0").tags == ()


def test_what_cannot_be_a_tag_is_refused(store, version):
    """A tag has letters, digits, dashes, underscores and spaces."""
    with pytest.raises(Invalid):
        lifecycle.add_tags(store, version, ["good", "a/b"])
    assert find(store, "x:v0").tags == ()


def _add_tags(root, commit_text, tags):
    store = open_store(root)
    view = find_version(store, parse_reference(f"x@{commit_text}"), "p")
    for tag in tags:
        lifecycle.add_tags(store, view, [tag])
    close_store(store)


def test_two_processes_that_add_tags_lose_none(store, version):
    """Concurrent edits of tags are joined."""
    wanted = {f"t{process}{number}" for process in range(2) for number in range(10)}
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(
            target=_add_tags,
            args=(store.root, version.commit.hex(), sorted(wanted)[10 * which :][:10]),
        )
        for which in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert set(find(store, "x:v0").tags) == wanted


def test_an_edit_changes_only_what_is_given(store, version):
    """``KEEP`` leaves a field; None is a value; what is equal writes nothing."""
    lifecycle.edit(store, version, description="one", metadata='{"a":1}', ttl=60)
    lifecycle.edit(store, version, description=None, metadata=KEEP)
    changed = find(store, "x:v0")
    assert (changed.description, changed.metadata, changed.ttl) == (None, '{"a":1}', 60)
    before = count_events(store)
    lifecycle.edit(store, changed, description=None, metadata='{"a":1}', ttl=60)
    assert count_events(store) == before


def test_an_edit_settles_a_field_in_conflict(store, version):
    """Two descriptions at once are a conflict until one is given again."""
    with store.index.read() as reader:
        heads = tuple(queries.edit_heads(reader, version.commit, "description"))
    for text in ("one", "two"):
        subject = CommitSubject("p", "x", version.commit)
        store.events.append(subject, EditBody("description", text, heads))
    assert find(store, "x:v0").conflicts
    lifecycle.edit(store, version, description=find(store, "x:v0").description)
    assert not find(store, "x:v0").conflicts


def test_metadata_that_is_no_object_is_refused(store, version):
    """Metadata is the text of a JSON object."""
    with pytest.raises(Invalid):
        lifecycle.edit(store, version, metadata="[1]")


def test_a_removed_version_is_gone_until_it_is_restored(store, version, newer):
    """Removal hides, restoring shows again, the number stays its own."""
    plan = lifecycle.plan_removal(store, [newer], with_aliases=False)
    assert plan.size_bytes == 3
    assert find(store, "x:latest").commit == newer.commit
    lifecycle.remove(store, plan)
    assert find(store, "x:latest").commit == version.commit
    with pytest.raises(NotFound, match="removed"):
        find(store, "x:v1")
    lifecycle.restore(store, find(store, "x:v1", deleted=True))
    assert find(store, "x:v1").commit == newer.commit


def test_removing_or_restoring_twice_does_no_harm(store, version):
    """A plan that was carried out already, and a version that is there, change nothing."""
    plan = lifecycle.plan_removal(store, [version, version], with_aliases=False)
    assert len(plan.removals) == 1
    lifecycle.remove(store, plan)
    before = count_events(store)
    lifecycle.remove(store, plan)
    assert count_events(store) == before
    lifecycle.restore(store, version)
    lifecycle.restore(store, version)
    assert count_events(store) == before + 1


def test_a_removed_version_can_be_neither_labelled_nor_removed(store, version):
    """An alias would bring it back by the way, so it is refused."""
    lifecycle.remove(store, lifecycle.plan_removal(store, [version], with_aliases=False))
    for action in (
        lambda: lifecycle.set_aliases(store, version, ["a"]),
        lambda: lifecycle.add_tags(store, version, ["a"]),
        lambda: lifecycle.edit(store, version, description="a"),
        lambda: lifecycle.plan_removal(store, [version], with_aliases=False),
    ):
        with pytest.raises(NotFound, match="removed"):
            action()


def test_a_version_with_aliases_is_removed_only_when_they_are_named(store, version, newer):
    """The refusal names the aliases; with them, they are gone for good."""
    lifecycle.set_aliases(store, version, ["best", "prod"])
    with pytest.raises(Conflict, match=r"x:v0 has the alias 'best', 'prod'"):
        lifecycle.plan_removal(store, [newer, version], with_aliases=False)
    plan = lifecycle.plan_removal(store, [version], with_aliases=True)
    lifecycle.remove(store, plan)
    lifecycle.restore(store, version)
    assert aliases(store) == {}


def test_a_version_that_got_an_alias_since_the_plan_is_not_removed(store, version, newer):
    """What a plan has not seen keeps every version of it."""
    plan = lifecycle.plan_removal(store, [newer, version], with_aliases=True)
    lifecycle.set_aliases(store, version, ["best"])
    with pytest.raises(Conflict, match="x:v0"):
        lifecycle.remove(store, plan)
    assert len(live_versions(store, "p", "x")) == 2


def test_an_alias_that_moved_since_the_plan_stays_where_it_is(store, version, newer):
    """Only aliases that still point at the version go with it."""
    lifecycle.set_aliases(store, version, ["best"])
    plan = lifecycle.plan_removal(store, [version], with_aliases=True)
    lifecycle.set_aliases(store, newer, ["best"])
    lifecycle.remove(store, plan)
    assert aliases(store) == {newer.commit: ["best"]}


def test_an_alias_in_conflict_goes_to_the_version_that_stays(store, version, newer):
    """Removing one side of a conflict leaves the other."""
    for view in (version, newer):
        store.events.append(CommitSubject("p", "x", view.commit), AliasBody("best", set=True))
    with pytest.raises(Conflict, match="best"):
        lifecycle.plan_removal(store, [version], with_aliases=False)
    lifecycle.remove(store, lifecycle.plan_removal(store, [version], with_aliases=True))
    assert find(store, "x:best").commit == newer.commit


def test_removing_a_linked_version_only_ends_the_link(store, version):
    """The version at home stays; removing that one asks for the aliases of its links too."""
    link = LinkBody("p", "registry", 0, store.numbering, (AliasClaim("prod"),))
    store.events.append(CommitSubject("p", "x", version.commit), link)
    linked = live_versions(store, "p", "registry")[0]
    with pytest.raises(Conflict, match="prod"):
        lifecycle.plan_removal(store, [find(store, "x:v0")], with_aliases=False)
    lifecycle.remove(store, lifecycle.plan_removal(store, [linked], with_aliases=True))
    assert live_versions(store, "p", "registry") == []
    assert find(store, "x:v0").links == ()


def test_a_version_whose_pack_is_gone_is_not_restored(store, version):
    """Restoring looks at files first, and names the pack."""
    lifecycle.remove(store, lifecycle.plan_removal(store, [version], with_aliases=False))
    with store.index.read() as reader:
        packs = [pack for _, pack in reader.packs() if pack.kind == 1]
    store.packs.path(packs[0].pack_id).unlink()
    with pytest.raises(Corrupt, match=packs[0].pack_id.hex()):
        lifecycle.restore(store, version)
    with pytest.raises(NotFound):
        find(store, "x:v0")
