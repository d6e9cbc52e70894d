"""verify: is everything there, and is it what it was; and repair, which fetches what is not.

Knows: packs from end to end, events, the closure of versions, folders that were laid out.
Never: what is shown on screen.

``problems`` says what is found, ``packs`` checks packs wherever they lie (``files`` here,
``objects`` elsewhere), ``places`` whether a frame can be had, ``versions`` what a version needs,
``walking`` what many do, ``events`` the journal, ``references`` asks about objects elsewhere.
``store``, ``elsewhere``, ``folder`` and ``bundle`` are the verbs that look; they change nothing but
the index, which is brought up to date first.  ``healing`` heals a store, ``healing_elsewhere`` a
depot.
"""

from casstore.flows.verify.bundle import BundledVersion, BundleReport, verify_bundle
from casstore.flows.verify.elsewhere import verify_depot, verify_version_elsewhere
from casstore.flows.verify.folder import Difference, DifferenceKind, verify_folder
from casstore.flows.verify.healing import Repaired, repair_store
from casstore.flows.verify.healing_elsewhere import repair_depot
from casstore.flows.verify.problems import Problem, ProblemKind, Report
from casstore.flows.verify.references import Drift, DriftKind, drift
from casstore.flows.verify.store import verify_store, verify_version

__all__ = [
    "BundleReport",
    "BundledVersion",
    "Difference",
    "DifferenceKind",
    "Drift",
    "DriftKind",
    "Problem",
    "ProblemKind",
    "Repaired",
    "Report",
    "drift",
    "repair_depot",
    "repair_store",
    "verify_bundle",
    "verify_depot",
    "verify_folder",
    "verify_store",
    "verify_version",
    "verify_version_elsewhere",
]
