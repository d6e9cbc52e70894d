"""Walking over many versions, here or elsewhere: what they share is looked at once.

Knows: which versions live, which segments were sound.  Never: how a tree is read, packs.
"""

from collections.abc import Iterator

from casstore.digest import CommitId
from casstore.flows.verify.places import PackStates
from casstore.flows.verify.problems import Problem, Problems, Progress
from casstore.flows.verify.versions import Elsewhere, Located, Tree
from casstore.journal import queries
from casstore.journal.views import PartView, VersionView
from casstore.store import Known

__all__ = ["VersionCheck", "live_views"]

MAX_SOUND_SEGMENTS = 200_000


def live_views(known: Known, commits: list[CommitId], problems: Problems) -> Iterator[VersionView]:
    """Yield the versions that are not removed; events about a version that is not here are told."""
    for commit in commits:
        with known.index.read() as reader:
            view = queries.version(reader, commit)
        if view is None or view.deleted:
            continue
        if view.complete:
            yield view
            continue
        message = f"events name commit {commit.hex()}, and the event that made it is not here"
        problems.add(Problem("event", None, None, None, None, message))


class VersionCheck:
    """Checks the closure of versions; a segment that was sound once is not read again."""

    def __init__(
        self,
        known: Known,
        packs: PackStates,
        problems: Problems,
        note: Progress,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._known = known
        self._packs = packs
        self._problems = problems
        self._note = note
        self._elsewhere = elsewhere
        self._located = Located(packs)
        self._sound: set[tuple[bytes, int, int, bool]] = set()

    def check(self, view: VersionView | PartView) -> None:
        """Check one version or part."""
        tree = Tree(self._known, view, self._packs, self._problems, self._elsewhere)
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
