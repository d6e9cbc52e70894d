"""verify a store or one version of it.

Knows: in which order things are looked at, what need not be looked at twice.
Never: how a pack or a tree is checked.
"""

from collections.abc import Iterator

from casstore.flows.verify.events import check_events
from casstore.flows.verify.files import StorePacks, check_pack
from casstore.flows.verify.indexed import check_index
from casstore.flows.verify.packs import PackState
from casstore.flows.verify.places import PackStates
from casstore.flows.verify.problems import Problem, Problems, Progress, Report
from casstore.flows.verify.versions import Contents, Located, Tree
from casstore.flows.verify.walking import VersionCheck, live_views
from casstore.journal import parts, queries
from casstore.journal.views import VersionView
from casstore.packs import PackId
from casstore.parallel import default_workers, ordered_map
from casstore.store import Store, partly_here

__all__ = ["pack_states", "verify_store", "verify_version"]

MAX_PACK_WORKERS = 4  # a worker holds the rows of one pack and a few MiB of it


def verify_version(
    store: Store,
    view: VersionView,
    *,
    quick: bool = False,
    progress: Progress | None = None,
) -> list[Problem]:
    """Check one version, and return what is wrong: nothing, if all is well.

    Its list of files is read past every cache and compared with the version's digest; every frame
    is read, every file compared with its digest.  ``quick`` reads no file's content: it sees that
    every frame is located in a pack whose structure is whole, and that sizes add up.  ``progress``
    is called with (files, bytes) as they are done.
    """
    store.index.catch_up(thorough=True, at_once=True)
    problems = Problems()
    packs = PackStates(StorePacks(store), quick=quick)
    tree = Tree(store, view, packs, problems)
    checker = Located(packs) if quick else Contents(packs)
    checker.check(tree, tree.all_entries(), progress or _ignore)
    unsound = [tree.pack_problem(state.name, state.message) for state in packs.unsound()]
    return [*unsound, *problems.listed()]


def verify_store(store: Store, *, quick: bool = False, progress: Progress | None = None) -> Report:
    """Check every event, every pack, every part that waits and every version that is not removed.

    If every event can be read, the index is compared with what they say, folded anew.

    Each pack is read once, from front to back, and each frame in it is decoded and compared with
    its digest; then damage is traced to the versions and paths that need it.  ``quick`` reads no
    file's content: of packs only header, footer and trailer.  Whole files are not hashed again:
    their frames are, and the lists of frames.  ``progress`` is called with bytes of packs and then
    with files of versions as they are done.
    """
    note = progress or _ignore
    store.index.catch_up(thorough=True, at_once=True)
    problems = Problems()
    check_events(store, problems)
    if not problems.count:
        check_index(store, problems)
    with store.index.read() as reader:
        commits = list(queries.commits(reader))
    packs = PackStates(StorePacks(store), quick=quick)
    count = _check_packs(store, packs, problems, note, quick=quick)
    versions = files = size_bytes = partly = 0
    check = VersionCheck(store, packs, problems, note)
    with store.index.read() as reader:
        waiting = list(parts.all_waiting(reader))
    for part in waiting:
        check.check(part)
    for view in live_views(store, commits, problems):
        check.check(view)
        versions += 1
        partly += partly_here(store, view)
        files += view.manifest.entries
        size_bytes += view.manifest.size
    return Report(versions, files, size_bytes, count, problems.listed(), partly)


def _ignore(files: int, size_bytes: int) -> None:
    del files, size_bytes


def _check_packs(
    store: Store, packs: PackStates, problems: Problems, note: Progress, *, quick: bool
) -> int:
    """Check the packs that are there and those that the index names; returns how many there are."""
    with store.index.read() as reader:
        rows = {pack.pack_id: row for row, pack in reader.packs()}
    count = 0
    for pack_id, state in pack_states(
        store, {*rows, *store.packs.listing()} - store.packs.set_aside.packs(), quick=quick
    ):
        if pack_id in rows:
            packs.put(rows[pack_id], state)
        if state.message:
            problems.add(Problem("pack", None, None, None, state.name, state.message))
        count += state.size_bytes >= 0
        note(0, max(state.size_bytes, 0))
    return count


def pack_states(
    store: Store, pack_ids: set[PackId], *, quick: bool
) -> Iterator[tuple[PackId, PackState]]:
    """Yield the state of each pack, some looked at in parallel."""
    workers = min(default_workers(), MAX_PACK_WORKERS)
    return ordered_map(
        lambda pack_id: (pack_id, check_pack(store.packs.path(pack_id), quick=quick)),
        sorted(pack_ids),
        workers=workers,
        window=2 * workers,
    )
