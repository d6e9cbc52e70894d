"""Whatever the rows, a table's file gives them back, in JSON and in Parquet."""

import datetime as dt
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from casstore.errors import Invalid
from casstore.tables import Table

TIMES = st.datetimes(  # a float holds their microseconds
    dt.datetime(1900, 1, 1),  # noqa: DTZ001 - hypothesis wants it so
    dt.datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(dt.UTC),
)
SCALARS = {
    "integers": st.integers(),
    "floats": st.floats(allow_nan=False),
    "text": st.text(),
    "truths": st.booleans(),
    "times": TIMES,
    "lists": st.lists(st.integers() | st.none(), max_size=4),
    "dicts": st.fixed_dictionaries({"a": st.integers(), "b": st.lists(st.text(), max_size=2)}),
}
MIXED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text().filter(lambda key: key != "_type"), inner, max_size=3)
    ),
    max_leaves=6,
)


class Nowhere:
    """A sink and source of tables that have no other files."""


def again(table):
    content = table.to_file(Nowhere())
    if table.storage == "parquet":
        return Table.from_parquet(content.read(), Nowhere())
    return Table.decode(json.loads(content.read()), Nowhere())


@given(st.data(), st.lists(st.sampled_from(sorted(SCALARS)), max_size=3), st.booleans())
@settings(max_examples=25)
def test_typed_columns_come_back(data, kinds, as_json):
    """Each column of one kind, with gaps."""
    row = st.tuples(*(SCALARS[kind] | st.none() for kind in kinds))
    table = Table(columns=list(range(len(kinds))), storage="json" if as_json else "parquet")
    for each in data.draw(st.lists(row, max_size=4)) if kinds else ():
        table.add_data(*each)
    found = again(table)
    assert found.data == table.data
    assert (found.columns, found.column_types) == (table.columns, table.column_types)


@given(st.lists(st.tuples(MIXED, MIXED), max_size=6), st.sampled_from(["json", "parquet"]))
@settings(max_examples=25)
def test_mixed_columns_come_back(rows, storage):
    """Any JSON value beside any other."""
    table = Table(columns=["a", "b"], data=rows, allow_mixed_types=True, storage=storage)
    assert again(table).data == [list(row) for row in rows]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(JSON, JSON, JSON)
def test_a_file_that_is_no_table_is_refused_or_read(columns, data, types):
    """Never another exception: whoever wrote the file, the message is one of ours."""
    plain = {"columns": columns, "data": data, "column_types": types}
    try:
        table = Table.decode(json.loads(json.dumps(plain)), Nowhere())
    except Invalid:
        return
    assert table.columns == columns
