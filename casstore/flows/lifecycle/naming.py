"""What is said of a whole collection: its name, its type, words about it; and its end.

Knows: which labels say so, what is refused.  Never: single versions, how they are found.

Numbers, claims and events stay under the name at creation, so a renamed collection goes on
counting, and commit ids and lineage are untouched.  The old name then means nothing until somebody
logs to it: that begins another collection.
"""

from casstore.digest import random_commit_id
from casstore.errors import Conflict, Invalid, NotFound
from casstore.flows.lifecycle.removal import plan_removal, remove
from casstore.journal import queries
from casstore.journal.views import CollectionView
from casstore.names import check_name, check_tag, check_type
from casstore.store import Store, held, live_versions, reserved, set_label

__all__ = ["describe", "remove_collection", "rename", "retype"]


def rename(store: Store, collection: CollectionView, name: str) -> None:
    """Call a collection otherwise; ``Conflict`` if the name is taken, removed versions included.

    Waits for what is being logged to it: that would else call it again as it was called before.
    """
    if check_name(name) == collection.label:
        return
    store.require_writable()
    project, commit = collection.project, random_commit_id()
    _refuse_taken(store, project, name)  # now too: two who swap names would wait for each other
    with (
        held(store, project, collection.name, commit),
        reserved(store, project, name, commit),
    ):
        _refuse_taken(store, project, name)
        set_label(store, project, collection.name, "name", name)


def _refuse_taken(store: Store, project: str, name: str) -> None:
    with store.index.read() as reader:
        taken = queries.named(reader, project, name)
    if taken:
        raise Conflict(
            f"{name!r} is taken in project {project!r} of the store at {store.root}",
            hint="nothing was changed; choose another name, or rename that one first",
        )


def retype(store: Store, collection: CollectionView, type_name: str) -> None:
    """Give a collection, and with it all its versions, another type.

    Raises ``Invalid`` for one that only holds links (W&B): they have the types of their homes.
    """
    if check_type(type_name) == collection.type:
        return
    store.require_writable()
    if not collection.count:
        raise Invalid(
            f"{collection.label!r} holds links only; its type is that of what is linked",
            hint="change the type where the versions were logged",
        )
    set_label(store, collection.project, collection.name, "type", type_name)


def describe(
    store: Store,
    collection: CollectionView,
    *,
    description: str | None,
    tags: tuple[str, ...],
    ttl: int | None,
) -> None:
    """Record description, tags and the versions' time to live (seconds), as far as they differ."""
    given = {
        "description": description,
        "tags": tuple(dict.fromkeys(check_tag(tag) for tag in tags)),
        "ttl": ttl,
    }
    for field, value in given.items():
        if value != getattr(collection, field):
            store.require_writable()
            set_label(store, collection.project, collection.name, field, value)


def remove_collection(store: Store, collection: CollectionView) -> None:
    """Remove every version that was logged to a collection, and end every link in it.

    Their aliases go with them.  Raises ``NotFound`` if nothing is in it any more.
    """
    views = live_versions(store, collection.project, collection.name)
    if not views:
        raise NotFound(
            f"{collection.label!r} of project {collection.project!r} in {store.root} holds nothing"
        )
    remove(store, plan_removal(store, views, with_aliases=True))
