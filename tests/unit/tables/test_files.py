"""A table's file: every kind of value goes in and comes back, in JSON and in Parquet."""

import datetime as dt
import decimal
import enum
import json
import math
from pathlib import PurePath

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from casstore.errors import Invalid
from casstore.media import Histogram, Html, Image, made_file
from casstore.tables import Table

BOTH = pytest.mark.parametrize("storage", ["json", "parquet"])
TIME = dt.datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC)
OTHER_ZONE = dt.timezone(dt.timedelta(hours=5, minutes=30))


class Colour(enum.Enum):
    """No text or number of its own."""

    RED = object()


def column(*values, storage="json", **keywords):
    return Table(columns=["x"], data=[[value] for value in values], storage=storage, **keywords)


@BOTH
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, None, 2**53 + 1, -5], [1, None, 2**53 + 1, -5]),
        ([2**63, 10**40], [2**63, 10**40]),
        ([0.1, math.inf, -math.inf], [0.1, math.inf, -math.inf]),
        (["", "h\u00e9\U0001f600", "\0\u2028", None], ["", "h\u00e9\U0001f600", "\0\u2028", None]),
        ([True, False], [True, False]),
        ([[1, [2, 3]], []], [[1, [2, 3]], []]),
        ([{"a": [1, None]}, {"a": []}], [{"a": [1, None]}, {"a": []}]),
        ([TIME, TIME.astimezone(OTHER_ZONE)], [TIME, TIME]),
        ([np.int64(7), np.float32(0.5)], [7, 0.5]),
        ([None, None], [None, None]),
        ([], []),
    ],
)
def test_values_come_back_as_they_were(shelf, storage, values, expected):
    """Integers of any size, infinity, any text, lists and dicts, times to the microsecond."""
    assert shelf.again(column(*values, storage=storage)).get_column("x") == expected


@BOTH
def test_a_table_of_mixed_types_comes_back(shelf, storage):
    """Arrow has no column of mixed types: there it is JSON text."""
    values = [1, "one", [1, "a"], None, {"a": TIME.isoformat()}, True, 0.5]
    table = shelf.again(column(*values, storage=storage, allow_mixed_types=True))
    assert table.get_column("x") == values
    assert table == column(*values, allow_mixed_types=True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        ([1.0, float("nan")], [1.0, None]),
        (dt.datetime(2024, 1, 2, 3, 4, 5), dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC)),  # noqa: DTZ001 - on purpose
        (dt.date(2024, 1, 2), dt.datetime(2024, 1, 2, tzinfo=dt.UTC)),
        (dt.datetime(1, 1, 1, tzinfo=dt.UTC), dt.datetime(1, 1, 1, tzinfo=dt.UTC)),
        (TIME.replace(year=9000), TIME.replace(year=9000, microsecond=678000)),
        (np.datetime64("2024-01-02T03:04:05.678901234"), TIME),
        ([TIME], [TIME]),
        ({"at": TIME}, {"at": TIME}),
        ((1, 2), [1, 2]),
        ({3, 1}, [1, 3]),
        (decimal.Decimal("0.5"), 0.5),
        (PurePath("a/b"), "a/b"),
        (Colour.RED, "RED"),
        (np.array([1, 2]), [1, 2]),
        (np.str_("text"), "text"),
    ],
)
def test_what_json_has_no_word_for_becomes_the_nearest(shelf, value, expected):
    """As in W&B: NaN is nothing, a time without a zone is UTC, a date its midnight."""
    assert shelf.again(column(value)).get_column("x") == [expected]


@pytest.mark.parametrize(
    "value",
    [
        b"bytes",
        dt.timedelta(1),
        1j,
        np.complex64(1),
        np.timedelta64(1, "s"),
        object(),
        {1: "a"},
        [object()],
        np.array([object()]),
    ],
)
def test_what_cannot_come_back_is_refused_when_the_file_is_written(shelf, value):
    """W&B writes some of these and cannot read them; here row, column and class are named."""
    table = Table(columns=["a", "x"], data=[[1, "fine"]], allow_mixed_types=True)
    table.add_data(2, value)
    with pytest.raises(TypeError, match="row 1, column 'x'"):
        table.to_file(shelf)


def test_dicts_that_look_like_media_and_endless_numbers_are_refused(shelf):
    """They would come back as something else, or not at all."""
    for value, message in (({"_type": "image-file"}, "_type"), (10**5000, "bits")):
        with pytest.raises(Invalid, match=message):
            column(value).to_file(shelf)
    deep = []
    for _ in range(200):
        deep = [deep]
    with pytest.raises(Invalid, match="nested deeper"):
        column(deep, allow_mixed_types=True).to_file(shelf)


@BOTH
def test_arrays_come_back(shelf, storage):
    """Matrices lie in a file of their own beside the JSON; embeddings are lists (W&B)."""
    table = Table(columns=["m", "e"], storage=storage)
    for number in range(3):
        table.add_data(np.eye(2) * number, np.arange(4) + 0.5)
    again = shelf.again(table)
    assert np.array_equal(np.array(again.get_column("m")), np.array(table.get_column("m")))
    assert again.get_column("e") == [[0.5, 1.5, 2.5, 3.5]] * 3


def test_arrays_with_gaps_come_back_as_arrays(shelf):
    """They stay in the JSON, and long ones are arrays again."""
    again = shelf.again(column(np.arange(200), None))
    assert again.data[0][0].tolist() == list(range(200))
    assert again.data[1][0] is None


@BOTH
def test_media_and_tables_in_cells_come_back(shelf, storage):
    """Their files are named in the cells."""
    page, chart = Html("<p>one</p>"), Histogram(np_histogram=([1, 2], [0, 1, 2]))
    inner = Table(columns=["a"], data=[[1]])
    table = Table(columns=["page", "chart", "inner"], storage=storage)
    table.add_data(page, chart, inner)
    table.add_data(None, None, None)
    assert shelf.again(table).data == [[page, chart, inner], [None, None, None]]
    image = Image(np.zeros((2, 2)))
    with pytest.raises(TypeError):
        column([image], [page])
    assert shelf.again(column([image, image], [], [image, None], storage=storage)).data == [
        [[image, image]],
        [[]],
        [[image, None]],
    ]


@BOTH
def test_columns_with_numbers_for_names_come_back(shelf, storage):
    """Also a table without rows, and one without columns."""
    assert shelf.again(Table(columns=[0, "b"], data=[[1, 2]], storage=storage)).columns == [0, "b"]
    assert shelf.again(Table(columns=["a"], storage=storage)).columns == ["a"]
    assert shelf.again(Table(columns=[], storage=storage)).columns == []


def test_the_json_is_wandbs(shelf):
    """Keys, types and numbers of rows and columns; one row a line; only ASCII."""
    text = column(1, None).to_file(shelf).read().decode("ascii")
    assert json.loads(text) == {
        "_type": "table",
        "columns": ["x"],
        "column_types": {
            "wb_type": "typedDict",
            "params": {
                "type_map": {
                    "x": {
                        "wb_type": "union",
                        "params": {"allowed_types": [{"wb_type": "none"}, {"wb_type": "number"}]},
                    }
                }
            },
        },
        "data": [[1], [None]],
        "ncols": 1,
        "nrows": 2,
        "log_mode": "IMMUTABLE",
    }
    assert text.count("\n") == 3


def test_equal_tables_are_equal_files(shelf):
    """So that the same table logged twice is the same version."""
    for storage in ("json", "parquet"):
        files = [
            Table(columns=["m"], data=[[np.eye(2)]], storage=storage).to_file(shelf).sha256
            for _ in range(2)
        ]
        assert files[0] == files[1]


def test_json_holds_so_many_rows_and_the_option_is_named(shelf, monkeypatch):
    """W&B cuts the rest off; the limit may be raised as in W&B, and Parquet has none."""
    monkeypatch.setattr(Table, "MAX_ARTIFACT_ROWS", 2)
    rows = [[number] for number in range(3)]
    with pytest.raises(ValueError, match=r"3 rows.*at most 2.*storage='parquet'"):
        Table(columns=["a"], data=rows).to_file(shelf)
    assert shelf.again(Table(columns=["a"], data=rows, storage="parquet")).nrows == 3
    monkeypatch.setattr(Table, "MAX_ARTIFACT_ROWS", 3)
    assert shelf.again(Table(columns=["a"], data=rows)).nrows == 3


def test_the_limit_is_wandbs():
    """200,000 rows."""
    assert Table.MAX_ARTIFACT_ROWS == 200_000


def test_any_parquet_file_is_a_table(shelf, tmp_path):
    """One that somebody else wrote has Arrow's types and no more."""
    pq.write_table(
        pa.table({"a": [1, 2], "d": [dt.date(2024, 1, 2), None]}), tmp_path / "t.parquet"
    )
    shelf.files["t.table.parquet"] = made_file((tmp_path / "t.parquet").read_bytes(), ".parquet")
    assert shelf.get("t.table.parquet").data == [[1, dt.date(2024, 1, 2)], [2, None]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": [[1], [1, 2]]}, "row 1 .* no list of 1 cells"),
        ({"data": [5]}, "row 0"),
        ({"data": 5}, "lists of columns and data"),
        ({"columns": None}, "lists of columns and data"),
        ({"columns": ["a", "a"], "data": []}, "two columns"),
        ({"column_types": 5}, "no column type"),
        ({"column_types": {"wb_type": "union"}}, "'union' is not as W&B writes it"),
    ],
)
def test_a_file_that_is_no_table_is_one_clear_line(shelf, change, message):
    """Whoever wrote it."""
    plain = {"_type": "table", "columns": ["x"], "data": [[1]], **change}
    with pytest.raises(Invalid, match=message):
        Table.decode(plain, shelf)


def test_a_file_of_an_older_wandb_is_read(shelf):
    """Without column types they come from the values; older names of types are known."""
    assert Table.decode({"columns": ["x"], "data": [[1], [None]]}, shelf).nrows == 2
    types = {
        "wb_type": "dictionary",
        "params": {"type_map": {"x": {"wb_type": "of-tomorrow", "params": {"z": 1}}}},
    }
    table = Table.decode({"columns": ["x"], "data": [[1]], "column_types": types}, shelf)
    assert table.data == [[1]]
    again = json.loads(table.to_file(shelf).read())
    assert again["column_types"]["params"]["type_map"]["x"]["wb_type"] == "of-tomorrow"


def test_increments_of_wandb_are_read_together(shelf):
    """Each file beside holds the rows since the last; their names hold the order."""
    for number in (10, 2):
        plain = {"columns": ["x"], "data": [[number]], "log_mode": "INCREMENTAL"}
        content = made_file(json.dumps({**plain, "increment_num": number}).encode(), ".json")
        shelf.files[f"{number}-1700.key.table.json"] = content
    table = shelf.decode({"_type": "table", **plain, "increment_num": 10})
    assert table.data == [[2], [10]]
    assert json.loads(table.to_file(shelf).read())["log_mode"] == "MUTABLE"


@pytest.mark.parametrize(
    "values",
    [
        [{"a": 1}, {"b": 2}],
        [b"bytes", None],
        [dt.timedelta(seconds=1), None],
        [float("nan"), 1.0, None],
    ],
)
def test_parquet_gives_back_exactly_what_it_was_given_or_refuses(shelf, values):
    """No keys that were not there, no text of bytes, no times cut to dates; NaN stays NaN."""
    table = column(*values, storage="parquet", allow_mixed_types=True)
    assert repr(shelf.again(table).get_column("x")) == repr(values)


@BOTH
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([dt.date(2024, 1, 2), TIME, 1], "row 0, column 'x' is a time in a column of mixed types"),
        ([[1, TIME]], "is a time in a column of mixed types"),
        ([{"a": TIME}, {"a": 1}], "is a time in a column of mixed types"),
    ],
)
def test_times_among_numbers_are_refused(shelf, storage, values, message):
    """W&B gives them back as numbers."""
    with pytest.raises(Invalid, match=message):
        column(*values, storage=storage, allow_mixed_types=True).to_file(shelf)


def test_text_beside_bytes_is_refused_in_parquet_too(shelf):
    """Arrow alone would make bytes of both."""
    with pytest.raises(TypeError, match="row 1, column 'x' is a builtins"):
        column("text", b"b", storage="parquet", allow_mixed_types=True).to_file(shelf)


def test_links_come_back_from_parquet(shelf):
    """Keys are text and indexes numbers there, and know their table again."""
    keyed = Table(columns=["k"], data=[["a"]], storage="parquet")
    keyed.set_pk("k")
    linked = Table(columns=["k", "row"], data=[["a", keyed.index_ref(0)]], storage="parquet")
    linked.set_fk("k", keyed, "k")
    key, row = shelf.again(linked).data[0]
    assert (key.column, row.get_row()) == ("k", {"k": "a"})
