"""verify a depot elsewhere, or one version there.

Knows: in which order things are looked at, what belongs together there: indexes and packs, claims
and sealed events.  Never: how a pack or a tree is checked, requests.

The depot is opened anew: nothing that was known of it here is believed.  Packs that are set aside
are not looked at, for nobody reads them.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from casstore.errors import Corrupt, NotFound, Unsupported
from casstore.exchange import Indexed, IndexId, RemoteDepot, disagreements, merged_id, read_roots
from casstore.flows.verify.merged import merged_problems
from casstore.flows.verify.objects import DepotPacks, check_object
from casstore.flows.verify.packs import PackState
from casstore.flows.verify.places import PackStates
from casstore.flows.verify.problems import Problem, ProblemKind, Problems, Progress, Report
from casstore.flows.verify.versions import Contents, Elsewhere, Located, Tree
from casstore.flows.verify.walking import VersionCheck, live_views
from casstore.journal import queries
from casstore.journal.views import VersionView
from casstore.packs import PackId
from casstore.parallel import ordered_map
from casstore.remotes import Listed, Range
from casstore.store import Index

__all__ = [
    "Looked",
    "check_claims",
    "check_versions",
    "look_elsewhere",
    "verify_depot",
    "verify_version_elsewhere",
]

PACK_WORKERS = 4  # a worker holds the rows of one pack and a few MiB of it
ROOTS_AT_ONCE = 1024

_INDEX = re.compile(r"index/([0-9a-f]{64})\Z")
_PACK = re.compile(r"packs/[0-9a-f]{2}/([0-9a-f]{64})\Z")
_ROOTS = re.compile(r"roots/[0-9a-f]{64}/([0-9a-f]{64})\Z")
_KINDS: dict[str, ProblemKind] = {"journal": "event", "index": "index", "roots": "index"}


@dataclass(slots=True)
class Looked:
    """What was found in a depot: the states of its packs, its problems, what to set aside.

    ``unsound`` are packs with something wrong, ``unread`` indexes and root lists that are not
    theirs, both without those of a later release, ``lost_events`` events that were seen there and
    are there no more.
    """

    packs: PackStates
    problems: Problems
    unsound: dict[PackId, PackState] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    lost_events: list[str] = field(default_factory=list)
    pack_count: int = 0


def verify_depot(
    depot: RemoteDepot,
    *,
    seen: Index | None = None,
    sample: float = 1.0,
    progress: Progress | None = None,
) -> Report:
    """Check every event, index, root list, pack, claim and version of a depot that was opened anew.

    ``sample`` is the part of the frames of each pack that is read; structure, indexes and the lists
    of files are always checked whole.  ``seen`` knows the events that were seen there before.
    Raises ``RemoteError``: a depot that does not answer is not a damaged one.
    """
    looked = look_elsewhere(depot, seen=seen, sample=sample, progress=progress)
    note = progress or _ignore
    versions = files = size_bytes = 0
    for view in check_versions(depot, looked, note):
        versions += 1
        files += view.manifest.entries
        size_bytes += view.manifest.size
    return Report(versions, files, size_bytes, looked.pack_count, looked.problems.listed())


def check_versions(
    depot: RemoteDepot, looked: Looked, note: Progress, elsewhere: Elsewhere | None = None
) -> Iterator[VersionView]:
    """Yield each version that is not removed there when its closure has been looked up."""
    check = VersionCheck(depot, looked.packs, looked.problems, note, elsewhere)
    with depot.index.read() as reader:
        commits = list(queries.commits(reader))
    for view in live_views(depot, commits, looked.problems):
        check.check(view)
        yield view


def verify_version_elsewhere(
    depot: RemoteDepot, view: VersionView, *, sample: float = 1.0, progress: Progress | None = None
) -> list[Problem]:
    """Check one version in a depot elsewhere: its frames, and whole files by their digests.

    With a ``sample`` below 1 that part of its frames is read, and whole files are not hashed.
    """
    depot.frames.learn(view.manifest.root)
    problems, is_gone = _check_version(depot, view, sample, progress or _ignore)
    if is_gone:  # its frames may lie in another since
        depot.frames.refresh()
        problems, _ = _check_version(depot, view, sample, _ignore)
    return problems


def _check_version(
    depot: RemoteDepot, view: VersionView, sample: float, note: Progress
) -> tuple[list[Problem], bool]:
    """Return what is wrong with a version, and whether a pack that is known there is gone."""
    problems = Problems()
    packs = PackStates(DepotPacks(depot), quick=False)
    tree = Tree(depot, view, packs, problems)
    if sample < 1:
        Located(packs).check(tree, tree.all_entries(), _ignore)
        Contents(packs, sample).check(tree, tree.all_entries(), note)
    else:
        Contents(packs).check(tree, tree.all_entries(), note)
    unsound = packs.unsound()
    told = [tree.pack_problem(state.name, state.message) for state in unsound]
    return [*told, *problems.listed()], any(state.is_gone for state in unsound)


def look_elsewhere(
    depot: RemoteDepot,
    *,
    seen: Index | None = None,
    sample: float = 1.0,
    progress: Progress | None = None,
) -> Looked:
    """Look at everything in a depot but its versions."""
    looked = Looked(PackStates(DepotPacks(depot), quick=False), Problems())
    depot.frames.refresh()  # tells what is set aside, journal packs among it
    depot.refresh()
    _check_packs(depot, looked, sample, progress or _ignore)
    depot.problems.update(merged_problems(depot))
    _check_roots(depot, looked)
    for where, message in depot.problems.items():
        folder = where.partition("/")[0]
        if folder in _KINDS:  # packs were looked at themselves
            _add(looked.problems, _KINDS[folder], f"{where}: {message}")
    looked.unread += [
        where for where in depot.problems if _is_index(where) and not _is_newer(depot, where)
    ]
    _check_seen(depot, looked, seen)
    check_claims(depot, looked.problems)
    return looked


def _is_index(where: str) -> bool:
    return _INDEX.match(where) is not None or merged_id(where) is not None


def _is_newer(depot: RemoteDepot, where: str) -> bool:
    """Tell whether an index that cannot be read is of a later release, and left as it is."""
    match = _INDEX.match(where)
    try:
        if match is not None:
            depot.frames.index_at(IndexId(bytes.fromhex(match[1])))
    except Unsupported:
        return True
    except (Corrupt, NotFound):
        return False
    return False  # a merged one stands for others, so nothing is lost with it


def _check_packs(depot: RemoteDepot, looked: Looked, sample: float, note: Progress) -> None:
    """Check each pack that is there against its footer and against every index that names it."""
    aside = depot.mirror.set_aside()
    sizes = {
        PackId(bytes.fromhex(match[1])): item.size_bytes
        for item in depot.objects.listing("packs/")
        if (match := _PACK.match(item.name)) and bytes.fromhex(match[1]) not in aside
    }
    looked.pack_count = len(sizes)
    done: set[PackId] = set()
    for indexed in depot.frames.indexed():
        _check_each(depot, looked, [p for p in indexed if p.pack_id in sizes], sizes, sample, note)
        done.update(pack.pack_id for pack in indexed)
    rest = [pack_id for pack_id in sizes if pack_id not in done]
    _check_each(depot, looked, rest, sizes, sample, note)


def _check_each(
    depot: RemoteDepot,
    looked: Looked,
    packs: Iterable[Indexed | PackId],
    sizes: dict[PackId, int],
    sample: float,
    note: Progress,
) -> None:
    def check(pack: Indexed | PackId) -> tuple[PackId, PackState]:
        indexed = pack if isinstance(pack, Indexed) else None
        pack_id = pack.pack_id if isinstance(pack, Indexed) else pack
        state = check_object(depot, pack_id, sizes[pack_id], indexed, sample=sample)
        return pack_id, state

    for pack_id, state in ordered_map(check, packs, workers=PACK_WORKERS, window=2 * PACK_WORKERS):
        note(0, max(state.size_bytes, 0))
        if not state.message:
            continue
        if pack_id not in looked.unsound:
            problem = Problem("pack", None, None, None, state.name, state.message)
            looked.problems.add(problem)
        if not state.newer:
            looked.unsound[pack_id] = state
        with depot.index.read() as reader:
            row = reader.pack_row(pack_id)
        if row is not None:
            looked.packs.put(row, state)


def _check_roots(depot: RemoteDepot, looked: Looked) -> None:
    """Check that each root list is the one that was written, and that its indexes are there."""
    there = {
        match[1] for item in depot.objects.listing("index/") if (match := _INDEX.match(item.name))
    }
    aside = depot.mirror.set_aside()
    listing = (
        item
        for item in depot.objects.listing("roots/")
        if (match := _ROOTS.match(item.name)) and bytes.fromhex(match[1]) not in aside
    )
    for batch in iter(lambda: list(islice(listing, ROOTS_AT_ONCE)), []):
        _check_root_lists(depot, looked, batch, there)


def _check_root_lists(
    depot: RemoteDepot, looked: Looked, batch: list[Listed], there: Collection[str]
) -> None:
    found = depot.objects.read_ranges(Range(one.name, 0, one.size_bytes) for one in batch)
    for listed, data in zip(batch, found, strict=True):
        name = listed.name.rpartition("/")[2]
        try:
            missing = [one.hex() for one in read_roots(name, data) if one.hex() not in there]
        except (Corrupt, Unsupported) as error:
            _add(looked.problems, "index", f"{listed.name}: {error.message}")
            looked.unread += [listed.name] if isinstance(error, Corrupt) else []
            continue
        if missing:
            looked.unread.append(listed.name)
            message = f"{listed.name}: it names index {missing[0]}, which is not there"
            _add(looked.problems, "index", message)


def _check_seen(depot: RemoteDepot, looked: Looked, seen: Index | None) -> None:
    """See that every event that was seen there before is there still."""
    if seen is None:
        return
    with seen.read() as reader, depot.index.read() as now:
        looked.lost_events += [name for name, _ in reader.events() if not now.has_event(name)]
    for name in looked.lost_events:
        message = f"event {name} was there before and is not there, or cannot be read"
        _add(looked.problems, "event", message)


def check_claims(depot: RemoteDepot, problems: Problems) -> None:
    """See that every number that was sealed there is claimed there for the same version."""
    for place, number, commit, owner in disagreements(depot):
        whose = "nobody's" if owner is None else f"that of {owner.hex()}"
        message = (
            f"number {number} of {place.name!r} in project {place.project!r} was sealed for"
            f" {commit.hex()}, and its claim is {whose}"
        )
        _add(problems, "number", message)


def _add(problems: Problems, kind: ProblemKind, message: str) -> None:
    problems.add(Problem(kind, None, None, None, None, message))


def _ignore(files: int, size_bytes: int) -> None:
    del files, size_bytes
