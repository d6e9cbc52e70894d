"""The depot: a folder of immutable files, and the few rules by which they are made.

Knows: where packs, events, claims and leases lie, FORMAT.  Never: LMDB, what events mean.
``FORMAT.md`` beside this file is the specification.
"""

from casstore.depot.absencefiles import AbsenceFiles, Absences
from casstore.depot.attempts import Attempt, failed_notes, forget_failed
from casstore.depot.authority import AUTHORITY_NAME, draw_authority, read_authority
from casstore.depot.claims import Claims, escape_name
from casstore.depot.identity import (
    Identity,
    create_identity,
    new_identity,
    parse_identity,
    read_identity,
)
from casstore.depot.journalfiles import JournalFiles, month_of
from casstore.depot.journalpacks import Packed, journal_pack, read_journal_pack, write_journal_pack
from casstore.depot.numberfiles import Accepted, NumberFiles
from casstore.depot.packfiles import PackFiles
from casstore.depot.sessions import (
    SessionFolder,
    dead_sessions,
    failed_sessions,
    intent_file,
    is_dead,
    live_sessions,
)
from casstore.depot.setaside import SetAside, mark_of, marked_name
from casstore.depot.sharing import Sharing

__all__ = [
    "AUTHORITY_NAME",
    "AbsenceFiles",
    "Absences",
    "Accepted",
    "Attempt",
    "Claims",
    "Identity",
    "JournalFiles",
    "NumberFiles",
    "PackFiles",
    "Packed",
    "SessionFolder",
    "SetAside",
    "Sharing",
    "create_identity",
    "dead_sessions",
    "draw_authority",
    "escape_name",
    "failed_notes",
    "failed_sessions",
    "forget_failed",
    "intent_file",
    "is_dead",
    "journal_pack",
    "live_sessions",
    "mark_of",
    "marked_name",
    "month_of",
    "new_identity",
    "parse_identity",
    "read_authority",
    "read_identity",
    "read_journal_pack",
    "write_journal_pack",
]
