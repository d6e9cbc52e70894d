"""The store: a depot with its index, and what one process does to it.

Knows: opening, catching up, sessions, drafts, commits, rounds, reading frames, looking up.
Never: working files, how people call things on screen.
"""

from casstore.store.closure import packs_of
from casstore.store.commit import Commit, Committed, check_type_of, commit
from casstore.store.draft import Draft, Seen
from casstore.store.lookup import (
    find_version,
    live_versions,
    newest_version,
    no_collection,
    number_of,
    reference_to,
)
from casstore.store.opening import close_store, create_store, open_store
from casstore.store.rounds import Finish, add_part, finish_round, version_of_part
from casstore.store.session import Session
from casstore.store.store import Store

__all__ = [
    "Commit",
    "Committed",
    "Draft",
    "Finish",
    "Seen",
    "Session",
    "Store",
    "add_part",
    "check_type_of",
    "close_store",
    "commit",
    "create_store",
    "find_version",
    "finish_round",
    "live_versions",
    "newest_version",
    "no_collection",
    "number_of",
    "open_store",
    "packs_of",
    "reference_to",
    "version_of_part",
]
