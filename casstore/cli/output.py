"""What is printed on standard output: lines for people, JSON for programs.

Knows: sizes, times, tables, escapes.  Never: stores, where values come from.
"""

import base64
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import click

from casstore.names import display_path, one_line

__all__ = [
    "SCHEMA",
    "count_text",
    "one_line",
    "path_fields",
    "path_text",
    "print_json",
    "print_json_list",
    "print_json_lists",
    "print_line",
    "print_table",
    "size_text",
    "time_json",
    "time_text",
    "typed_path",
]

SCHEMA = 1
LINES_AT_ONCE = 500
UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def print_line(text: str = "") -> None:
    """Print one line."""
    click.echo(text)


def print_json(**fields: Any) -> None:
    """Print one JSON object, ``schema`` first."""
    click.echo(json.dumps({"schema": SCHEMA, **fields}))


def print_json_list(key: str, items: Iterable[Any], **fields: Any) -> None:
    """Print a JSON object whose ``key`` is a list, one line an item, however long it is."""
    print_json_lists({key: map(json.JSONEncoder().encode, items)}, **fields)


def print_json_lists(lists: Mapping[str, Iterable[str]], **fields: Any) -> None:
    """Print a JSON object that ends in lists of items that are JSON already, one line an item."""
    click.echo(json.dumps({"schema": SCHEMA, **fields})[:-1], nl=False)
    for key, items in lists.items():
        click.echo(f", {json.dumps(key)}: [", nl=False)
        separator, rest = "\n", iter(items)
        while lines := list(islice(rest, LINES_AT_ONCE)):
            click.echo(separator + ",\n".join(lines), nl=False)
            separator = ",\n"
        click.echo("\n]", nl=False)
    click.echo("}")


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print columns under titles; columns of sizes and counts, told by ``>``, are set right."""
    right = [title.startswith(">") for title in titles]
    names = [title.removeprefix(">") for title in titles]
    lines = [names, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    aligned = "  ".join(
        f"%{'' if to_right else '-'}{width}s" for width, to_right in zip(widths, right, strict=True)
    )
    click.echo("\n".join([(aligned % tuple(line)).rstrip() for line in lines]))


def size_text(size_bytes: int) -> str:
    """Return a size in decimal units: ``999 B``, ``1.5 kB``, ``190 MB``."""
    value = float(size_bytes)
    for unit in UNITS:
        if value < 999.5 or unit == UNITS[-1]:
            break
        value /= 1000
    if unit == "B" or value >= 99.95:
        return f"{value:.0f} {unit}"
    return f"{value:.1f} {unit}"


def count_text(count: int, noun: str) -> str:
    """Return ``1 file``, ``2 files``, ``12,345 files``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def time_text(time_us: int) -> str:
    """Return a time of the journal as the clock on the wall shows it here."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time_us / 1e6))


def time_json(time_us: int) -> str:
    """Return a time of the journal (microseconds) as RFC 3339, UTC."""
    seconds, fraction = divmod(time_us, 1_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).isoformat()  # a third of the time of strftime
    return f"{moment.removesuffix('+00:00')}.{fraction:06d}Z"


def path_text(path: bytes) -> str:
    """Return a path for people; bytes that are not UTF-8 and control characters are escaped."""
    return one_line(display_path(path))


def path_fields(path: bytes) -> dict[str, str]:
    """Return the JSON fields of a path: as text, and exactly where text cannot hold it."""
    try:
        return {"path": path.decode("utf-8")}
    except UnicodeDecodeError:
        return {"path": display_path(path), "path_b64": _base64(path)}


def typed_path(text: str) -> bytes:
    """Return the path in a version that somebody typed; a leading ``./`` is dropped."""
    return os.fsencode(text.removeprefix("./"))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
