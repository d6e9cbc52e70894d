"""``casstore put``: files and folders become a version.

Knows: how paths get their names, what is said of the result.  Never: how bytes are stored.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from casstore import durable
from casstore.artifacts.jsonable import metadata_of
from casstore.cli.completing import FILE, NAME
from casstore.cli.ending import no_more_interruptions
from casstore.cli.messages import progress_bar, say, shows_progress
from casstore.cli.options import Options, Verb
from casstore.cli.output import count_text, path_text, print_json, print_line, size_text
from casstore.cli.records import version_record
from casstore.cli.workspace import Workspace
from casstore.encoding import canonical_json
from casstore.errors import Error, FileMissing, Invalid
from casstore.flows.log import LogResult, earlier_cuts, log_files
from casstore.names import LATEST, check_alias, check_name, check_tag, check_type
from casstore.store import (
    Commit,
    Committed,
    Draft,
    Store,
    check_type_of,
    collection_called,
    commit,
    reference_to,
    shown_as,
)
from casstore.worktree import Source, Walk, source_of

__all__ = ["put"]

DEFAULT_TYPE = "dataset"
DEFAULT_ENTITY = "local"


@dataclass(slots=True)
class _Input:
    """What is to be logged: a walk for each folder, a name in the version for each file."""

    folders: list[Walk] = field(default_factory=list)
    files: list[tuple[Path, bytes]] = field(default_factory=list)

    def leave_out(self, root: Path) -> None:
        """Keep the store at ``root``, if it lies in a folder, out of itself."""
        if root.is_dir():
            info = root.stat()
            for folder in self.folders:
                folder.skip = frozenset({(info.st_dev, info.st_ino)})

    def sources(self) -> Iterator[Source]:
        for folder in self.folders:
            yield from folder
        for path, name in self.files:
            yield source_of(path, name)

    @property
    def outside_links(self) -> int:
        return sum(folder.outside_links for folder in self.folders)


@dataclass(frozen=True, slots=True)
class _Done:
    """A version that was put: what it took, and how many new bytes the store keeps for it."""

    committed: Committed
    log: LogResult
    new_bytes: int
    stored_bytes: int


@click.command(cls=Verb)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=FILE)
@click.option(
    "--name",
    metavar="NAME",
    type=NAME,
    help="The artifact's name.  [default: the path's last part]",
)
@click.option(
    "-t",
    "--type",
    "type_name",
    metavar="TYPE",
    help="The artifact's type.  [default: the one that the name has, else dataset]",
)
@click.option(
    "-a", "--alias", "aliases", metavar="ALIAS", multiple=True, help="Also call it ALIAS."
)
@click.option("--tag", "tags", metavar="TAG", multiple=True, help="Mark it with TAG.")
@click.option("-d", "--description", metavar="TEXT", help="Say what it is.")
@click.option(
    "--metadata",
    "pairs",
    metavar="K=V|@FILE",
    multiple=True,
    help="Record a value (JSON if it parses, else text), or all of a JSON file.",
)
@click.option(
    "--ignore",
    metavar="GLOB",
    multiple=True,
    help="Leave out what matches, as in a .gitignore at the folder's top.",
)
@click.option(
    "--symlinks",
    type=click.Choice(["follow", "error"]),
    default="follow",
    show_default=True,
    help="Follow links that lead out of the folder, or refuse them.",
)
@click.option(
    "--no-cache", is_flag=True, help="Read every byte, also of files that look unchanged."
)
@click.option("-n", "--dry-run", is_flag=True, help="Only tell what would be logged.")
@click.option(
    "-j", "--jobs", type=click.IntRange(1, 64), help="Threads.  [default: two a processor]"
)
@click.pass_obj
def put(  # noqa: PLR0913 - one parameter an option
    options: Options,
    *,
    paths: tuple[str, ...],
    name: str | None,
    type_name: str | None,
    aliases: tuple[str, ...],
    tags: tuple[str, ...],
    description: str | None,
    pairs: tuple[str, ...],
    ignore: tuple[str, ...],
    symlinks: str,
    no_cache: bool,
    jobs: int | None,
    dry_run: bool,
) -> None:
    """Log files and folders as a new version.

    A folder alone gives what is inside it, a file alone goes under its own name; several paths go
    each under its own name.  All or nothing: after an error there is no new version.  Content that
    the newest version has makes no new one.
    """
    with Workspace(options) as place:
        wanted = name if name is not None else _default_name(paths)
        request = Commit(
            project=place.project,
            name=check_name(wanted),
            type=DEFAULT_TYPE if type_name is None else check_type(type_name),
            entity=place.environment.entity or DEFAULT_ENTITY,
            description=description,
            metadata=canonical_json(_metadata(pairs)),
            aliases=tuple(dict.fromkeys(check_alias(one) for one in aliases if one != LATEST)),
            tags=tuple(dict.fromkeys(map(check_tag, tags))),
        )
        root = place.choice.path
        given = _input(paths, root, ignore, refuse_outside=symlinks == "error")
        if dry_run:
            given.leave_out(root)
            _print_plan(options, given, wanted)
            return
        store = place.writable()
        given.leave_out(root)
        if type_name is None:
            request = replace(request, type=_known_type(store, request) or DEFAULT_TYPE)
        check_type_of(store, request.project, request.name, request.type)
        done = _put(options, store, given, request, use_cache=not no_cache, workers=jobs)
        no_more_interruptions()
        _print(options, store, given, done)


def _default_name(paths: Sequence[str]) -> str:
    if len(paths) > 1:
        raise Invalid("several paths have no name of their own", hint="give one with --name")
    name = _own_name(paths[0])
    try:
        return check_name(name)
    except Invalid as error:
        raise Invalid(error.message, hint="give another with --name") from error


def _own_name(text: str) -> str:
    """Return a path's last part; ``.`` and ``..`` have that of the folder they mean."""
    name = Path(text).name
    return name if name not in {"", ".."} else Path(text).resolve().name


def _known_type(store: Store, request: Commit) -> str | None:
    with store.index.read() as reader:
        collection = collection_called(store, reader, request.project, request.name)
    return collection.type if collection else None


def _metadata(pairs: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        if pair.startswith("@"):
            found.update(_metadata_file(Path(pair[1:])))
            continue
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise Invalid(f"--metadata {pair}: no KEY=VALUE", hint="or @FILE for a JSON file")
        found[key] = _value(text)
    return metadata_of(found)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _metadata_file(path: Path) -> dict[str, Any]:
    try:
        return metadata_of(path.read_text("utf-8"))
    except FileNotFoundError:
        raise FileMissing(f"{path} does not exist", hint="--metadata @FILE wants a file") from None
    except UnicodeDecodeError as error:
        raise Invalid(f"{path} is not UTF-8: {error}") from error
    except Invalid as error:
        raise Invalid(f"{path}: {error.message}", hint=error.hint) from error


def _input(
    paths: Sequence[str], root: Path, ignore: tuple[str, ...], *, refuse_outside: bool
) -> _Input:
    """Sort the paths into folders and files, each with its name in the version."""
    names = [_own_name(path) for path in paths]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise Invalid(
            f"two paths would both be {twice[0]!r} in the version", hint="put their parent"
        )
    found = _Input()
    for text, name in zip(paths, names, strict=True):
        path, inside = Path(text), os.fsencode(name)
        _refuse_store(path, root)
        if path.is_dir():
            prefix = inside + b"/" if len(paths) > 1 else b""
            found.folders.append(Walk(os.fsencode(path), prefix, ignore, refuse_outside))
        else:
            source_of(path, inside)  # what is not there is told before anything is read
            found.files.append((path, inside))
    return found


def _refuse_store(path: Path, root: Path) -> None:
    if path.resolve().is_relative_to(root):
        raise Invalid(f"{path} belongs to the store at {root}", hint="a store cannot hold itself")


def _put(
    options: Options,
    store: Store,
    given: _Input,
    request: Commit,
    *,
    use_cache: bool,
    workers: int | None,
) -> _Done:
    total = sum(s.stat.st_size for s in given.sources()) if shows_progress(options) else 0
    for folder in given.folders:
        folder.outside_links = 0  # counted again by the walk that logs
    draft = store.draft()
    session = draft.session
    new, stored = session.new_bytes, session.stored_bytes
    try:
        with progress_bar(options, "put", total) as note:
            result = log_files(
                store,
                draft,
                given.sources(),
                use_cache=use_cache,
                workers=workers,
                progress=note,
                earlier=earlier_cuts(store, request.project, request.name),
            )
        committed = commit(store, draft, request)
    except BaseException as error:
        if durable.is_out_of_space(error):
            raise _taken_back(store, draft, error) from error
        raise
    finally:
        draft.close()
    return _Done(committed, result, session.new_bytes - new, session.stored_bytes - stored)


def _taken_back(store: Store, draft: Draft, error: BaseException) -> Error:
    done = store.take_back(draft.session, error)
    when = "was taken back" if done else "is taken back by the next put"
    return Error(
        f"the disk of the store at {store.root} is full: nothing was logged, and what was written"
        f" for it {when}",
        hint="earlier versions are whole; make room and put again",
    )


def _print_plan(options: Options, given: _Input, name: str) -> None:
    sizes = [source.stat.st_size for source in given.sources()]
    if options.json:
        print_json(dry_run=True, name=name, file_count=len(sizes), size_bytes=sum(sizes))
        return
    content = f"{count_text(len(sizes), 'file')}  {size_text(sum(sizes))}"
    print_line(f"{name}  {content}  would be logged")
    if options.verbose:
        for source in given.sources():
            print_line(path_text(source.name))


def _print(options: Options, store: Store, given: _Input, done: _Done) -> None:
    view = done.committed.version
    reference = reference_to(store, view)
    if given.outside_links:
        links = count_text(given.outside_links, "symlink")
        were = "was" if given.outside_links == 1 else "were"
        say(options, f"{links} led outside and {were} followed (--symlinks error refuses those)")
    if not view.manifest.entries:
        say(options, f"{reference} holds no files")
    if done.committed.kept_aside:
        say(
            options,
            f"{reference} has this content: what was said of it stays, the new words are dropped",
        )
    if options.json:
        print_json(
            version=version_record(store, view),
            created=done.committed.created,
            stored_bytes=done.stored_bytes,
            outside_links=given.outside_links,
        )
    elif options.quiet:
        print_line(reference)
    else:
        print_line(f"{shown_as(store, view)}  {_story(done)}")


def _story(done: _Done) -> str:
    manifest = done.committed.version.manifest
    content = f"{count_text(manifest.entries, 'file')}  {size_text(manifest.size)}"
    if not done.committed.created:
        return f"unchanged  {content}"
    if not manifest.size:
        return content
    shared = max(0, 100 * (manifest.size - done.new_bytes) // manifest.size)
    return f"{content}  stored {size_text(done.stored_bytes)} ({shared}% shared)"
