"""What an artifact says of itself, as a draft and as a finished version.

Knows: W&B 0.31's property names, which of them a draft can answer, when a draft has become a
version.  Never: adding, laying out, runs, how versions are found.
"""

import copy
import datetime as dt
from typing import Any

from casstore.artifacts.drafting import Drafting
from casstore.artifacts.entry import ArtifactManifest
from casstore.artifacts.finished import Finished, timestamp
from casstore.artifacts.jsonable import metadata_of
from casstore.artifacts.lifetime import ArtifactTTL, Lifetime, seconds_of, timedelta_of
from casstore.artifacts.place import LOCAL_ENTITY, Place
from casstore.errors import ArtifactNotLoggedError, Invalid
from casstore.journal.views import PartView
from casstore.names import LATEST, check_alias, check_name, check_tag, check_type, texts
from casstore.parallel import Lock, Pending
from casstore.store import Committed

__all__ = ["ArtifactProperties"]


class ArtifactProperties:
    """A draft, then a version: ``_now`` says which, and every property asks it."""

    _part: Pending[PartView] | None = None  # its share of a version that several make
    _part_place: Place | None = None  # where that was added

    def __init__(self, name: str, type_name: str, drafting: Drafting) -> None:
        self._base_name = check_name(name)
        self._type = check_type(type_name)
        self._description: str | None = None
        self._metadata: dict[str, Any] = {}
        self._tags: list[str] = []
        self._ttl_seconds: int | None = None
        self._use_as: str | None = None
        self._distributed_id: str | None = None
        self._drafting = drafting
        self._finished: Finished | None = None
        self._pending: Pending[Committed] | None = None
        self._final = False
        self._as_logged: dict[str, Any] = {}
        self._settling = Lock()

    def __repr__(self) -> str:
        return f"<Artifact {self.name}>"

    def is_draft(self) -> bool:
        """Whether it is not yet a version."""
        return self._now() is None

    # What it is

    @property
    def name(self) -> str:
        """The name; with ``:vN`` once it is logged."""
        finished = self._now()
        return finished.name if finished else self._base_name

    @property
    def type(self) -> str:
        """The type."""
        finished = self._now()
        return finished.view.type if finished else self._type

    @property
    def version(self) -> str:
        """``vN``."""
        return self._need("version").version

    @property
    def entity(self) -> str:
        """The entity that was recorded; ``local`` where none was given."""
        return self._need("entity").view.entity or LOCAL_ENTITY

    @property
    def project(self) -> str:
        """The project."""
        return self._need("project").view.project

    @property
    def qualified_name(self) -> str:
        """``entity/project/name:vN``."""
        return f"{self.entity}/{self.project}/{self._need('qualified_name').name}"

    @property
    def source_name(self) -> str:
        """The name where it was logged."""
        return self._need("source_name").home().name

    @property
    def source_version(self) -> str:
        """The version where it was logged."""
        return self._need("source_version").home().version

    @property
    def source_project(self) -> str:
        """The project where it was logged."""
        return self._need("source_project").home().view.project

    @property
    def source_entity(self) -> str:
        """The entity where it was logged."""
        return self._need("source_entity").view.entity or LOCAL_ENTITY

    @property
    def source_qualified_name(self) -> str:
        """``entity/project/name:vN`` where it was logged."""
        home = self._need("source_qualified_name").home()
        return f"{self.entity}/{home.view.project}/{home.name}"

    @property
    def distributed_id(self) -> str | None:
        """Who writes it together, where no ``distributed_id`` is given: None is the run's group."""
        return self._distributed_id

    @distributed_id.setter
    def distributed_id(self, distributed_id: str | None) -> None:
        self._distributed_id = distributed_id

    @property
    def is_link(self) -> bool:
        """Whether this is a link to a version in another collection; a draft is none."""
        finished = self._now()
        return finished is not None and finished.view.source is not None

    @property
    def linked_at(self) -> str | None:
        """When it was linked to its collection: RFC 3339, UTC; None for one that is no link."""
        when = self._need("linked_at").linked_at
        return None if when is None else timestamp(when)

    @property
    def id(self) -> str | None:
        """The commit id in hex; None for a draft."""
        finished = self._now()
        return finished.view.commit.hex() if finished else None

    @property
    def commit_hash(self) -> str:
        """The commit id in hex: it names this version for ever, in every store."""
        return self._need("commit_hash").view.commit.hex()

    @property
    def url(self) -> str:
        """A ``casstore://`` URL."""
        finished = self._need("url")
        return f"casstore://{finished.view.project}/{finished.name}"

    @property
    def state(self) -> str:
        """``PENDING``, ``COMMITTED`` or ``DELETED``."""
        finished = self._now()
        if finished is None:
            return "PENDING"
        return "DELETED" if finished.view.deleted else "COMMITTED"

    @property
    def digest(self) -> str:
        """The manifest digest, 64 hexadecimal characters; of a draft, of what it holds now."""
        finished = self._now()
        return finished.view.manifest.digest.hex() if finished else self._drafting.digest()

    @property
    def size(self) -> int:
        """The sum of the files' sizes in bytes."""
        finished = self._now()
        return finished.view.manifest.size if finished else self._drafting.size_bytes()

    @property
    def file_count(self) -> int:
        """How many paths it holds."""
        finished = self._now()
        return finished.view.manifest.entries if finished else len(self.manifest)

    @property
    def created_at(self) -> str:
        """When it was logged: RFC 3339, UTC."""
        return timestamp(self._need("created_at").view.created_at)

    @property
    def updated_at(self) -> str:
        """When anything about it last changed: RFC 3339, UTC."""
        return timestamp(self._need("updated_at").view.updated_at)

    @property
    def digest_algorithm(self) -> str:
        """What digests are made with."""
        return "BLAKE3"

    @property
    def history_step(self) -> int | None:
        """Always None: steps are not kept."""
        self._need("history_step")
        return None

    @property
    def incremental(self) -> bool:
        """Whether logging adds to the newest version's files."""
        return self._drafting.incremental

    @property
    def use_as(self) -> str | None:
        """What it was given as; recorded with the run that uses it."""
        return self._use_as

    @property
    def manifest(self) -> ArtifactManifest:
        """What it holds: ``manifest.entries`` is a mapping path -> entry."""
        finished = self._now()
        return finished.manifest(self) if finished else self._drafting.manifest()

    # What may be edited, and kept by ``save``

    @property
    def description(self) -> str | None:
        """Free text."""
        finished = self._now()
        return finished.description if finished else self._description

    @description.setter
    def description(self, value: str | None) -> None:
        finished = self._now()
        if finished:
            finished.description = value
        else:
            self._description = value

    @property
    def metadata(self) -> dict[str, Any]:
        """Structured values; changes in place are kept by ``save``, or when a draft is logged."""
        finished = self._now()
        return finished.metadata if finished else self._metadata

    @metadata.setter
    def metadata(self, value: dict[str, Any] | str | None) -> None:
        finished = self._now()
        if finished:
            finished.metadata = metadata_of(value)
        else:
            self._metadata = metadata_of(value)

    @property
    def aliases(self) -> list[str]:
        """The aliases, ``latest`` first where it holds; changes in place are kept by ``save``."""
        return self._need("aliases").aliases

    @aliases.setter
    def aliases(self, value: list[str]) -> None:
        self._need("aliases").aliases = [
            alias if alias == LATEST else check_alias(alias) for alias in texts(value)
        ]

    @property
    def tags(self) -> list[str]:
        """The tags; changes in place are kept by ``save``."""
        finished = self._now()
        return finished.tags if finished else self._tags

    @tags.setter
    def tags(self, value: list[str]) -> None:
        tags = list(dict.fromkeys(check_tag(tag) for tag in texts(value)))
        finished = self._now()
        if finished:
            finished.tags = tags
        else:
            self._tags = tags

    @property
    def ttl(self) -> dt.timedelta | None:
        """How long the version is wanted from when it was logged, or None for ever.

        Recorded and shown; nothing is deleted before a collector appends the event that does it.
        ``ArtifactTTL.INHERIT``, which a draft begins with, means the collection's; what that is
        shows once it is logged or saved: before, ``ArtifactNotLoggedError`` (W&B).
        """
        finished = self._now()
        inherits = finished.inherits_unsaved if finished else self._ttl_seconds is None
        if inherits:
            raise ArtifactNotLoggedError(
                f"{self._base_name!r} inherits its ttl, which shows once that is saved",
                hint="log the artifact, or call save()",
            )
        return finished.ttl if finished else timedelta_of(self._ttl_seconds)

    @ttl.setter
    def ttl(self, value: Lifetime) -> None:
        seconds = seconds_of(value)
        finished = self._now()
        if finished and finished.view.source is not None:
            raise Invalid(
                f"{finished.name} is a link, and has the ttl of {self.source_qualified_name}",
                hint="set it on source_artifact",
            )
        if finished:
            finished.ttl = ArtifactTTL.INHERIT if seconds is None else timedelta_of(seconds)
        else:
            self._ttl_seconds = seconds

    # Inside

    def _now(self) -> Finished | None:
        """Return the finished version, if it is one by now; never waits, never raises."""
        pending = self._pending
        has_ended = self._finished is None and pending is not None and pending.done()
        if has_ended and pending is not None and pending.error() is None:
            self._settle(pending.result())
        return self._finished

    def _need(self, what: str) -> Finished:
        finished = self._now()
        if finished is None:
            hint = "log it" if self._part is None else "a run finishes it with finish_artifact"
            raise ArtifactNotLoggedError(
                f"{what} needs a logged artifact, and {self._base_name!r} is not one yet",
                hint=f"{hint}, then call wait()",
            )
        return finished

    def _settle(self, committed: Committed) -> None:
        """Become the version, once, whichever thread sees it first."""
        with self._settling:
            if self._finished is None:
                self._finished = Finished(self._drafting.store(), committed.version)
                self._drafting.let_go(self._finished.store.manifest(committed.version.manifest))
                for field, value in self._said().items():
                    if value != self._as_logged.get(
                        field, value
                    ):  # edited meanwhile: ``save`` keeps it
                        setattr(self._finished, field, value)

    def _said(self) -> dict[str, Any]:
        """Return what is said of the draft, as it is now."""
        inherits = self._ttl_seconds is None
        return {
            "description": self._description,
            "metadata": copy.deepcopy(self._metadata),
            "tags": list(self._tags),
            "ttl": ArtifactTTL.INHERIT if inherits else timedelta_of(self._ttl_seconds),
        }
