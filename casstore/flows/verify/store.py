"""verify a store or one version of it.

Knows: in which order things are looked at, what need not be looked at twice.
Never: how a pack or a tree is checked.
"""

from collections.abc import Iterator

from casstore.digest import CommitId
from casstore.flows.verify.events import check_events
from casstore.flows.verify.packs import PackState, PackStates, check_pack
from casstore.flows.verify.problems import Problem, Problems, Progress, Report
from casstore.flows.verify.versions import Contents, Located, Tree
from casstore.journal import parts, queries
from casstore.journal.views import PartView, VersionView
from casstore.packs import PackId
from casstore.parallel import default_workers, ordered_map
from casstore.store import Store, partly_here

__all__ = ["verify_store", "verify_version"]

MAX_PACK_WORKERS = 4  # a worker holds the rows of one pack and a few MiB of it
MAX_SOUND_SEGMENTS = 200_000


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
    packs = PackStates(store, quick=quick)
    tree = Tree(store, view, packs, problems)
    checker = Located(store, packs) if quick else Contents(store, packs)
    checker.check(tree, tree.all_entries(), progress or _ignore)
    unsound = [tree.pack_problem(state.name, state.message) for state in packs.unsound()]
    return [*unsound, *problems.listed()]


def verify_store(store: Store, *, quick: bool = False, progress: Progress | None = None) -> Report:
    """Check every event, every pack, every part that waits and every version that is not removed.

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
    with store.index.read() as reader:
        commits = list(queries.commits(reader))
    packs = PackStates(store, quick=quick)
    count = _check_packs(store, packs, problems, note, quick=quick)
    versions = files = size_bytes = partly = 0
    check = _VersionCheck(store, packs, problems, note)
    with store.index.read() as reader:
        waiting = list(parts.all_waiting(reader))
    for part in waiting:
        check.check(part)
    for view in _live(store, commits, problems):
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
    for pack_id, state in _pack_states(store, {*rows, *store.packs.listing()}, quick=quick):
        if pack_id in rows:
            packs.put(rows[pack_id], state)
        if state.message:
            problems.add(Problem("pack", None, None, None, state.name, state.message))
        count += state.size_bytes >= 0
        note(0, max(state.size_bytes, 0))
    return count


def _pack_states(
    store: Store, pack_ids: set[PackId], *, quick: bool
) -> Iterator[tuple[PackId, PackState]]:
    workers = min(default_workers(), MAX_PACK_WORKERS)
    return ordered_map(
        lambda pack_id: (pack_id, check_pack(store.packs.path(pack_id), quick=quick)),
        sorted(pack_ids),
        workers=workers,
        window=2 * workers,
    )


def _live(store: Store, commits: list[CommitId], problems: Problems) -> Iterator[VersionView]:
    """Yield the versions that are not removed; events about a version that is not here are told."""
    for commit in commits:
        with store.index.read() as reader:
            view = queries.version(reader, commit)
        if view is None or view.deleted:
            continue
        if view.complete:
            yield view
            continue
        message = f"events name commit {commit.hex()}, and the event that made it is not here"
        problems.add(Problem("event", None, None, None, None, message))


class _VersionCheck:
    """Checks the closure of versions; a segment that was sound once is not read again."""

    def __init__(self, store: Store, packs: PackStates, problems: Problems, note: Progress) -> None:
        self._store = store
        self._packs = packs
        self._problems = problems
        self._note = note
        self._located = Located(store, packs)
        self._sound: set[tuple[bytes, int, int, bool]] = set()

    def check(self, view: VersionView | PartView) -> None:
        """Check one version or part."""
        tree = Tree(self._store, view, self._packs, self._problems)
        for segment in tree.segments():
            key = (segment.digest, segment.entries, segment.size_bytes, tree.is_partly)
            if key in self._sound:
                self._note(segment.entries, 0)
                continue
            before = self._problems.count
            self._located.check(tree, tree.entries(segment), self._note_files)
            if self._problems.count == before and len(self._sound) < MAX_SOUND_SEGMENTS:
                self._sound.add(key)

    def _note_files(self, files: int, size_bytes: int) -> None:
        del size_bytes  # its packs have been counted
        self._note(files, 0)
