"""verify the references of a version: which objects elsewhere are still what was recorded.

Knows: what changed, what is gone, whom nobody could ask.  Never: the bytes, where the server tells.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal, TypeAlias

from casstore.errors import Corrupt, Error, NotFound
from casstore.flows.verify.problems import Progress
from casstore.journal.views import VersionView
from casstore.manifests import Entry
from casstore.references import Referent, changed, differs, gone, look_at_all
from casstore.store import Store, concrete, referent_of

__all__ = ["Drift", "DriftKind", "drift"]

BATCH_REFERENCES = 10_000

DriftKind: TypeAlias = Literal["changed", "gone", "unknown"]


@dataclass(frozen=True, slots=True)
class Drift:
    """A reference that is not what was recorded, or of which that is ``unknown``, and why.

    ``uri`` is empty if what was recorded cannot be read.
    """

    path: bytes
    uri: str
    kind: DriftKind
    error: Error


def drift(store: Store, view: VersionView, progress: Progress | None = None) -> Iterator[Drift]:
    """Yield the references of a version that have changed, in path order.

    Nothing is downloaded: servers are asked, files of this machine are read.  A reference that pins
    a version has changed when that is gone; any other when something else is there now, even if the
    recorded version can still be fetched.  Those without any checksum change only by being gone.
    """
    references = (entry for entry in store.manifest(view.manifest) if entry.is_reference)
    while batch := list(islice(references, BATCH_REFERENCES)):
        leads = [_lead(store, entry) for entry in batch]
        answers = look_at_all([lead for lead in leads if isinstance(lead, Referent)])
        for entry, lead in zip(batch, leads, strict=True):
            drifted = _judge(lead, next(answers)) if isinstance(lead, Referent) else _told(lead)
            if progress is not None:
                progress(1, 0)
            if drifted is not None:
                yield Drift(entry.path, _uri(entry), *drifted)


def _uri(entry: Entry) -> str:
    try:
        return referent_of(entry).uri
    except Corrupt:  # told as the reason
        return ""


def _lead(store: Store, entry: Entry) -> Referent | Error | None:
    """Return what a reference leads to elsewhere; None if that is a file of this store."""
    try:
        content = concrete(store, entry)
        return referent_of(content) if content.is_reference else None
    except (Corrupt, NotFound) as error:
        return error


def _judge(recorded: Referent, now: Referent | Error | None) -> tuple[DriftKind, Error] | None:
    if isinstance(now, Error):
        return _told(now)
    if now is None:
        return "gone", gone(recorded.uri)
    return ("changed", changed(recorded, now)) if differs(recorded, now) else None


def _told(error: Error | None) -> tuple[DriftKind, Error] | None:
    if error is None:
        return None
    return ("gone" if isinstance(error, NotFound) else "unknown"), error
