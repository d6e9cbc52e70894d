"""``casstore init``: a store in a folder.

Knows: where it goes and what lies beside it.  Never: a store's contents.
"""

import contextlib
import json
import os
from pathlib import Path

import click

from casstore import durable
from casstore.cli.completing import FOLDER
from casstore.cli.messages import say
from casstore.cli.options import Options, Verb
from casstore.cli.output import print_json, print_line
from casstore.errors import Conflict, Invalid
from casstore.names import check_project
from casstore.settings import STORE_FOLDER, find_store, read_environment, user_data_dir
from casstore.store import close_store, create_store

__all__ = ["init"]


@click.command(cls=Verb)
@click.argument("folder", metavar="[DIR]", required=False, type=FOLDER)
@click.pass_obj
def init(options: Options, *, folder: str | None) -> None:
    """Make a store: DIR/.casstore, in the working directory if no DIR is given.

    Nothing needs it: what writes makes a missing store.  A store in a folder is used from there and
    below.  With --store that folder itself becomes the store; with --project that is its project.
    """
    root = _root(options, folder)
    known = (root / "FORMAT").exists()
    store = create_store(root)
    try:
        _write_new(root, ".gitignore", b"*\n")
        if options.project:
            _write_project(root, options.project)
    finally:
        close_store(store)
    if options.json:
        print_json(store=os.fspath(root), created=not known)
    elif not options.quiet:
        print_line(f"{root} {'is a store already' if known else 'is a store now'}")
    _tell_if_hidden(options, root)


def _root(options: Options, folder: str | None) -> Path:
    environment = read_environment()
    if options.store is not None:
        if folder is not None:
            raise Invalid("DIR and --store name two folders", hint="leave one out")
        where = find_store(
            Path.cwd(), options.store, environment=environment, user_data_dir=user_data_dir
        )
        return where.path
    above = Path(folder or ".").resolve()
    return above if above.name == STORE_FOLDER else above / STORE_FOLDER


def _write_new(root: Path, name: str, data: bytes) -> None:
    with contextlib.suppress(FileExistsError):
        durable.create_exclusive(root / name, data, root / "tmp")


def _write_project(root: Path, project: str) -> None:
    text = f"project = {json.dumps(check_project(project), ensure_ascii=False)}\n"
    _write_new(root, "config.toml", text.encode())
    if (root / "config.toml").read_text("utf-8") != text:
        raise Conflict(
            f"{root / 'config.toml'} is there already", hint="set `project` in it by hand"
        )


def _tell_if_hidden(options: Options, root: Path) -> None:
    environment = read_environment()
    if environment.store and options.store is None:
        say(options, f"CASSTORE_HOME is set to {environment.store}, which is used before {root}")
