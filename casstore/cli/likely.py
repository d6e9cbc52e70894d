"""Which verb is meant by a word that is none.

Knows: what other tools call the verbs, spelling.  Never: what a verb does.
"""

import difflib

from casstore.cli.table import VERBS

__all__ = ["likely_verb"]

ELSEWHERE: dict[str, str] = {
    **dict.fromkeys(("add", "backup", "commit", "log-artifact", "save", "store"), "put"),
    **dict.fromkeys(("checkout", "clone", "download", "extract", "use"), "get"),
    **dict.fromkeys(("history", "list", "log", "snapshots", "versions"), "ls"),
    **dict.fromkeys(("check", "fsck", "scrub"), "verify"),
    **dict.fromkeys(("delete", "forget", "remove"), "rm"),
    **dict.fromkeys(("branch", "label"), "alias"),
    **dict.fromkeys(("fetch", "import"), "pull"),
    **dict.fromkeys(("export", "upload"), "push"),
    **dict.fromkeys(("dump", "print"), "cat"),
    **dict.fromkeys(("info", "inspect"), "show"),
    **dict.fromkeys(("size", "stats"), "du"),
    "graph": "lineage",
    "help": "--help",
    "rebuild-index": "reindex",
    "undelete": "restore",
}
"""What git, restic and others call a verb: nothing answers to these names, a message helps on."""


def likely_verb(name: str) -> str:
    """Return what somebody means who types a verb that there is not, or nothing."""
    close = difflib.get_close_matches(name, VERBS, 1)
    return ELSEWHERE.get(name) or (close[0] if close else "")
