"""``casstore verify --remote``: is everything whole in a depot elsewhere.

Knows: what was asked to be checked, how the depot is opened anew.  Never: how it is checked.
"""

import re
from collections.abc import Callable
from typing import Any

import click

from casstore.cli.carrying import connected
from casstore.cli.messages import progress_bar, say
from casstore.cli.output import count_text, size_text
from casstore.cli.workspace import Workspace
from casstore.exchange import Connection
from casstore.flows.transfer import choose
from casstore.flows.verify import Problem, verify_depot, verify_version_elsewhere
from casstore.journal import queries
from casstore.store import reference_to

__all__ = ["Sample", "verify_elsewhere"]

Show = Callable[..., bool]


class Sample(click.ParamType[float]):
    """A part of something: ``1%`` or ``0.01``."""

    name = "part"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the part as a number above 0 and up to 1."""
        match = re.match(r"([0-9]*\.?[0-9]+)(%?)\Z", str(value))
        part = float(match[1]) / (100 if match[2] else 1) if match else 0.0
        if not 0 < part <= 1:
            self.fail(f"{value!r} is no part of anything: 1%, 0.01", param, ctx)
        return part


def verify_elsewhere(
    place: Workspace, remote: str, ref: str | None, sample: float, show: Show
) -> bool:
    """Verify a depot, or one version there; returns whether all is well, as ``show`` does.

    It needs no store, and makes none.
    """
    with connected(place, place.base(), remote, create=False) as connection:
        good = (
            _all(place, connection, sample, show)
            if ref is None
            else _version(place, connection, ref, sample, show)
        )
    if not good:
        say(place.options, _what_helps(connection))
    return good


def _what_helps(connection: Connection) -> str:
    """Return how the depot may be healed; a bundle is written once."""
    if connection.is_bundle:
        return "take another copy of the bundle, or make it again"
    name = connection.remote.name
    return (
        f"`casstore repair --to {name}` heals it with what the store has; what it has not is to be"
        " had by `casstore pull` or `casstore repair --from` another place first"
    )


def _all(place: Workspace, connection: Connection, sample: float, show: Show) -> bool:
    with (
        connection.anew() as depot,
        progress_bar(place.options, "verify", _known_bytes(connection)) as note,
    ):
        seen = connection.depot.index
        found = verify_depot(depot, seen=seen, sample=sample, progress=note)
        if not depot.may_list:
            told = f"{depot.url} may not be listed: what its roll names was checked"
            say(place.options, told)
    if found.problems:
        connection.depot.refresh()
        connection.depot.mirror.doubt()  # the next push looks up what it can mend
    content = (
        f"{connection.remote.name}: {count_text(found.versions, 'version')}"
        f"  {count_text(found.files, 'file')}  {size_text(found.size_bytes)}"
        f"  in {count_text(found.packs, 'pack')}{_sampled(sample)}"
    )
    return show(
        place.options,
        found.problems,
        content,
        remote=connection.remote.name,
        sample=sample,
        versions=found.versions,
        file_count=found.files,
        size_bytes=found.size_bytes,
        packs=found.packs,
    )


def _version(place: Workspace, connection: Connection, ref: str, sample: float, show: Show) -> bool:
    problems: list[Problem] = []
    with connection.anew() as depot:
        depot.refresh()
        commits = choose(depot, [place.reference(ref)])
        with depot.index.read() as reader:
            found = [queries.version(reader, commit) for commit in commits]
        views = [view for view in found if view is not None and view.complete and not view.deleted]
        size = sum(view.manifest.size for view in views)
        with progress_bar(place.options, "verify", size) as note:
            for view in views:
                problems += verify_version_elsewhere(depot, view, sample=sample, progress=note)
        names = [reference_to(depot, view) for view in views]
    if problems:
        connection.depot.mirror.doubt(commits)
    content = (
        f"{connection.remote.name}: {' '.join(names) or 'nothing'}"
        f"  {count_text(sum(view.manifest.entries for view in views), 'file')}"
        f"  {size_text(size)}{_sampled(sample)}"
    )
    commit_ids = [view.commit.hex() for view in views]
    name = connection.remote.name
    return show(place.options, problems, content, remote=name, sample=sample, commit_ids=commit_ids)


def _sampled(sample: float) -> str:
    return f"  ({100 * sample:g}% of the frames)" if sample < 1 else ""


def _known_bytes(connection: Connection) -> int:
    with connection.depot.index.read() as reader:
        return sum(pack.size_bytes for _, pack in reader.packs())
