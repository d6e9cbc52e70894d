"""verify the references of a version: which objects elsewhere are still what was recorded.

Knows: what changed, what is gone, whom nobody could ask.  Never: the bytes, where the server tells.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from casstore.errors import Corrupt, Error, NotFound, RemoteError, Unsupported
from casstore.flows.verify.problems import Progress
from casstore.journal.views import VersionView
from casstore.manifests import Entry
from casstore.parallel import ordered_map
from casstore.references import changed, differs, gone, look
from casstore.store import Store, concrete, referent_of

__all__ = ["Drift", "DriftKind", "drift"]

MAX_ASKERS = 16  # connections, which wait rather than work

DriftKind: TypeAlias = Literal["changed", "gone", "unknown"]


@dataclass(frozen=True, slots=True)
class Drift:
    """A reference that is not what was recorded, or of which that is ``unknown``, and why."""

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
    entries = (entry for entry in store.manifest(view.manifest) if entry.is_reference)
    judged = ordered_map(
        lambda entry: (entry, _judge(store, entry)),
        entries,
        workers=MAX_ASKERS,
        window=4 * MAX_ASKERS,
    )
    for entry, found in judged:
        if progress is not None:
            progress(1, 0)
        if found is not None:
            kind, error = found
            yield Drift(entry.path, referent_of(entry).uri, kind, error)


def _judge(store: Store, entry: Entry) -> tuple[DriftKind, Error] | None:
    try:
        content = concrete(store, entry)
        if not content.is_reference:
            return None
        recorded = referent_of(content)
        now = look(recorded)
    except NotFound as error:
        return "gone", error
    except (Corrupt, RemoteError, Unsupported) as error:
        return "unknown", error
    if now is None:
        return "gone", gone(recorded.uri)
    return ("changed", changed(recorded, now)) if differs(recorded, now) else None
