"""verify: is everything there, and is it what it was.

Knows: packs from end to end, events, the closure of versions, folders that were laid out.
Never: how damage is repaired, what is shown on screen.

``problems`` says what is found, ``packs`` checks pack files, ``versions`` what versions need,
``events`` the journal, ``references`` asks about objects elsewhere; ``store``, ``folder`` and
``bundle`` are the verbs.  Nothing is changed but the index,
which is brought up to date first.
"""

from casstore.flows.verify.bundle import BundledVersion, BundleReport, verify_bundle
from casstore.flows.verify.folder import Difference, DifferenceKind, verify_folder
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
    "Report",
    "drift",
    "verify_bundle",
    "verify_folder",
    "verify_store",
    "verify_version",
]
