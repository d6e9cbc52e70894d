"""Which rows fit a table: W&B's rules, and messages that name column and value."""

import datetime as dt
from pathlib import PurePath

import numpy as np
import pytest

from casstore.errors import Invalid, NotFound
from casstore.media import Html, Image
from casstore.tables import Table
from casstore.tables.types import ANY, NUMBER, STRING, TIMESTAMP, DictOf, ListOf, Plain, optional


def kind(table, name="x"):
    return dict(table.column_types.fields)[name]


def column(*values, **keywords):
    return Table(columns=["x"], data=[[value] for value in values], **keywords)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2.5, 10**30, np.float32(1), np.int8(2)], NUMBER),
        ([True, np.bool_(False)], Plain("boolean")),
        (["a", PurePath("b"), np.str_("c")], STRING),
        ([dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.date(2024, 1, 1)], TIMESTAMP),
        ([np.datetime64("2024-01-01")], TIMESTAMP),
        ([[1, 2], [3, 4]], ListOf(NUMBER, 2)),
        ([[1, 2], [3], []], ListOf(NUMBER)),
        ([(1,), [2]], ListOf(NUMBER, 1)),
        ([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], DictOf((("a", NUMBER), ("b", STRING)))),
        ([Html("<p>")], Plain("html-file")),
    ],
)
def test_types_come_from_the_values(values, expected):
    """None and NaN may stand anywhere unless a column is not optional."""
    assert kind(column(*values, None, float("nan"))) == optional(expected)
    assert kind(column(*values, optional=False)) == expected


def test_none_and_nan_have_no_place_where_nothing_may_be_missing():
    """``optional=False`` is kept for every kind of nothing."""
    for nothing in (None, float("nan"), np.float64("nan"), np.datetime64("NaT", "s")):
        with pytest.raises(TypeError, match="column 'x' holds number"):
            column(1, nothing, optional=False)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (1, "one"),
        (1, True),
        ("a", 1),
        (1, [1]),
        ([1], ["a"]),
        ({"a": 1}, {"a": "x"}),
        ({"a": 1}, {"b": 1}),
        (np.eye(2), np.eye(3)),
        (dt.date(2024, 1, 1), 5),
        (1, b"bytes"),
    ],
)
def test_a_value_of_another_type_is_refused_and_the_table_stays(first, second):
    """The message is one line that names the column, its type and the value."""
    table = Table(columns=["n", "x"], data=[[0, first]])
    before = table.column_types
    with pytest.raises(TypeError, match="column 'x' holds") as caught:
        table.add_data(1, second)
    assert "\n" not in str(caught.value)
    assert (table.nrows, table.column_types) == (1, before)
    table.add_data(2, first)


def test_a_row_is_taken_whole_or_not_at_all():
    """A good first cell does not widen its column when the second is refused."""
    table = Table(columns=["a", "b"], data=[[None, 1]])
    with pytest.raises(TypeError, match="column 'b'"):
        table.add_data("now text", "not a number")
    table.add_data(5, 2)
    assert kind(table, "a") == optional(NUMBER)


@pytest.mark.parametrize("row", [[], [1], [1, 2, 3]])
def test_a_row_of_another_width_is_refused(row):
    """It is a ``ValueError``, as in W&B."""
    table = Table(columns=["a", "b"])
    with pytest.raises(ValueError, match=f"a row has {len(row)} cells, and the table 2 columns"):
        table.add_data(*row)
    with pytest.raises(Invalid):
        Table(columns=["a", "b"], data=[[1, 2], row])


def test_mixed_types_are_taken_when_asked_for():
    """Every value is ``any``; None still may be missing."""
    table = column(1, "one", [1], None, True, allow_mixed_types=True)
    assert kind(table) == optional(ANY)
    assert table.get_column("x") == [1, "one", [1], None, True]


def test_none_may_stand_anywhere_in_a_list_or_dict():
    """Embeddings with a NaN in a later row are taken; W&B refuses them."""
    lists = column([1.5, 2], [float("nan"), None], [], optional=False)
    assert str(kind(lists)) == "list of none or number"
    dicts = column({"a": 1, "b": "x"}, {"a": None, "b": "y"}, optional=False)
    assert str(kind(dicts)) == "dict of a: none or number, b: string"
    with pytest.raises(TypeError, match="column 'x'"):
        column({"a": 1, "b": 2}, {"a": 1}, optional=False)


def test_lists_of_mixed_elements_are_unions():
    """W&B writes them as an invalid type, which it cannot read again."""
    assert str(kind(column([1, "a"], ["b", 2], optional=False))) == "list of number or string"


@pytest.mark.parametrize(
    ("dtype", "good", "bad"),
    [
        (int, 1.5, "a"),
        (str, "a", 1),
        (bool, True, 1),
        (dt.datetime, dt.datetime(2024, 1, 1, tzinfo=dt.UTC), 3),
        ([int], [1, 2], ["a"]),
        ([int, str], "either", True),
        ({"a": int}, {"a": 1}, {"a": "x"}),
        (Html, Html("<p>"), "a"),
        (Image, None, "a"),
        ("only this", "only this", "that"),
    ],
)
def test_a_dtype_is_held_to(dtype, good, bad):
    """Classes, lists, dicts, media and single values, for one column or for all."""
    table = Table(columns=["x"], data=[], dtype=[dtype])
    table.add_data(good)
    with pytest.raises(TypeError, match="column 'x'"):
        table.add_data(bad)


def test_a_column_can_be_cast():
    """Only if what is there fits; nothing changes otherwise."""
    table = column(1, 2)
    with pytest.raises(TypeError):
        table.cast("x", str)
    assert table.cast("x", int) == NUMBER
    with pytest.raises(TypeError, match="holds number"):
        table.add_data(None)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("ab", "list of names"),
        ([1.5], "text or an integer"),
        (["a", "a"], "two columns 'a'"),
        ([1, "1"], "two columns '1'"),
        ([True], "text or an integer"),
    ],
)
def test_columns_have_names_each_once(columns, message):
    """Integers are names too, as in W&B."""
    with pytest.raises(Invalid, match=message):
        Table(columns=columns)
    assert Table(columns=[0, "b"]).columns == [0, "b"]


@pytest.mark.parametrize("data", ["text", 5, {"a": 1}, [1, 2], ["ab"], [{"a": 1}]])
def test_data_is_a_list_of_rows(data):
    """Rows of one letter each are nobody's wish."""
    with pytest.raises(Invalid):
        Table(columns=["a", "b"], data=data)


def test_settings_that_do_not_exist_are_refused():
    """log_mode and storage have a few words each; dtype and optional one value a column."""
    for keywords in (
        {"log_mode": "x"},
        {"storage": "x"},
        {"dtype": [int]},
        {"optional": [True]},
    ):
        with pytest.raises(Invalid):
            Table(columns=["a", "b"], **keywords)
    with pytest.raises(NotFound, match="no column 'z'"):
        Table(columns=["a"]).get_column("z")
