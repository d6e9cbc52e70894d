"""The remotes of a store: ``[remotes.NAME]`` in its ``config.toml``.

Knows: the tables there; what else is in the file, comments too, stays.  Never: secrets, which are
refused; whether anything is at a URL.  The file is replaced by rename.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from casstore import durable
from casstore.errors import Conflict, Invalid, NotFound
from casstore.names import check_name
from casstore.remotes.addresses import parse_address
from casstore.remotes.probing import Probe
from casstore.remotes.schemes import check_scheme
from casstore.settings import read_store_config

__all__ = ["Remote", "add_remote", "keep_probe", "read_remotes", "remove_remote"]

CONFIG_FILE = "config.toml"
TABLE = "remotes"


@dataclass(frozen=True, slots=True)
class Remote:
    """A depot elsewhere that has a name here; ``probe`` is None if it was never checked."""

    name: str
    url: str
    upstream: bool = False
    probe: Probe | None = None

    def record(self) -> dict[str, Any]:
        """Return the keys that ``--json`` shows."""
        checked = None if self.probe is None else self.probe.record()
        return {"name": self.name, "url": self.url, "upstream": self.upstream, "checked": checked}


def read_remotes(root: Path) -> dict[str, Remote]:
    """Return the remotes of the store in a folder, by name, in the order of the file."""
    tables = read_store_config(root).get(TABLE, {})
    if not isinstance(tables, dict):
        raise _unreadable(root, TABLE)
    return {name: _remote_of(root, name, fields) for name, fields in tables.items()}


def add_remote(root: Path, name: str, url: str, *, upstream: bool = False) -> Remote:
    """Keep a remote under a name; the same again is success, and may make it the upstream.

    Raises ``Invalid`` for a name or URL that cannot be, ``Unsupported`` for a scheme that nothing
    knows, ``Conflict`` if the name means another place already.  A store has one upstream: the last
    that was said to be it.
    """
    address = parse_address(url)
    check_scheme(address)
    remote = Remote(check_name(name, of="a remote"), address.url, upstream)
    known = read_remotes(root)
    before = known.get(name)
    if before is not None and before.url != remote.url:
        raise Conflict(
            f"the remote {name!r} is {before.url} already",
            hint=f"`casstore remote rm {name}` forgets that, or choose another name",
        )
    if before is not None:
        remote = replace(before, upstream=upstream or before.upstream)
    if upstream:
        known = {each: replace(other, upstream=False) for each, other in known.items()}
    _write(root, {**known, name: remote})
    return remote


def remove_remote(root: Path, name: str) -> Remote:
    """Forget a remote; what lies there is not touched."""
    removed = _known(root, name)
    _write(root, {each: other for each, other in read_remotes(root).items() if each != name})
    return removed


def keep_probe(root: Path, name: str, probe: Probe) -> Remote:
    """Keep what was found out about a remote."""
    remote = replace(_known(root, name), probe=probe)
    _write(root, {**read_remotes(root), name: remote})
    return remote


def _known(root: Path, name: str) -> Remote:
    known = read_remotes(root)
    if name not in known:
        names = ", ".join(known) or "it has none"
        raise NotFound(
            f"the store at {root} knows no remote {name!r}", hint=f"its remotes: {names}"
        )
    return known[name]


def _remote_of(root: Path, name: str, fields: Any) -> Remote:
    if not isinstance(fields, dict) or not isinstance(fields.get("url"), str):
        raise _unreadable(root, f"{TABLE}.{name}")
    checked = fields.get("checked")
    try:
        probe = None if checked is None else Probe.of_record(checked)
    except TypeError:  # of another release: what a place can do is found out again
        probe = None
    url = parse_address(fields["url"]).url  # nobody's secret is used, whoever wrote it there
    return Remote(name, url, fields.get("upstream") is True, probe)


def _unreadable(root: Path, what: str) -> Invalid:
    return Invalid(f"{root / CONFIG_FILE}: {what} is no table with a url", hint="mend or remove it")


def _write(root: Path, remotes: Mapping[str, Remote]) -> None:
    """Write the tables; the rest of the file stays byte by byte."""
    path = root / CONFIG_FILE
    toml = importlib.import_module("tomlkit")
    document = toml.parse(path.read_text("utf-8")) if path.exists() else toml.document()
    tables = document.get(TABLE)
    if tables is None:
        tables = document[TABLE] = toml.table(is_super_table=True)
    for name in [name for name in tables if name not in remotes]:
        del tables[name]
    for name, remote in remotes.items():
        fields = _fields(remote)
        if name not in tables:
            tables[name] = toml.table()
        for key in [key for key in tables[name] if key in {"upstream", "checked"} - fields.keys()]:
            del tables[name][key]
        for key, value in fields.items():
            if tables[name].get(key) != value:
                tables[name][key] = value
    durable.replace_file(path, toml.dumps(document).encode())


def _fields(remote: Remote) -> dict[str, Any]:
    fields: dict[str, Any] = {"url": remote.url}
    if remote.upstream:
        fields["upstream"] = True
    if remote.probe is not None:
        fields["checked"] = remote.probe.record()
    return fields
