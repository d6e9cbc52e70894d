"""lifecycle: aliases, tags, edits, links, removal and restoring of finished versions.

Knows: which events say it, and which events they replace.  Never: frames' bytes, working files.

Every verb is one or more events that name what they have seen, so two processes at once give a
state that the fold knows: sets of tags are joined, an alias that was set to two versions is a
conflict, and a version that got a new alias, link or producer outlives a removal that had not
seen it.
"""

from casstore.flows.lifecycle.labels import (
    KEEP,
    Keep,
    add_tags,
    edit,
    remove_aliases,
    remove_tags,
    set_aliases,
    set_tags,
)
from casstore.flows.lifecycle.links import link, unlink
from casstore.flows.lifecycle.naming import describe, remove_collection, rename, retype
from casstore.flows.lifecycle.removal import Removal, RemovalPlan, plan_removal, remove
from casstore.flows.lifecycle.restoring import restore
from casstore.flows.lifecycle.settling import Side, settle_aliases

__all__ = [
    "KEEP",
    "Keep",
    "Removal",
    "RemovalPlan",
    "Side",
    "add_tags",
    "describe",
    "edit",
    "link",
    "plan_removal",
    "remove",
    "remove_aliases",
    "remove_collection",
    "remove_tags",
    "rename",
    "restore",
    "retype",
    "set_aliases",
    "set_tags",
    "settle_aliases",
    "unlink",
]
