"""Links as W&B users make them: target paths, and what a linked artifact says of its source.

Knows: how a target path is read.  Never: which events make a link, runs.
"""

from collections.abc import Iterable

from casstore.artifacts.finished import Finished
from casstore.artifacts.place import Place
from casstore.artifacts.terminal import termwarn
from casstore.errors import Invalid
from casstore.names import Reference, check_alias, parse_reference, texts

__all__ = ["check_target", "checked_aliases", "link_to", "linked_versions", "warn_of_link"]


def link_to(
    finished: Finished, target_path: str, aliases: Iterable[str] | None, place: Place
) -> Finished:
    """Link a version into ``[[entity/]project/]name``; returns it as it stands there.

    The project is that of ``place`` where none is named; the entity is accepted and finds nothing.
    Raises as ``check_target`` and ``lifecycle.link`` do.
    """
    reference = check_target(target_path)
    project = reference.project or place.project
    return finished.link(project, reference.name, checked_aliases(aliases))


def check_target(target_path: str) -> Reference:
    """Return where a link is to go; ``Invalid`` for a path that names a version, or nothing.

    To be asked before a draft is logged for the link's sake.
    """
    reference = parse_reference(target_path)
    if reference.explicit:
        raise Invalid(
            f"{target_path!r} names a version, and a link goes to a collection",
            hint=f"link to {target_path.partition(':')[0].partition('@')[0]!r}, with aliases=[...]",
        )
    return reference


def checked_aliases(aliases: Iterable[str] | str | None) -> list[str]:
    """Return aliases as a list, each allowed to be one; a single text is one alias."""
    given = texts(aliases)
    return [check_alias(alias) for alias in given]


def linked_versions(finished: Finished) -> list[Finished]:
    """Return a version as it stands where it is linked to; none of what is a link itself (W&B)."""
    return [] if finished.view.source is not None else finished.links()


def warn_of_link(finished: Finished, what: str) -> None:
    """Say that a call on a link concerns the link or its source (W&B)."""
    if finished.view.source is not None:
        termwarn(f"{finished.name} is a link: {what}")
