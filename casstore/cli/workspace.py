"""Which store and project a call works with, and what its references mean there.

Knows: when a store is made and when it must be there.  Never: what verbs do.
"""

from pathlib import Path
from types import TracebackType
from typing import Self

from casstore.cli.messages import say
from casstore.cli.options import Options
from casstore.cli.output import count_text
from casstore.cli.table import load
from casstore.errors import Invalid, NotFound
from casstore.journal.views import CollectionView, VersionView
from casstore.names import URL_SCHEME, Reference, number_label, parse_reference, parse_url
from casstore.settings import (
    Environment,
    find_project,
    find_store,
    read_environment,
    read_store_config,
    user_data_dir,
)
from casstore.store import (
    Store,
    close_store,
    collection_called,
    create_store,
    find_version,
    is_open,
    no_collection,
    open_store,
    reference_to,
)

__all__ = ["Workspace"]


class Workspace:
    """The store and project of one call.

    Used as a bracket: leaving it closes the store, unless the process had it open before.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.environment: Environment = read_environment()
        self.start = Path.cwd()
        self.choice = find_store(
            self.start, options.store, environment=self.environment, user_data_dir=user_data_dir
        )
        self._store: Store | None = None
        self._was_open = is_open(self.choice.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._store is not None and not self._was_open:
            close_store(self._store)
        self._store = None

    @property
    def project(self) -> str:
        """The project: as named, by the environment, by ``pyproject.toml``, by the store."""
        return find_project(
            self.options.project,
            self.environment,
            start=self.start,
            store_config=read_store_config(self.choice.path),
        )

    def writable(self) -> Store:
        """Return the store, made if it is missing."""
        if self._store is None:
            self._store = _on_demand(create_store(self.choice.path, fresh=self.options.fresh))
            self._tell_losses(self._store)
        self._store.require_writable()
        return self._store

    def existing(self) -> Store:
        """Return the store; ``NotFound`` naming the folder that was looked at if it is missing."""
        if self._store is None:
            self._store = _on_demand(open_store(self.choice.path, fresh=self.options.fresh))
            self._tell_losses(self._store)
        return self._store

    def renewed(self) -> Store:
        """Return the store, its index made again from the files."""
        self._store = open_store(self.choice.path, renew=True)
        return self._store

    def _tell_losses(self, store: Store) -> None:
        lost = store.index.lost_events
        if lost:
            say(
                self.options,
                f"{count_text(lost, 'event')} that the index knows are gone from the journal of"
                f" {store.root}: put its newer copy back, or run `casstore reindex` to go on"
                " without what they said",
            )
        if store.index.unread_events:
            say(
                self.options,
                f"journal files that cannot be read: {store.index.unread_events} of {store.root};"
                " what they say is not shown (run `casstore verify`)",
            )

    def is_made(self) -> bool:
        """Tell whether there is a store."""
        return (self.choice.path / "FORMAT").exists()

    def base(self) -> Store | Path:
        """Return the store, or the folder where none was made: for what needs none."""
        return self.existing() if self.is_made() else self.choice.path

    def existing_or_empty(self) -> Store | None:
        """Return the store, None for the user's default one if it was never made: it is empty."""
        if self.choice.is_default and not self.is_made():
            return None
        return self.existing()

    def reference(self, text: str) -> Reference:
        """Read a reference that somebody typed, its project filled in."""
        reference = _typed(text)
        return Reference(
            name=reference.name,
            label=reference.label,
            id_prefix=reference.id_prefix,
            project=reference.project or self.project,
            explicit=reference.explicit,
        )

    def name(self, text: str) -> Reference:
        """Read a name that somebody typed where a version makes no sense."""
        reference = self.reference(text)
        if reference.explicit:
            raise Invalid(f"{text!r} names a version", hint=f"give the name: {reference.name}")
        return reference

    def collection(self, text: str) -> CollectionView:
        """Return what is called so now, by the name that somebody typed where no version goes."""
        reference = self.name(text)
        store = self.existing()
        with store.index.read() as reader:
            found = collection_called(store, reader, reference.project, reference.name)
        if found is None:
            raise no_collection(store, reference.project, reference.name)
        return found

    def version(self, text: str, *, deleted: bool = False) -> VersionView:
        """Return the version that ``text`` means; ``deleted`` finds removed ones too."""
        reference = self.reference(text)
        store = self.existing_or_empty()
        if store is None:
            raise NotFound(
                f"no artifact {reference.name!r} in project {reference.project!r}:"
                f" nothing was ever logged to the store at {self.choice.path}",
                hint="put something, or name another store with --store",
            )
        return find_version(store, _typed(text), self.project, deleted=deleted)

    def exact_version(self, text: str, *, deleted: bool = False) -> VersionView:
        """Return the version that ``text`` names by number or id: what a name means can change."""
        reference = self.reference(text)
        view = self.version(text, deleted=deleted)
        if not reference.id_prefix and number_label(reference.label) is None:
            exact = reference_to(self.existing(), view)
            raise Invalid(
                f"{text!r} names no version by number or id", hint=f"it means {exact} now: say that"
            )
        return view


def _on_demand(store: Store) -> Store:
    """Let reads fetch what is not here of versions that were pulled without it."""
    store.frames.fetch_with(lambda: load("ondemand").make_fetcher(store))
    return store


def _typed(text: str) -> Reference:
    """Read a reference, or a ``casstore://`` URL of a version, as ``Artifact.url`` gives it."""
    if text.startswith(("./", "../", "/", "~")):
        raise Invalid(
            f"{text!r} is a path, and a version is wanted here",
            hint="write [project/]name[:version]",
        )
    plain = text.removeprefix(f"{URL_SCHEME}://")
    _refuse_path(text, plain)
    return parse_reference(plain) if plain == text else parse_url(text)[0]


def _refuse_path(given: str, text: str) -> None:
    """Refuse ``name:v1/path``: a reference names a version, not a file of it."""
    *before, _ = text.split("/")
    for position, part in enumerate(before):
        if ":" in part or "@" in part:
            reference = "/".join(before[: position + 1])
            path = text[len(reference) + 1 :]
            raise Invalid(
                f"{given!r} goes on after the version",
                hint=f"for one file: casstore cat {reference} {path}",
            )
