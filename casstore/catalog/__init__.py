"""The index: what can be found fast, and can be made again from the files.

Knows: LMDB's tables, their keys and rows.  Never: files of the depot, what events mean.
The only importer of ``lmdb``.

Every table, key and row in one place::

    meta      text                      bytes      schema, boot, folders seen, loose events ...
    packs     u32 row, big-endian       PACK_ROW   pack id, kind, rows, bytes
    pack_ids  32 bytes                  u32        row of the pack
    chunks    32 bytes digest           CHUNK_ROW  pack row, offset of the record, stored bytes
    events    name of the event         place      yyyymm, and the journal pack if it is in one
    gathered  32 bytes                  yyyymm     a journal pack whose events were all applied
    state     see journal.fold          msgpack    the folded journal
    sources   16 bytes node             17 bytes   folded sets: what each version and run came from
    targets   16 bytes node             17 bytes   folded sets: what came of each
    subjects  16 bytes subject          event name the events about a commit, run, collection ...
    stat      u64 device, u64 inode     STAT_ROW   its stamp when it was read, and what it became
    intents   project NUL name          msgpack    [session, commit]: who is about to commit
"""

from casstore.catalog.catalog import Catalog, Reader, Writer, event_names
from casstore.catalog.environment import (
    WRITE_WAIT_SECONDS,
    Damaged,
    Environment,
    Replaced,
    Unusable,
    discard,
)
from casstore.catalog.rows import (
    ChunkRow,
    EventPlace,
    PackRow,
    Stamp,
    StatRow,
    pack_rows,
    stamp_of,
    unpack_rows,
)

__all__ = [
    "WRITE_WAIT_SECONDS",
    "Catalog",
    "ChunkRow",
    "Damaged",
    "Environment",
    "EventPlace",
    "PackRow",
    "Reader",
    "Replaced",
    "Stamp",
    "StatRow",
    "Unusable",
    "Writer",
    "discard",
    "event_names",
    "pack_rows",
    "stamp_of",
    "unpack_rows",
]
