"""The verbs, by name: where each one's code lies, and its line in ``casstore --help``.

Knows: names of modules.  Never: what is in them, until ``load`` is asked for one.
``casstore --help`` reads this table and nothing else, which keeps it fast.
"""

import importlib
from types import ModuleType
from typing import Any, NamedTuple

__all__ = ["PARTS", "VERBS", "Place", "load", "load_verb"]


class Place(NamedTuple):
    """Where a verb lies, and what it does in one line."""

    module: str
    attribute: str
    summary: str


VERBS: dict[str, Place] = {
    "alias": Place("casstore.cli.alias", "alias", "Name versions: set, remove or list aliases."),
    "bundle": Place("casstore.cli.bundle", "bundle", "Carry versions in files, without a network."),
    "cat": Place("casstore.cli.cat", "cat", "Write files of a version to standard output."),
    "completion": Place("casstore.cli.completion", "completion", "Print a script for your shell."),
    "diff": Place("casstore.cli.diff", "diff", "Compare two versions, or a version and a folder."),
    "doctor": Place("casstore.cli.doctor", "doctor", "Look for trouble in the surroundings."),
    "du": Place("casstore.cli.du", "du", "Show what takes how much space."),
    "get": Place("casstore.cli.get", "get", "Lay the files of a version out in a folder."),
    "init": Place("casstore.cli.init", "init", "Make a store in a folder."),
    "inventory": Place(
        "casstore.cli.inventory", "inventory", "List what this store has, for a bundle's maker."
    ),
    "lineage": Place(
        "casstore.cli.lineage", "lineage", "Show what a version came from and what came of it."
    ),
    "ls": Place("casstore.cli.ls", "ls", "List names, versions of a name, or files of a version."),
    "numbers": Place(
        "casstore.cli.numbers", "numbers", "Agree to numbers that mean other versions now."
    ),
    "pull": Place("casstore.cli.pull", "pull", "Bring versions here from another depot."),
    "push": Place("casstore.cli.push", "push", "Bring versions to another depot."),
    "put": Place("casstore.cli.put", "put", "Log files and folders as a new version."),
    "reindex": Place("casstore.cli.reindex", "reindex", "Make the index again from the files."),
    "remote": Place("casstore.cli.remote", "remote", "Name places to push to and pull from."),
    "repair": Place(
        "casstore.cli.repair", "repair", "Heal what is damaged, from another depot or there."
    ),
    "restore": Place("casstore.cli.restore", "restore", "Bring removed versions back."),
    "rm": Place("casstore.cli.rm", "rm", "Remove versions."),
    "runs": Place("casstore.cli.runs", "runs", "List runs."),
    "show": Place("casstore.cli.show", "show", "Tell all about one version."),
    "status": Place("casstore.cli.status", "status", "Tell which store is used and what it holds."),
    "sync": Place("casstore.cli.sync", "sync", "Pull, then push: both sides have everything."),
    "tag": Place("casstore.cli.tag", "tag", "Mark versions: add, remove or list tags."),
    "verify": Place("casstore.cli.verify", "verify", "Read and check every byte."),
}

PARTS: dict[str, str] = {
    "afar": "casstore.cli.afar",
    "candidates": "casstore.cli.candidates",
    "failures": "casstore.cli.failures",
    "likely": "casstore.cli.likely",
    "ondemand": "casstore.exchange.ondemand",
    "progress": "casstore.cli.progress",
}
"""Modules that few calls need: what is loaded when something fails, moves or is asked for."""


def load(part: str) -> ModuleType:
    """Return one of ``PARTS``."""
    return importlib.import_module(PARTS[part])


def load_verb(name: str) -> Any:
    """Return the command of a verb, None if there is none of that name."""
    place = VERBS.get(name)
    return getattr(importlib.import_module(place.module), place.attribute) if place else None
