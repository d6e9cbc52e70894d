"""The store: a depot with its index, and what one process does to it.

Knows: opening, catching up, sessions, drafts, commits, rounds, reading frames, looking up.
Never: working files, how people call things on screen.
"""

from casstore.store.absence import forget_place, is_whole, partly_here, settle_whole, with_presence
from casstore.store.accepting import (
    accept_numbers,
    conflicts_of,
    renumbered,
    renumbering_notice,
    unaccepted,
)
from casstore.store.closure import Closure, Keep
from casstore.store.commit import Commit, Committed, check_type_of, commit
from casstore.store.conflicts import alias_conflict, exact_reference
from casstore.store.draft import Draft, Seen
from casstore.store.eventfiles import event_files
from casstore.store.finishing import Finish, finish_round
from casstore.store.index import Index
from casstore.store.lookup import (
    Known,
    collection_called,
    find_version,
    label_of,
    latest_version,
    live_versions,
    newest_version,
    no_collection,
    number_of,
    reference_to,
    shown_as,
    shown_latest,
    versions_of,
)
from casstore.store.meeting import Meeting, Settled, meeting_name
from casstore.store.numbering import alias_claims, held, reserved, set_label, take_number
from casstore.store.opening import close_store, create_store, is_open, open_store
from casstore.store.readable import Frames, Readable
from casstore.store.referred import concrete, follow, referent_of, targets, url_of
from casstore.store.relied import packs_of
from casstore.store.replacing import Replacing
from casstore.store.rounds import add_part, version_of_part
from casstore.store.runstate import as_shown, lease_facts, surroundings_of
from casstore.store.session import Session, Token
from casstore.store.store import Store

__all__ = [
    "Closure",
    "Commit",
    "Committed",
    "Draft",
    "Finish",
    "Frames",
    "Index",
    "Keep",
    "Known",
    "Meeting",
    "Readable",
    "Replacing",
    "Seen",
    "Session",
    "Settled",
    "Store",
    "Token",
    "accept_numbers",
    "add_part",
    "alias_claims",
    "alias_conflict",
    "as_shown",
    "check_type_of",
    "close_store",
    "collection_called",
    "commit",
    "concrete",
    "conflicts_of",
    "create_store",
    "event_files",
    "exact_reference",
    "find_version",
    "finish_round",
    "follow",
    "forget_place",
    "held",
    "is_open",
    "is_whole",
    "label_of",
    "latest_version",
    "lease_facts",
    "live_versions",
    "meeting_name",
    "newest_version",
    "no_collection",
    "number_of",
    "open_store",
    "packs_of",
    "partly_here",
    "reference_to",
    "referent_of",
    "renumbered",
    "renumbering_notice",
    "reserved",
    "set_label",
    "settle_whole",
    "shown_as",
    "shown_latest",
    "surroundings_of",
    "take_number",
    "targets",
    "unaccepted",
    "url_of",
    "version_of_part",
    "versions_of",
    "with_presence",
]
