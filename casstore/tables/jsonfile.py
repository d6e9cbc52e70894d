r"""``.table.json``: W&B's file of a table, written row by row and read whole.

Knows: ``_type``, ``columns``, ``column_types``, ``data``, ``ncols``, ``nrows``, ``log_mode``; where
columns of arrays lie.  Never: the class that users see.
Text is ASCII with ``\u`` escapes, so that any reader's locale will do; floats may be ``Infinity``,
as Python and W&B write them.
"""

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from casstore.errors import Invalid
from casstore.media import Content, LocalFile, Sink, Source, made_file
from casstore.media.arrays import is_array, load_npz, numpy_for, save_npz
from casstore.tables.cells import Encoder, decoder_of
from casstore.tables.columns import Columns
from casstore.tables.typejson import Place, array_places, json_of_type, type_of_json
from casstore.tables.types import (
    UNKNOWN,
    ArrayOf,
    ColumnType,
    DictOf,
    members,
    optional,
    union,
)
from casstore.tables.valuetypes import type_of

__all__ = ["Encoded", "encode_rows", "json_of_table", "parse_json", "read_rows", "write_json"]

MAX_INLINE_NUMBERS = 150
"""One-dimensional arrays up to this length are lists in JSON, others an ``.npz`` (W&B)."""

ARRAYS_FOLDER = "media/serialized_data"
INCREMENTAL = "INCREMENTAL"


class Encoded(NamedTuple):
    """A table as JSON: the schema, and the rows as they are asked for."""

    columns: Sequence[Any]
    column_types: dict[str, Any]
    rows: Iterable[list[Any]]
    nrows: int


def encode_rows(columns: Columns, rows: Sequence[list[Any]], sink: Sink) -> Encoded:
    """Return a table as JSON; files of its cells go to ``sink`` as the rows are read."""
    kinds = list(columns.kinds)
    places: dict[int, Place] = {}
    for index, kind in enumerate(kinds):
        shape = next((each.shape for each in members(kind) if isinstance(each, ArrayOf)), None)
        if shape is not None:
            values = [row[index] for row in rows]
            if len(shape) == 1 and shape[0] <= MAX_INLINE_NUMBERS:
                kinds[index] = _as_lists(kind, values)
            elif all(map(is_array, values)):
                places[index] = _arrays_file(values, index, sink)

    def add_table(table: Any) -> str:
        return sink.add(table, "media/tables/t_", hashed=True)

    type_map = {
        str(name): json_of_type(kind, add_table, places.get(index))
        for index, (name, kind) in enumerate(zip(columns.names, kinds, strict=True))
    }
    schema = {"wb_type": "typedDict", "params": {"type_map": type_map}}
    return Encoded(columns.names, schema, _encoded(columns, rows, sink, places), len(rows))


def _encoded(
    columns: Columns, rows: Sequence[list[Any]], sink: Sink, places: Mapping[int, Place]
) -> Iterator[list[Any]]:
    encoders = [
        Encoder(kind, sink, str(name))
        for kind, name in zip(columns.kinds, columns.names, strict=True)
    ]
    for number, row in enumerate(rows):
        if len(row) != len(columns.names):  # ``data`` is a plain list that scripts may change
            raise Invalid(
                f"row {number} has {len(row)} cells, and the table {len(columns.names)} columns"
            )
        yield [
            None if index in places else encoders[index].encode(value, number)
            for index, value in enumerate(row)
        ]


def _as_lists(kind: ColumnType, values: Iterable[Any]) -> ColumnType:
    """Return the type of short arrays that become lists (W&B: embeddings)."""
    lists: ColumnType = UNKNOWN
    for value in values:
        if value is not None:
            found = type_of(value.tolist() if is_array(value) else value)
            wider = lists.widen(found)
            lists = union(lists, found) if wider is None else wider
    others = [each for each in members(kind) if not isinstance(each, ArrayOf)]
    return union(lists, *others)


def _arrays_file(values: list[Any], index: int, sink: Sink) -> Place:
    if values[0].dtype.kind not in "biuf":
        raise TypeError(f"arrays of {values[0].dtype} cannot be kept in a table's file")
    key = f"column_{index}"
    target = io.BytesIO()
    save_npz(target, key, values)
    content = made_file(target.getvalue(), ".npz")
    path = content.place(ARRAYS_FOLDER)
    sink.put(path, content)
    return {"path": path, "key": key}


def json_of_table(encoded: Encoded, log_mode: str | None) -> dict[str, Any]:
    """Return W&B's JSON of a table, whole: a table inside another's cell."""
    return {**_head(encoded), "data": list(encoded.rows), **_tail(encoded, log_mode)}


def _head(encoded: Encoded) -> dict[str, Any]:
    return {
        "_type": "table",
        "column_types": encoded.column_types,
        "columns": list(encoded.columns),
    }


def _tail(encoded: Encoded, log_mode: str | None) -> dict[str, Any]:
    # W&B would look for the other increments beside the file; each of ours holds all rows
    mode = "MUTABLE" if log_mode == INCREMENTAL else log_mode
    return {"log_mode": mode, "ncols": len(encoded.columns), "nrows": encoded.nrows}


def write_json(encoded: Encoded, log_mode: str | None) -> LocalFile:
    """Write the file, one line a row."""

    def pieces() -> Iterator[bytes]:
        yield json.dumps(_head(encoded))[:-1].encode() + b', "data": [\n'
        for number, row in enumerate(encoded.rows):
            yield (b",\n" if number else b"") + json.dumps(row).encode()
        yield b"\n], " + json.dumps(_tail(encoded, log_mode))[1:].encode()

    return made_file(pieces(), ".table.json")


def parse_json(content: Content, where: str) -> dict[str, Any]:
    """Return the JSON object of a typed file; ``Invalid`` naming ``where`` if it is none."""
    try:
        plain = json.loads(content.read())
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{where} is not JSON: {error}") from error
    if not isinstance(plain, dict):
        raise Invalid(f"{where} is no JSON object")
    return plain


def read_rows(plain: Mapping[str, Any], source: Source) -> tuple[Columns, list[list[Any]]]:
    """Return the columns and rows that W&B's JSON describes.

    Raises ``Invalid`` for rows that are not as wide as the table, and what is not as W&B writes it.
    """
    names, rows = plain.get("columns"), plain.get("data", [])
    if not isinstance(names, list) or not isinstance(rows, list):
        raise Invalid("a table's file has lists of columns and data")
    if plain.get("log_mode") == INCREMENTAL and plain.get("increment_num") is not None:
        rows = _increments(source)
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(names):
            raise Invalid(f"row {number} of a table's file is no list of {len(names)} cells")
    schema = plain.get("column_types")
    columns = Columns(names)
    if schema is None:
        for row in rows:
            columns.fit(row)
        return columns, rows
    kinds = type_of_json(schema, source)
    known = dict(kinds.fields) if isinstance(kinds, DictOf) else {}
    for index, name in enumerate(names):
        columns.set(index, known.get(str(name), optional(UNKNOWN)))
    _decode(columns, rows, source)
    _fill_arrays(columns, rows, array_places(schema), source)
    return columns, rows


def _decode(columns: Columns, rows: list[list[Any]], source: Source) -> None:
    for index, kind in enumerate(columns.kinds):
        decode = decoder_of(kind, source)
        if decode is not None:
            for row in rows:
                row[index] = decode(row[index])


def _fill_arrays(
    columns: Columns, rows: list[list[Any]], places: Mapping[str, Place], source: Source
) -> None:
    for index, (name, kind) in enumerate(zip(columns.names, columns.kinds, strict=True)):
        if not any(isinstance(each, ArrayOf) for each in members(kind)):
            continue
        place = places.get(str(name))
        if place is not None:
            stacked = load_npz(io.BytesIO(source.content(place["path"]).read()), place["key"])
            if len(stacked) != len(rows):
                raise Invalid(f"column {name!r} has {len(stacked)} arrays for {len(rows)} rows")
            for row, array in zip(rows, stacked, strict=True):
                row[index] = array
        else:
            asarray = numpy_for("a column of arrays").asarray
            for row in rows:
                row[index] = row[index] if row[index] is None else asarray(row[index])


def _increments(source: Source) -> list[list[Any]]:
    """Return the rows of every increment beside a table that W&B logged bit by bit."""

    def order(path: str) -> tuple[int, int]:
        number, _, stamp = path.partition(".")[0].partition("-")
        return (int(number) if number.isdecimal() else 0, int(stamp) if stamp.isdecimal() else 0)

    paths = sorted((path for path in source.paths("") if path.endswith(".table.json")), key=order)
    return [row for path in paths for row in parse_json(source.content(path), path)["data"]]
