"""JSON records of what a store holds, with the keys that programs rely on.

Knows: the keys of a version, a file, a name, a run, a change.  Never: how they are printed.
"""

import json
from typing import Any

from casstore.cli.output import path_fields, time_json
from casstore.digest import CommitId
from casstore.encoding import decode
from casstore.journal import queries
from casstore.journal.census import Held
from casstore.journal.views import CollectionView, RunView, VersionView
from casstore.manifests import Entry
from casstore.names import LATEST
from casstore.store import (
    Known,
    Store,
    label_of,
    partly_here,
    shown_latest,
    surroundings_of,
)

__all__ = [
    "alias_names",
    "artifact_record",
    "file_record",
    "here_word",
    "run_record",
    "version_record",
]


def alias_names(store: Known, project: str, name: str) -> dict[CommitId, list[str]]:
    """Return what each version of a name is called besides its number, ``latest`` among it."""
    with store.index.read() as reader:
        found = queries.aliases_of(reader, project, name)
        newest = shown_latest(store, reader, project, name)
    if newest is not None:
        found.setdefault(newest.commit, []).append(LATEST)
    return found


def here_word(store: Known, view: VersionView) -> str:
    """Return how much of a version is here: ``whole``, ``partly``, or ``elsewhere``."""
    if not isinstance(store, Store):
        return "elsewhere"
    return "partly" if partly_here(store, view) else "whole"


def version_record(
    store: Known, view: VersionView, aliases: list[str] | None = None
) -> dict[str, Any]:
    """Return a version; its ``aliases`` are looked up if they are not given.

    A version is provisional where an upstream has not sealed its number.  ``version`` is ``vN``,
    ``<authority>:vN`` for a number of another upstream, or None: see ``journal.numbers``.
    """
    label = label_of(store, view)
    if aliases is None:
        aliases = alias_names(store, view.project, view.name).get(view.commit, [])
    return {
        "project": view.project,
        "name": view.label,
        "version": label.name if label.exact or (label.name and not label.provisional) else None,
        "commit_id": view.commit.hex(),
        "digest": view.manifest.digest.hex(),
        "type": view.type,
        "state": "DELETED" if view.deleted else "COMMITTED",
        "provisional": label.provisional,
        "aliases": aliases,
        "tags": list(view.tags),
        "description": view.description,
        "metadata": json.loads(view.metadata),
        "size_bytes": view.manifest.size,
        "file_count": view.manifest.entries,
        "created_at": time_json(view.created_at),
        "producer": view.run,
        "here": here_word(store, view),
    }


def file_record(entry: Entry) -> dict[str, Any]:
    """Return a file; ``ref`` is the URI of one whose bytes lie elsewhere."""
    digest, ref = entry.content.hex(), None
    if entry.is_reference:
        digest = entry.content.decode("utf-8", "replace")
        ref = decode(entry.extra).get("uri", digest) if entry.extra else digest
    return {
        **path_fields(entry.path),
        "digest": digest,
        "size_bytes": entry.size_bytes,
        "executable": entry.executable,
        "ref": ref,
    }


def artifact_record(collection: CollectionView, held: Held) -> dict[str, Any]:
    """Return a name with what its newest version is."""
    return {
        "project": collection.project,
        "name": collection.label,
        "type": collection.type,
        "description": collection.description,
        "tags": list(collection.tags),
        "versions": held.versions,
        "latest": None if held.number is None else f"v{held.number}",
        "size_bytes": held.size,
        "file_count": held.entries,
        "created_at": time_json(collection.created_at),
        "updated_at": time_json(held.time),
    }


def run_record(view: RunView) -> dict[str, Any]:
    """Return a run with the versions that it read and made."""
    return {
        "project": view.project,
        "id": view.run,
        "name": view.name,
        "group": view.group,
        "job_type": view.job_type,
        "entity": view.entity,
        "notes": view.notes,
        "tags": list(view.tags),
        "state": view.state,
        "exit_code": view.exit_code,
        "config": json.loads(view.config),
        "summary": json.loads(view.summary),
        "metadata": surroundings_of(view),
        "inputs": [
            {
                "project": used.project,
                "name": used.name,
                "commit_id": used.commit.hex(),
                "use_as": used.use_as,
            }
            for used in view.inputs
        ],
        "outputs": [{"commit_id": commit.hex()} for commit in view.outputs],
        "created_at": time_json(view.created_at),
        "updated_at": time_json(view.updated_at),
    }
