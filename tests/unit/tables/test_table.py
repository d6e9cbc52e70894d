"""W&B's methods of a table, and what goes in and out."""

import datetime as dt
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from casstore.errors import Invalid, NotFound, Unsupported
from casstore.media import Html
from casstore.tables import Table
from casstore.tables.types import NUMBER, optional

NOON = dt.datetime(2024, 1, 2, 12, 0, 0, 5, tzinfo=dt.UTC)


@pytest.fixture
def table():
    """Give two rows of two columns."""
    return Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])


def test_columns_rows_and_indexes_are_read_as_in_wandb(table):
    """``iterrows``, ``get_column``, ``get_index``, ``index_ref`` and their rows."""
    assert [(index, row) for index, row in table.iterrows()] == [(0, [1, "x"]), (1, [2, "y"])]
    assert table.get_column("b") == ["x", "y"]
    assert table.get_column("a", convert_to="numpy").sum() == 3
    assert table.get_index() == [0, 1]
    assert table.index_ref(1).get_row() == {"a": 2, "b": "y"}
    assert (table.nrows, table.ncols, table.data[0]) == (2, 2, [1, "x"])
    with pytest.raises(NotFound):
        table.index_ref(2)


def test_rows_and_columns_are_added_as_in_wandb(table):
    """A column fits the rows; the first column of a table makes them."""
    table.add_row(3, "z")
    table.add_column("c", [1.5, 2.5, 3.5])
    table.add_column("d", np.array([7, 8, 9]))
    table.add_computed_columns(lambda number, row: {"e": row["a"] + number, "f": row["b"] * 2})
    assert table.columns == ["a", "b", "c", "d", "e", "f"]
    assert table.data[2] == [3, "z", 3.5, 9, 5, "zz"]
    fresh = Table(columns=[])
    fresh.add_column("only", [1, 2])
    assert fresh.data == [[1], [2]]


def test_a_column_that_does_not_fit_changes_nothing(table):
    """Length, type and name are looked at before anything is added."""
    for name, data in (("c", [1]), ("c", [1, "a"]), ("a", [1, 2]), ("c", "ab"), ("c", [1, None])):
        with pytest.raises((Invalid, TypeError)):
            table.add_column(name, data)
    with pytest.raises(Invalid, match="the same keys"):
        table.add_computed_columns(lambda number, _: {f"c{number}": 1})
    assert (table.columns, table.data) == (["a", "b"], [[1, "x"], [2, "y"]])


def test_the_default_columns_are_wandbs():
    """Input, Output, Expected; ``rows`` is the older name of ``data``."""
    assert Table(rows=[["i", "o", "e"]]).columns == ["Input", "Output", "Expected"]


def test_links_between_tables_come_back(table, shelf):
    """Keys and rows of another table, after writing and reading."""
    table.set_pk("b")
    other = Table(columns=["key", "row"], data=[["y", table.index_ref(0)]])
    other.set_fk("key", table, "b")
    again = shelf.again(other)
    key, row = again.data[0]
    assert (key, row, key.column) == ("y", 0, "b")
    assert row.get_row() == {"a": 1, "b": "x"}
    assert shelf.again(table).data[0][1].table.columns == ["a", "b"]


def test_a_table_cannot_link_to_itself_or_have_two_keys(table):
    """Both are refused when they are asked for, and a key is text."""
    with pytest.raises(TypeError):
        table.set_pk("a")
    table.set_pk("b")
    with pytest.raises(Invalid, match="primary key"):
        table.set_pk("b")
    with pytest.raises(Invalid, match="its own table"):
        table.set_fk("b", table, "b")


def test_data_frames_of_pandas_go_in_and_out():
    """NA and NaT become None, times stay times, NaN stays NaN, the index is left out."""
    frame = pd.DataFrame(
        {
            "n": pd.array([1, None], dtype="Int64"),
            "f": [0.5, float("nan")],
            "s": ["a", None],
            "t": pd.to_datetime(["2024-01-02T12:00:00.000005Z", None]),
        },
        index=[7, 8],
    )
    for table in (Table(dataframe=frame), Table(data=frame, columns=["ignored"])):
        assert table.columns == ["n", "f", "s", "t"]
        assert table.data[0] == [1, 0.5, "a", NOON]
        assert table.data[1][0] is None
        assert table.data[1][3] is None
        assert table.storage == "json"
        assert list(table.get_dataframe()["s"])[:1] == ["a"]
    assert Table(dataframe=pd.DataFrame()).columns == []
    with pytest.raises(Invalid, match="two columns"):
        Table(dataframe=pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_data_frames_of_polars_go_in_and_out():
    """Values are Python's; mixed columns are refused on the way out."""
    frame = pl.DataFrame({"a": [1, None], "b": ["x", "y"], "t": [NOON, None], "l": [[1], [2, 3]]})
    table = Table(dataframe=frame)
    assert table.data == [[1, "x", NOON, [1]], [None, "y", None, [2, 3]]]
    assert table.to_polars().to_dict(as_series=False) == frame.to_dict(as_series=False)
    with pytest.raises(Invalid, match="column 'x'"):
        Table(columns=["x"], data=[[1], ["a"]], allow_mixed_types=True).to_polars()


def test_arrow_goes_in_and_out_and_is_not_turned_into_rows():
    """Rows are made when they are asked for; only then can they be changed."""
    arrow = pa.table({"a": [1, 2], "t": [NOON, None], "s": [{"k": 1}, {"k": 2}]})
    for given in (arrow, arrow.to_batches()[0]):
        table = Table(data=given)
        assert table.storage == "parquet"
        assert table.to_arrow().equals(arrow)
        assert [row for _, row in table.iterrows()] == [[1, NOON, {"k": 1}], [2, None, {"k": 2}]]
        assert dict(table.column_types.fields)["a"] == optional(NUMBER)
        assert list(table.get_dataframe()["a"]) == [1, 2]
        assert table._rows is None
        table.add_data(3, None, {"k": 3})
        assert table.nrows == 3
    assert Table(data=arrow, columns=["x", "y", "z"]).get_column("x") == [1, 2]
    with pytest.raises(Invalid, match="Arrow cannot hold the columns"):
        Table(columns=["h"], data=[[Html("<p>")]]).to_arrow()


def test_arrays_go_in_and_out():
    """Rows of a two-dimensional array."""
    table = Table(columns=["a", "b"], data=np.array([[1.5, 2], [3, 4]]))
    assert table.get_column("b", convert_to="numpy").tolist() == [2, 4]
    assert dict(table.column_types.fields)["a"] == optional(NUMBER)


@pytest.mark.parametrize(
    ("module", "call"),
    [
        ("pandas", lambda table: table.get_dataframe()),
        ("polars", lambda table: table.to_polars()),
        ("pyarrow", lambda table: table.to_arrow()),
        ("numpy", lambda table: table.get_column("a", convert_to="numpy")),
    ],
)
def test_what_is_not_installed_is_named(table, monkeypatch, module, call):
    """One line says what to install; the rest of the table works."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(Unsupported, match="pip install"):
        call(table)
    assert table.get_column("a") == [1, 2]


def test_tables_are_equal_by_what_they_hold(table):
    """Columns, types and rows; arrays by their elements."""
    assert table == Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])
    assert table != Table(columns=["a", "b"], data=[[1, "x"]])
    assert table != Table(columns=["a", "c"], data=[[1, "x"], [2, "y"]])
    arrays = [Table(columns=["m"], data=[[np.eye(2)]]) for _ in range(2)]
    assert arrays[0] == arrays[1]
    assert arrays[0] != Table(columns=["m"], data=[[np.zeros((2, 2))]])
