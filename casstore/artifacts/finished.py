"""A finished version behind the face: reading it, laying it out, editing what may change.

Knows: a version's view and its pending edits.  Never: drafts, runs.
"""

import datetime as dt
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from casstore.artifacts.elsewhere import on_demand
from casstore.artifacts.entry import ArtifactEntry, ArtifactManifest, Owner
from casstore.artifacts.jsonable import check_words, metadata_of
from casstore.artifacts.layout import lay_out
from casstore.artifacts.lifetime import Lifetime, seconds_of, timedelta_of
from casstore.digest import CommitId
from casstore.encoding import canonical_json
from casstore.errors import Corrupt, FileMissing, NotFound
from casstore.flows.emptying import remove_extras
from casstore.flows.lifecycle import (
    add_tags,
    edit,
    link,
    plan_removal,
    remove,
    remove_aliases,
    set_aliases,
    set_tags,
    unlink,
)
from casstore.flows.verify import verify_folder
from casstore.journal import queries
from casstore.journal.views import VersionView
from casstore.names import LATEST, check_alias, check_tag, path_text
from casstore.settings import read_environment
from casstore.store import Store, number_of, open_store, shown_latest

__all__ = ["Finished", "timestamp"]


class Finished:
    """One version, in one store.  Edits are kept here until ``save``."""

    def __init__(self, store: Store, view: VersionView) -> None:
        self._store = store
        self._show_fields(view)

    @classmethod
    def of_commit(cls, root: str, project: str, name: str, commit: str) -> "Finished":
        """Return the version again, in another process (pickle)."""
        store = on_demand(open_store(Path(root)))
        with store.index.read() as reader:
            view = queries.member(reader, project, name, CommitId(bytes.fromhex(commit)))
        if view is None:
            raise NotFound(
                f"no version {commit} of {name!r} in project {project!r} of the store at {root}"
            )
        return cls(store, view)

    def _show_fields(self, view: VersionView) -> None:
        self.view = view
        self.description = view.description
        self.metadata: dict[str, Any] = json.loads(view.metadata)
        self.tags = list(view.tags)
        self._ttl = view.ttl
        self._aliases: list[str] | None = None
        self._aliases_before: list[str] = []
        self._tags_before = list(view.tags)

    @property
    def store(self) -> Store:
        """The store that holds it."""
        return self._store

    @property
    def is_stored(self) -> bool:
        """Whether any store holds it."""
        return True

    @property
    def aliases(self) -> list[str]:
        """The aliases as they are when first asked for, ``latest`` first; edited in place."""
        if self._aliases is None:
            view = self.view
            with self.store.index.read() as reader:
                found = queries.aliases_of(reader, view.project, view.name)
                newest = shown_latest(self.store, reader, view.project, view.name)
            self._aliases_before = list(found.get(view.commit, []))
            is_newest = newest is not None and newest.commit == view.commit
            self._aliases = [*([LATEST] if is_newest else []), *self._aliases_before]
        return self._aliases

    @aliases.setter
    def aliases(self, value: list[str]) -> None:
        if self.is_stored and self._aliases is None:
            self._aliases_before = [alias for alias in self.aliases if alias != LATEST]
        self._aliases = list(value)

    @property
    def ttl(self) -> dt.timedelta | None:
        """How long it is wanted; what it inherits shows once it is saved."""
        if self._ttl is None and self.view.ttl is None:
            return timedelta_of(self.view.lifetime)
        return timedelta_of(self._ttl)

    @ttl.setter
    def ttl(self, value: Lifetime) -> None:
        self._ttl = seconds_of(value)

    @property
    def inherits_unsaved(self) -> bool:
        """Whether ``ttl`` was set to ``INHERIT`` and not saved: what it will be is not known."""
        return self._ttl is None and self.view.ttl is not None

    def home(self) -> "Finished":
        """Return the version where it was logged: another one only for a link."""
        if self.view.source is None:
            return self
        with self.store.index.read() as reader:
            view = queries.version(reader, self.view.commit)
        return self if view is None else Finished(self.store, view)

    @property
    def linked_at(self) -> int | None:
        """When it was linked to where it stands, in microseconds; None where it was logged."""
        if self.view.source is None:
            return None
        place = (self.view.project, self.view.name)
        times = [each.linked_at for each in self.view.links if (each.project, each.name) == place]
        return max(times, default=None)

    def links(self) -> list["Finished"]:
        """Return the version as it stands in every collection that it is linked to."""
        view = self._present()
        if not view.links:
            return []
        with self.store.index.read() as reader:
            places = dict.fromkeys((link.project, link.name) for link in view.links)
            views = [queries.member(reader, *place, view.commit) for place in places]
        return [Finished(self.store, view) for view in views if view is not None]

    def link(self, project: str, name: str, aliases: Sequence[str]) -> "Finished":
        """Link it into a collection; returns it as it stands there."""
        return Finished(self.store, link(self.store, self.view, project, name, aliases))

    def unlink(self) -> None:
        """End the link that this is."""
        unlink(self.store, self.view)
        self.view = self.view._replace(deleted=True)

    @property
    def version(self) -> str:
        """``vN``, or the commit id of a version that another store numbered."""
        number = number_of(self.store, self._present())
        return self.view.commit.hex() if number is None else f"v{number}"

    @property
    def name(self) -> str:
        """``name:vN``, or ``name@ID`` as ``version``."""
        version = self.version
        return f"{self.view.label}{':' if version.startswith('v') else '@'}{version}"

    def _present(self) -> VersionView:
        """Return the version as it is now: a push may have given it a number since it was read."""
        with self.store.index.read() as reader:
            view = queries.member(reader, self.view.project, self.view.name, self.view.commit)
        return view or self.view

    def default_root(self, *, with_version: bool = True) -> Path:
        """Return where ``download`` and ``checkout`` put files where nobody says, in full (W&B)."""
        name = self.name if with_version else self.view.label
        if os.name == "nt":  # pragma: no cover - a colon cannot stand in a name there
            name = name.replace(":", "-")
        return Path(read_environment().artifact_dir or "artifacts").absolute() / name

    def download(self, root: Path, prefix: str | None, *, allow_missing: bool = False) -> None:
        """Lay the files out under ``root``; what differs at a path of the version is replaced."""
        start = (prefix or "").encode("utf-8", "surrogateescape")
        keep = (lambda path: path.startswith(start)) if start else None
        lay_out(self.store, self.view, root, keep=keep, allow_missing=allow_missing)

    def checkout(self, root: Path) -> None:
        """Make ``root`` hold the version's files and nothing else."""
        if root.exists():
            remove_extras(self.store, self.view, root)
        lay_out(self.store, self.view, root)

    def verify(self, root: Path) -> None:
        """Compare a folder with the version; ``Corrupt`` or ``FileMissing`` names what differs."""
        for difference in verify_folder(self.store, self.view, root):
            path = path_text(difference.path)
            if difference.kind == "missing":
                raise FileMissing(f"{path!r} of {self.name} is not in {root}")
            if difference.kind == "extra":
                raise Corrupt(f"{root} holds {path!r}, which is not in {self.name}")
            raise Corrupt(f"{path!r} in {root} is not what {self.name} holds ({difference.kind})")

    def manifest(self, artifact: object) -> ArtifactManifest:
        """Return the entries, read as they are used."""
        manifest = self.store.manifest(self.view.manifest)
        owner = Owner(self.store, self.view, self.default_root(), artifact)
        where = f"{self.name} of project {self.view.project!r} in the store at {self.store.root}"
        return ArtifactManifest(lambda: manifest, lambda entry: ArtifactEntry(entry, owner), where)

    def save(self) -> None:
        """Record what was edited since the version was read; all of it can be, or nothing is."""
        store, view = self.store, self.view
        metadata = canonical_json(metadata_of(self.metadata))
        check_words(self.description, metadata)
        tags = [check_tag(tag) for tag in self.tags]
        wanted = [check_alias(alias) for alias in self._aliases or () if alias != LATEST]
        if self.description != view.description:
            edit(store, view, description=self.description)
        if metadata != view.metadata:
            edit(store, view, metadata=metadata)
        if self._ttl != view.ttl:
            edit(store, view, ttl=self._ttl)
        if self._tags_before != self.tags:
            set_tags(store, view, tags)
        if self._aliases is not None:
            self._save_aliases(wanted)
        self.refresh()

    def _save_aliases(self, wanted: list[str]) -> None:
        """Give and take what was edited here; an alias that has moved on meanwhile stays there."""
        new = [alias for alias in wanted if alias not in self._aliases_before]
        with self.store.index.read() as reader:
            found = queries.aliases_of(reader, self.view.project, self.view.name)
        present = found.get(self.view.commit, [])
        gone = [each for each in self._aliases_before if each not in wanted and each in present]
        if new:
            set_aliases(self.store, self.view, new)
        if gone:
            remove_aliases(self.store, self.view.project, self.view.name, gone)

    def label(self, aliases: Sequence[str], tags: Sequence[str]) -> None:
        """Give it more aliases and tags at once; other edits wait for ``save``."""
        set_aliases(self.store, self.view, aliases)
        if tags:
            add_tags(self.store, self.view, tags)
        for mine, before, given in (
            (self.aliases, self._aliases_before, aliases),
            (self.tags, self._tags_before, tags),
        ):
            mine += [label for label in given if label not in mine]
            before += [label for label in given if label not in before]

    def delete(self, *, delete_aliases: bool) -> None:
        """Delete the version; ``Conflict`` if it has aliases, unless they go too.

        Of a linked version only the link ends, with its aliases (W&B).
        """
        if self.view.source is not None:
            self.unlink()
            return
        remove(self.store, plan_removal(self.store, [self.view], with_aliases=delete_aliases))
        self.refresh()

    def refresh(self) -> None:
        """Read the version again."""
        self._show_fields(self._present())


def timestamp(time_us: int) -> str:
    """Return microseconds since 1970 as RFC 3339 in UTC."""
    moment = dt.datetime.fromtimestamp(time_us / 1_000_000, tz=dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
