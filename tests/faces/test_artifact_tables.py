"""Tables and media in artifacts: added, logged, given back, taken on."""

import json
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import casstore
from casstore.errors import ArtifactFinalizedError, ArtifactNotLoggedError, Invalid

RED = np.zeros((3, 4, 3), dtype="uint8")
RED[..., 0] = 255


def logged(*things, name="data"):
    """Log an artifact with objects under their names; returns it as somebody else finds it."""
    artifact = casstore.Artifact(name, type="dataset")
    for thing, inside in things:
        artifact.add(thing, inside)
    artifact.save()
    artifact.wait()
    return casstore.Api().artifact(f"{name}:latest")


def paths(artifact):
    return list(artifact.manifest.entries)


def test_a_table_is_logged_and_given_back(desk):
    """By ``add`` or ``[]``; under the name with or without its suffix."""
    table = casstore.Table(columns=["a", "b"], data=[[1, "x"]])
    artifact = casstore.Artifact("scores", type="dataset")
    entry = artifact.add(table, "one")
    artifact["two"] = table
    assert entry.path == "one.table.json"
    artifact.save()
    found = casstore.Api().artifact("scores:latest")
    assert paths(found) == ["one.table.json", "two.table.json"]
    assert found.get("one") == found["two"] == found.get("two.table.json") == table
    assert found.get("three") is None


def test_every_kind_of_medium_is_logged_and_given_back(desk):
    """Alone and as cells; each file once, under ``media/``."""
    page = casstore.Html("<p>x</p>")
    image = casstore.Image(RED, classes=[{"id": 0, "name": "cat"}])
    sound = casstore.Audio([0.5], sample_rate=10, caption="s")
    points = casstore.Object3D(np.ones((2, 3)))
    film = casstore.Video(np.zeros((2, 3, 2, 2), dtype="uint8"), format="gif")
    things = {"page": page, "image": image, "sound": sound, "points": points, "film": film}
    table = casstore.Table(columns=list(things), data=[list(things.values())])
    found = logged((table, "table"), *((thing, name) for name, thing in things.items()))
    for name, thing in things.items():
        assert found.get(name) == thing
        assert type(found[name]) is type(thing)
    assert found["table"].data == [list(things.values())]
    assert len([path for path in paths(found) if path.startswith("media/")]) == 6
    assert Path(found["page"].path).read_text(encoding="utf-8") == "<p>x</p>"
    assert found["image"].image.size == (4, 3)


def test_the_same_table_logged_twice_is_the_same_version(desk):
    """Names of files hold digests, never random words."""
    for _ in range(2):
        table = casstore.Table(columns=["i", "m"], data=[[casstore.Image(RED), np.eye(2)]])
        found = logged((table, "t"))
    assert found.version == "v0"


def test_a_picture_that_was_added_as_a_file_is_not_added_again(desk):
    """The table names the file that is there, as in W&B."""
    desk.write("images/red.png", casstore.Image(RED).read())
    artifact = casstore.Artifact("pictures", type="dataset")
    artifact.add_dir("images", name="images")
    image = casstore.Image("images/red.png")
    artifact.add(casstore.Table(columns=["i"], data=[[image]]), "t")
    assert paths(artifact) == ["images/red.png", "t.table.json"]
    desk.write("images/red.png", casstore.Image(RED[:2]).read())
    artifact.add(casstore.Image("images/red.png"), "changed")
    assert len([path for path in paths(artifact) if path.startswith("media/images/")]) == 1


def test_adding_takes_everything_or_nothing(desk):
    """A cell that cannot be written leaves no picture of the rows before it."""
    table = casstore.Table(columns=["i", "x"], allow_mixed_types=True)
    table.add_data(casstore.Image(RED), 1)
    table.add_data(casstore.Image(RED[:1]), object())
    artifact = casstore.Artifact("a", type="dataset")
    with pytest.raises(TypeError, match="row 1, column 'x'"):
        artifact.add(table, "t")
    assert paths(artifact) == []


def test_a_name_is_taken_once(desk):
    """The same table again changes nothing; another one needs ``overwrite``."""
    artifact = casstore.Artifact("a", type="dataset")
    table = casstore.Table(columns=["a"], data=[[1]])
    first = artifact.add(table, "t")
    assert artifact.add(casstore.Table(columns=["a"], data=[[1]]), "t") == first
    table.add_data(2)
    with pytest.raises(ValueError, match=r"t\.table\.json"):
        artifact.add(table, "t")
    assert artifact.add(table, "t", overwrite=True) != first


@pytest.mark.parametrize("thing", ["text", {"a": 1}, None, np.eye(2), casstore.Graph])
def test_only_tables_and_media_are_added(desk, thing):
    """The message says what to do with data frames and files."""
    artifact = casstore.Artifact("a", type="dataset")
    with pytest.raises(TypeError, match=r"Table\(dataframe=\.\.\.\).*add_file"):
        artifact.add(thing, "x")


@pytest.mark.parametrize("name", ["../x", "/x", "", "a//../b"])
def test_bad_names_are_refused(desk, name):
    """As for files."""
    artifact = casstore.Artifact("a", type="dataset")
    with pytest.raises(Invalid):
        artifact.add(casstore.Table(columns=["a"]), name)


def test_a_draft_gives_nothing_back_and_a_version_takes_nothing(desk):
    """The state machine of W&B."""
    table = casstore.Table(columns=["a"], data=[[1]])
    artifact = casstore.Artifact("a", type="dataset")
    artifact.add(table, "t")
    for call in (artifact.get, artifact.__getitem__):
        with pytest.raises(ArtifactNotLoggedError):
            call("t")
    artifact.save()
    artifact.wait()
    with pytest.raises(ArtifactFinalizedError):
        artifact.add(table, "again")
    with pytest.raises(TypeError):
        artifact.get(5)


def test_parts_of_a_table_are_read_as_one(desk):
    """As on W&B's page of parallel writers."""
    things = [(casstore.Table(columns=["a"], data=[[n]]), f"parts/t{n}") for n in range(3)]
    found = logged(*things, (casstore.data_types.PartitionedTable("parts"), "whole"))
    assert [row for _, row in found["whole"].iterrows()] == [[0], [1], [2]]
    assert list(found["whole"].get_dataframe()["a"]) == [0, 1, 2]
    with casstore.open("data:latest", "whole.partitioned-table.json") as stream:
        assert json.load(stream) == {"_type": "partitioned-table", "parts_path": "parts"}


def test_tables_that_link_are_logged_together(desk):
    """The other table is added once, and both links know the same table again."""
    people = casstore.Table(columns=["name", "age"], data=[["ada", 36], ["alan", 41]])
    people.set_pk("name")
    works = casstore.Table(columns=["by", "row"], data=[["ada", people.index_ref(0)]])
    works.set_fk("by", people, "name")
    found = logged((works, "works"))
    by, row = found["works"].data[0]
    assert row.get_row() == {"name": "ada", "age": 36}
    assert by.table is row.table
    assert len(paths(found)) == 2
    joined = casstore.JoinedTable(people, works, ["name", "by"])
    again = logged((people, "people"), (joined, "joined"), name="joined")
    assert "people.table.json" in paths(again)
    assert len(paths(again)) == 3
    assert again["joined"].lookup("ada")[0] == [{"name": "ada", "age": 36}]


def test_tables_that_link_in_a_circle_are_refused(desk):
    """Neither could be written first."""
    one = casstore.Table(columns=["k", "n"], data=[["a", "b"]])
    two = casstore.Table(columns=["k"], data=[["a"]])
    two.set_fk("k", one, "k")
    one.set_fk("n", two, "k")
    with pytest.raises(Invalid, match="link back"):
        casstore.Artifact("a", type="dataset").add(one, "t")


def test_what_an_artifact_gave_is_added_to_another_without_its_bytes_being_laid_out(desk):
    """Also to one in another store; nothing is written to the working directory."""
    table = casstore.Table(columns=["i"], data=[[casstore.Image(RED)]])
    found = logged((table, "t"), (casstore.Image(RED[:2]), "i"))
    again = logged((found["t"], "copy"), (found["i"], "i"), name="again")
    assert again["copy"] == table
    assert [path for path in paths(again) if path.startswith("media")] == [
        path for path in paths(found) if path.startswith("media")
    ]
    with casstore.init(store=desk.folder / "elsewhere") as run:
        artifact = casstore.Artifact("far", type="dataset")
        artifact.add(found["t"], "t")
        run.log_artifact(artifact).wait()
        assert artifact["t"].data[0][0].image.size == (4, 3)
    assert not (desk.folder / "artifacts").exists()


def test_tables_of_an_artifact_go_to_other_processes(desk):
    """Media are pickled as where they lie."""
    found = logged((casstore.Table(columns=["i"], data=[[casstore.Image(RED)]]), "t"))
    again = pickle.loads(pickle.dumps(found["t"]))
    assert again == found["t"]


def test_arrow_is_logged_as_parquet_and_nothing_else_is(desk):
    """Whatever is installed; ``storage`` decides otherwise."""
    arrow = pa.table({"a": [1, 2]})
    found = logged(
        (casstore.Table(data=arrow), "arrow"),
        (casstore.Table(dataframe=arrow.to_pandas()), "frame"),
        (casstore.Table(data=arrow, storage="json"), "json"),
        (casstore.Table(columns=["a"], data=[[1]], storage="parquet"), "asked"),
    )
    assert paths(found) == [
        "arrow.table.parquet",
        "asked.table.parquet",
        "frame.table.json",
        "json.table.json",
    ]
    assert found["arrow"].to_arrow().equals(arrow)
    assert found["json"].get_column("a") == [1, 2]


def test_a_damaged_file_is_named(desk):
    """Whoever wrote a file of that name."""
    desk.write("x.table.json", '{"columns": ["a"], "data": [[1, 2]]}')
    desk.write("y.table.json", "[]")
    desk.write("z.table.parquet", "PAR1")
    desk.write("i.image-file.json", '{"_type": "image-file"}')
    artifact = casstore.Artifact("a", type="dataset")
    for name in ("x.table.json", "y.table.json", "z.table.parquet", "i.image-file.json"):
        artifact.add_file(name)
    artifact.save()
    for name, message in (
        ("x", "x.table.json.*row 0"),
        ("y", "y.table.json.*no JSON object"),
        ("z", "z.table.parquet"),
        ("i", "i.image-file.json.*not as W&B writes it"),
    ):
        with pytest.raises(Invalid, match=message):
            casstore.Api().artifact("a:latest").get(name)


def test_a_run_that_stores_nothing_takes_tables_too(desk):
    """``mode="disabled"``: every call is a no-op."""
    with casstore.init(mode="disabled") as run:
        artifact = casstore.Artifact("a", type="dataset")
        table = casstore.Table(columns=["a"], data=[[1]])
        assert artifact.add(table, "t").path == "t.table.json"
        run.log_artifact(artifact)
        assert artifact.get("t") is None
    assert not desk.root.exists()


def test_a_table_in_log_is_dropped_with_a_notice(desk, capsys):
    """Metrics are not kept; the artifact is the place."""
    with casstore.init() as run:
        run.log({"table": casstore.Table(columns=["a"]), "loss": 0.5})
        assert run.summary["loss"] == 0.5
        assert "table" not in run.summary.keys()  # noqa: SIM118 - it is no dict
    assert "dropped: table" in capsys.readouterr().err


def test_tables_work_where_nothing_else_is_installed(desk):
    """No numpy, pandas, polars, pyarrow or Pillow: rows, JSON, pages and pictures of files."""
    out = desk.run("""
        import sys
        for name in ("numpy", "pandas", "polars", "pyarrow", "PIL", "PIL.Image"):
            sys.modules[name] = None
        import casstore
        open("x.png", "wb").write(b"bytes")
        artifact = casstore.Artifact("a", type="dataset")
        table = casstore.Table(columns=["n", "i"], data=[[1, casstore.Image("x.png")]])
        artifact.add(table, "t")
        artifact.add(casstore.Html("<p>"), "page")
        artifact.save()
        artifact.wait()
        print(artifact["t"] == table, artifact["page"].html)
        """)
    assert out == "True <p>\n"


def test_making_a_table_imports_none_of_them(desk):
    """They are loaded when they are asked for."""
    out = desk.run("""
        import sys
        import casstore
        artifact = casstore.Artifact("a", type="dataset")
        artifact.add(casstore.Table(columns=["n"], data=[[1]]), "t")
        artifact.save()
        print(artifact.wait()["t"].data)
        print([name for name in ("numpy", "pandas", "polars", "pyarrow", "PIL")
               if name in sys.modules])
        """)
    assert out == "[[1]]\n[]\n"
