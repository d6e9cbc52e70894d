"""References that have changed, as ``verify --references`` and ``show --drift`` tell of them.

Knows: lines, records, when everything failed for one reason.  Never: how servers are asked.
"""

from typing import Any

from casstore.cli.messages import progress_bar
from casstore.cli.options import Options
from casstore.cli.output import one_line, path_fields, path_text
from casstore.flows.verify import Drift, drift
from casstore.journal.views import VersionView
from casstore.store import Store

__all__ = ["drift_line", "drift_record", "find_drift"]


def find_drift(options: Options, store: Store, view: VersionView) -> list[Drift]:
    """Return the references of a version that have changed.

    If nothing is known of any that could be told, raises why: credentials, the network.
    """
    with progress_bar(options, "ask", view.manifest.size) as note:
        found = list(drift(store, view, note))
    if found and all(item.kind == "unknown" for item in found):
        raise found[0].error
    return found


def drift_line(item: Drift) -> str:
    """Return what is said of one reference."""
    return one_line(f"{item.kind:<8} {path_text(item.path)}  {item.error.message}")


def drift_record(item: Drift) -> dict[str, Any]:
    """Return one reference as JSON."""
    fields = path_fields(item.path)
    return {**fields, "kind": item.kind, "ref": item.uri, "message": item.error.message}
