"""Aliases, tags and edits.

Knows: what a version is called and what is said of it.  Never: removal, what a version holds.
"""

import enum
from collections.abc import Callable, Iterable

from casstore.catalog import Reader
from casstore.digest import CommitId
from casstore.errors import Invalid, NotFound
from casstore.flows.lifecycle.subjects import home, require_live, take_alias
from casstore.journal import queries
from casstore.journal.bodies import AliasBody, EditBody
from casstore.journal.labels import called
from casstore.journal.subjects import CommitSubject
from casstore.journal.views import VersionView
from casstore.names import LATEST, check_alias, check_tag
from casstore.store import Store, reference_to

__all__ = [
    "KEEP",
    "Keep",
    "add_tags",
    "edit",
    "remove_aliases",
    "remove_tags",
    "set_aliases",
    "set_tags",
]


class Keep(enum.Enum):
    """The type of ``KEEP``."""

    KEEP = "keep"


KEEP = Keep.KEEP
"""Says that ``edit`` leaves a field as it is; None is a value."""


def set_aliases(store: Store, view: VersionView, aliases: Iterable[str]) -> None:
    """Point aliases at a version, wherever they pointed before; ``latest`` adds nothing.

    Raises ``Invalid`` for what cannot be an alias and ``NotFound`` if the version was removed.
    """
    wanted = [check_alias(alias) for alias in dict.fromkeys(aliases) if alias != LATEST]
    require_live(store, view)
    subject = CommitSubject(view.project, view.name, view.commit)
    for alias in wanted:
        with store.index.read() as reader:
            present = queries.alias(reader, view.project, view.name, alias)
            heads = queries.alias_heads(reader, view.project, view.name, alias)
        if present.commit != view.commit or present.conflict:
            store.events.append(subject, AliasBody(alias, set=True, replaces=tuple(heads)))


def remove_aliases(store: Store, project: str, name: str, aliases: Iterable[str]) -> None:
    """Take aliases away, whichever versions they point at; all of them or none.

    Raises ``NotFound`` for one that is not there, ``Invalid`` for ``latest``.
    """
    store.index.catch_up()
    wanted = list(dict.fromkeys(aliases))
    if LATEST in wanted:
        raise Invalid(f"{LATEST!r} cannot be removed", hint="it always means the newest version")
    with store.index.read() as reader:
        bearers = [_bearer(store, reader, project, name, alias) for alias in wanted]
        events = [
            take_alias(reader, CommitSubject(project, name, commit), alias)
            for alias, commit in zip(wanted, bearers, strict=True)
        ]
    store.events.append_groups([events])


def _bearer(store: Store, reader: Reader, project: str, name: str, alias: str) -> CommitId:
    present = queries.alias(reader, project, name, alias)
    commits = [present.commit, *(commit for _, commit in present.conflict)]
    for commit in commits:
        if commit is not None:
            return commit
    label = called(reader, project, name)
    raise NotFound(
        f"{label!r} has no alias {alias!r} in project {project!r} of the store at {store.root}",
        hint=f"`casstore alias ls {label}` lists them",
    )


def set_tags(store: Store, view: VersionView, tags: Iterable[str]) -> None:
    """Give a version these tags and no others; raises as ``edit`` does."""
    wanted = [check_tag(tag) for tag in tags]
    _change_tags(store, view, lambda _: wanted)


def add_tags(store: Store, view: VersionView, tags: Iterable[str]) -> None:
    """Give a version more tags; raises as ``edit`` does."""
    more = [check_tag(tag) for tag in tags]
    _change_tags(store, view, lambda present: [*present, *more])


def remove_tags(store: Store, view: VersionView, tags: Iterable[str]) -> None:
    """Take tags from a version; ``NotFound`` for one that it does not have, and nothing is done."""
    unwanted = dict.fromkeys(tags)

    def without(present: tuple[str, ...]) -> list[str]:
        missing = [tag for tag in unwanted if tag not in present]
        if missing:
            raise NotFound(
                f"{reference_to(store, view)} of project {view.project!r} in {store.root} "
                f"has no tag {', '.join(map(repr, missing))}",
                hint=f"its tags are: {', '.join(present) or 'none'}",
            )
        return [tag for tag in present if tag not in unwanted]

    _change_tags(store, view, without)


def _change_tags(
    store: Store, view: VersionView, change: Callable[[tuple[str, ...]], Iterable[str]]
) -> None:
    """Replace the tags by ``change`` of them; tags and heads are those of one moment."""
    require_live(store, view)
    with store.index.read() as reader:
        current = queries.version(reader, view.commit)
        heads = queries.edit_heads(reader, view.commit, "tags")
    present = current.tags if current is not None else ()
    tags = tuple(dict.fromkeys(change(present)))
    if tags != present:
        store.events.append(home(view), EditBody("tags", tags, tuple(heads)))


def edit(
    store: Store,
    view: VersionView,
    *,
    description: str | Keep | None = KEEP,
    metadata: str | Keep = KEEP,
    ttl: int | Keep | None = KEEP,
) -> None:
    """Change what is said of a version; what is equal already costs nothing.

    ``metadata`` is the canonical text of a JSON object, ``ttl`` is in seconds.  An edit settles a
    field that was set to different values at once.  Raises ``NotFound`` if the version was removed,
    ``Invalid`` for values that cannot be written.
    """
    current = require_live(store, view)
    in_conflict = {conflict.field for conflict in current.conflicts}
    given = {"description": description, "metadata": metadata, "ttl": ttl}
    for field, value in given.items():
        if isinstance(value, Keep):
            continue
        if value != getattr(current, field) or field in in_conflict:
            with store.index.read() as reader:
                heads = queries.edit_heads(reader, view.commit, field)
            store.events.append(home(view), EditBody(field, value, tuple(heads)))
