"""Tables made of tables: parts of a folder, and two that are joined."""

import pytest

from casstore.errors import Invalid, NotFound, UsageError
from casstore.tables import JoinedTable, PartitionedTable, Table


def test_parts_are_one_table_in_the_order_of_their_paths(shelf):
    """JSON and Parquet side by side; other files in the folder are no parts."""
    for name, storage in (("b", "parquet"), ("a", "json"), ("c", "json")):
        shelf.add(Table(columns=["n", "s"], data=[[1, name]], storage=storage), f"parts/{name}")
    shelf.files["parts/readme.txt"] = None
    whole = shelf.again(PartitionedTable("parts/"))
    assert list(whole.iterrows()) == [(0, [1, "a"]), (1, [1, "b"]), (2, [1, "c"])]
    assert (whole.columns, whole.get_column("s")) == (["n", "s"], ["a", "b", "c"])
    assert list(whole.get_dataframe()["s"]) == ["a", "b", "c"]
    with pytest.raises(NotFound, match="no column 'z'"):
        whole.get_column("z")


def test_parts_with_other_columns_are_refused_and_named(shelf):
    """Both parts and both lists of columns."""
    shelf.add(Table(columns=["a", "b"], data=[[1, 2]]), "parts/one")
    shelf.add(Table(columns=["b", "a"], data=[[1, 2]]), "parts/two")
    whole = shelf.again(PartitionedTable("parts"))
    with pytest.raises(Invalid, match=r"parts/two.*\['b', 'a'\].*parts/one.*\['a', 'b'\]"):
        list(whole.iterrows())


def test_a_folder_without_parts_is_an_empty_table(shelf):
    """And one that was not read from an artifact says so."""
    whole = shelf.again(PartitionedTable("parts"))
    assert (list(whole.iterrows()), whole.columns) == ([], [])
    with pytest.raises(UsageError, match="log the artifact"):
        list(PartitionedTable("parts").iterrows())
    for path in ("", "/", None):
        with pytest.raises(Invalid, match="parts_path"):
            PartitionedTable(path)


def test_joined_rows_meet_by_key(shelf):
    """Every pair; rows without a partner come with None; a lookup gives the rows of one key."""
    left = Table(columns=["k", "a"], data=[["x", 1], ["y", 2], ["y", 3]])
    right = Table(columns=["key", "b"], data=[["y", 4], ["z", 5]])
    joined = shelf.again(JoinedTable(left, right, ["k", "key"]))
    assert [row for _, row in joined.iterrows()] == [
        [{"k": "x", "a": 1}, None],
        [{"k": "y", "a": 2}, {"key": "y", "b": 4}],
        [{"k": "y", "a": 3}, {"key": "y", "b": 4}],
        [None, {"key": "z", "b": 5}],
    ]
    assert joined.lookup("z") == ([], [{"key": "z", "b": 5}])
    assert joined == JoinedTable(left, right, ["k", "key"])


def test_joined_tables_may_be_paths_in_the_artifact(shelf):
    """A path has to be there when the file is written."""
    table = Table(columns=["k"], data=[["x"]])
    path = shelf.add(table, "left")
    assert shelf.again(JoinedTable(path, table, "k")).table1 == table
    with pytest.raises(Invalid, match=r"holds no table 'gone.table.json'"):
        shelf.add(JoinedTable("gone.table.json", table, "k"), "j")
    with pytest.raises(UsageError, match="is a path here"):
        list(JoinedTable(path, table, "k").iterrows())
    with pytest.raises(Invalid, match="no column 'q' to join on"):
        list(JoinedTable(table, table, "q").iterrows())


@pytest.mark.parametrize("other", ["x.txt", 5])
def test_only_tables_are_joined(other):
    """As W&B says."""
    table = Table(columns=["k"])
    with pytest.raises(Invalid, match="no table"):
        JoinedTable(other, table, "k")
    with pytest.raises(Invalid, match="join_key"):
        JoinedTable(table, table, ["a", "b", "c"])
