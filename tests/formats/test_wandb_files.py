"""Tables and media move both ways: what W&B's own package wrote is read, what we write is the same.

``wandb-0.31`` beside this file was written by ``wandb`` 0.31.0 (``make_wandb_files.py`` says how);
the package itself is too large for the tests.  ``read_with_wandb.py`` lets a real one read what
casstore wrote; it has been run by hand with the same version.
"""

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest

import casstore
from casstore.artifacts import place
from casstore.store import close_store, opening

THEIRS = Path(__file__).parent / "wandb-0.31"
TIME = dt.datetime(2024, 1, 2, 3, 4, 5, 678000, tzinfo=dt.UTC)


@pytest.fixture
def artifact(tmp_path, monkeypatch):
    """Give W&B's files as a version of a fresh store."""
    monkeypatch.setenv("CASSTORE_HOME", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    place._resolved.clear()
    made = casstore.Artifact("theirs", type="dataset")
    made.add_dir(THEIRS)
    made.save()
    yield made.wait()
    place._resolved.clear()
    for store in list(opening._open_stores.values()):
        close_store(store)


def values_table():
    """Return the table of ``make_wandb_files.values_table``."""
    table = casstore.Table(
        columns=[
            *("number", "big", "text", "truth", "none", "time", "day", "list", "dict"),
            *("embedding", "matrix", "scalar"),
        ]
    )
    for n in range(2):
        table.add_data(
            float("nan") if n else 0.5,
            2**63 + n,
            "h\u00e9\U0001f600" * n,
            n == 0,
            None,
            TIME,
            dt.date(2024, 2, n + 1),
            [1, n],
            {"x": n, "y": ["a"]},
            np.array([n, 1.5]),
            np.eye(2) * n,
            np.float32(n),
        )
    return table


def test_values_of_every_kind_are_read(artifact):
    """Numbers, text, times, lists, dicts, embeddings and matrices."""
    first, second = artifact["values"].data
    assert first[:6] == [0.5, 2**63, "", True, None, TIME]
    assert second[:3] == [None, 2**63 + 1, "h\u00e9\U0001f600"]
    assert second[6:10] == [
        dt.datetime(2024, 2, 2, tzinfo=dt.UTC),
        [1, 1],
        {"x": 1, "y": ["a"]},
        [1.0, 1.5],
    ]
    assert np.array_equal(second[10], np.eye(2))
    assert artifact["mixed"].get_column("x") == [1, "one", [1]]
    assert artifact["empty"].columns == ["a", "b"]


def test_media_are_read_alone_and_as_cells(artifact):
    """With captions, sizes, boxes, masks and classes."""
    kinds = {
        "image": casstore.Image,
        "audio": casstore.Audio,
        "video": casstore.Video,
        "html": casstore.Html,
        "points": casstore.Object3D,
    }
    for name, kind in kinds.items():
        assert type(artifact[name]) is kind
    assert artifact["media"].data == [[artifact[name] for name in kinds]]
    image = artifact["image"]
    assert (image.caption, image.width, image.height) == ("a picture", 4, 3)
    assert np.asarray(image.image).reshape(-1).tolist() == list(range(36))
    assert image.boxes["found"].box_data[0]["scores"] == {"sure": 0.5}
    assert np.asarray(image.masks["seen"].content.read()).size
    assert artifact["html"].html == "<p>page</p>"
    assert artifact["audio"].caption == "a sound"
    assert artifact["molecule"].read() == b"ATOM\n"
    assert artifact["classes"].class_set == [{"id": 0, "name": "cat"}]


def test_tables_of_tables_are_read(artifact):
    """Parts, links by key and by row, joins."""
    assert [row for _, row in artifact["whole"].iterrows()] == [[0, 0], [1, 2]]
    to_key, to_row = artifact["linked"].data[0]
    assert (to_key, to_key.column) == ("k1", "key")
    assert to_row.get_row() == {"key": "k2", "n": 2}
    assert artifact["joined"].lookup("k2") == ([{"key": "k2", "n": 2}],) * 2


def test_the_same_objects_are_written_the_same(artifact, tmp_path):
    """Every key and value that W&B writes, but for digests and random names."""
    ours = casstore.Artifact("ours", type="dataset")
    ours.add(values_table(), "values")
    for name in ("image", "audio", "video", "html", "points", "molecule", "classes"):
        ours.add(artifact[name], name)
    for name in ("media", "mixed", "empty", "whole"):
        ours.add(artifact[name], name)
    ours.add(artifact["linked"], "linked")
    ours.save()
    folder = Path(ours.wait().download(tmp_path / "ours"))
    suffixes = {"values": "table", "media": "table", "mixed": "table", "empty": "table"}
    suffixes |= {"image": "image-file", "audio": "audio-file", "video": "video-file"}
    suffixes |= {"html": "html-file", "points": "object3D-file", "molecule": "molecule-file"}
    suffixes |= {"classes": "classes", "whole": "partitioned-table", "linked": "table"}
    for name, suffix in suffixes.items():
        file = f"{name}.{suffix}.json"
        theirs = json.loads((THEIRS / file).read_text())
        mine = json.loads((folder / file).read_text())
        if name == "values":  # W&B forgets that an embedding may be missing
            kinds = mine["column_types"]["params"]["type_map"]
            (kinds["embedding"],) = [
                kind for kind in kinds["embedding"]["params"]["allowed_types"] if len(kind) > 1
            ]
        assert without_names(mine) == without_names(theirs), name


NAMES = {"path", "digest", "key", "table"}
OURS_ALONE = {"size", "classes"}  # W&B writes no size, and a digest of classes that it never reads


def without_names(plain):
    """Return JSON without names of files, without keys that only we write, unions in one order."""
    if isinstance(plain, dict):
        kept = {key: value for key, value in plain.items() if key not in NAMES | OURS_ALONE}
        if "allowed_types" in kept:
            kept["allowed_types"] = sorted(
                kept["allowed_types"], key=lambda kind: json.dumps(kind, sort_keys=True)
            )
        return {key: without_names(value) for key, value in kept.items()}
    return [without_names(item) for item in plain] if isinstance(plain, list) else plain
