"""References: objects that lie elsewhere, described, looked at, fetched and checked.

Knows: URIs, schemes, what servers say of an object and what decides whether it changed.
Never: stores, manifests, where fetched bytes go.

``record`` is what is kept, ``uris`` what may be, ``schemes`` finds the module that knows a scheme
and loads it when a reference is used; ``translating`` says what failures mean to who reads.
Credentials come from where each backend looks by itself, and are never kept.
"""

from casstore.references.looking import look_at_all
from casstore.references.record import (
    Expansion,
    Found,
    Referent,
    changed,
    differs,
    gone,
    matches,
    too_many,
)
from casstore.references.schemes import expand, is_known, read, unchecked
from casstore.references.uris import base_name, check_uri, scheme_of

__all__ = [
    "Expansion",
    "Found",
    "Referent",
    "base_name",
    "changed",
    "check_uri",
    "differs",
    "expand",
    "gone",
    "is_known",
    "look_at_all",
    "matches",
    "read",
    "scheme_of",
    "too_many",
    "unchecked",
]
