"""What takes how much room."""

from casstore.flows import lifecycle
from casstore.flows.usage import CollectionUsage, usage
from casstore.journal.bodies import LinkBody
from casstore.journal.subjects import CommitSubject


def test_an_empty_store_holds_nothing(store):
    """There is an index, and nothing else."""
    found = usage(store)
    assert (found.collections, found.stored_bytes, found.packs, found.events) == ([], 0, 0, 0)
    assert found.logical_bytes == 0
    assert found.index_bytes > 0


def test_versions_are_summed_by_name_and_packs_over_all(store, log, write, tmp_path):
    """Shared bytes count in each name and once on disk."""
    folder = write(tmp_path / "in", {"a": bytes(100), "b": b"b" * 50})
    log(store, folder, "x", type="model")
    log(store, write(folder, {"c": b"ccc"}), "x", type="model")
    log(store, folder, "y", project="q")
    found = usage(store)
    assert found.collections == [
        CollectionUsage("p", "x", "model", 2, 303),
        CollectionUsage("q", "y", "dataset", 1, 153),
    ]
    assert found.logical_bytes == 456
    assert found.events == 3
    files = [path for path in (store.root / "packs").rglob("*") if path.is_file()]
    assert found.packs == len(files)
    assert found.stored_bytes == sum(path.stat().st_size for path in files)


def test_a_project_lists_its_own_names_and_the_whole_stores_packs(store, log, write, tmp_path):
    """Packs belong to all projects together."""
    folder = write(tmp_path / "in", {"a": bytes(100)})
    log(store, folder, "x")
    log(store, folder, "y", project="q")
    found = usage(store, "q")
    assert [collection.name for collection in found.collections] == ["y"]
    assert found.logical_bytes == 100
    assert found.stored_bytes == usage(store).stored_bytes > 0


def test_removed_versions_are_not_counted(store, log, write, tmp_path):
    """Their bytes are on disk until they are collected."""
    folder = write(tmp_path / "in", {"a": bytes(100)})
    version = log(store, folder, "x")
    stored = usage(store).stored_bytes
    lifecycle.remove(store, lifecycle.plan_removal(store, [version], with_aliases=False))
    found = usage(store)
    assert found.collections == [CollectionUsage("p", "x", "dataset", 0, 0)]
    assert found.stored_bytes == stored


def test_a_linked_version_is_counted_at_home_only(store, log, write, tmp_path):
    """A link takes no room."""
    version = log(store, write(tmp_path / "in", {"a": bytes(100)}), "x")
    subject = CommitSubject("p", "x", version.commit)
    store.events.append(subject, LinkBody("p", "registry", 0, store.numbering))
    counts = {found.name: (found.versions, found.size_bytes) for found in usage(store).collections}
    assert counts == {"registry": (0, 0), "x": (1, 100)}
