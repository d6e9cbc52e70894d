"""Write ``wandb-0.31`` beside this file: what W&B's own package writes for tables and media.

Run it with ``pip install wandb==0.31.0 numpy pillow`` in a folder of its own; nothing is sent
anywhere.  The files are checked in, so the tests need no wandb; its random names differ each time.
"""

import datetime as dt
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true")

import numpy as np
import wandb

COLUMNS = [
    "number", "big", "text", "truth", "none", "time", "day", "list", "dict", "embedding", "matrix",
    "scalar",
]  # fmt: skip
TARGET = Path(__file__).parent / "wandb-0.31"


def add_all(artifact, folder):
    """Add one of each kind."""
    picture = np.arange(36, dtype="uint8").reshape(3, 4, 3)
    page = folder / "page.html"
    page.write_text("<p>page</p>", encoding="utf-8")
    sound = folder / "sound.wav"
    sound.write_bytes(b"RIFF....WAVE")
    atoms = folder / "atoms.pdb"
    atoms.write_text("ATOM\n", encoding="utf-8")
    film = folder / "film.gif"
    wandb.Image(picture).image.save(film)
    labels = {0: "cat", 1: "dog"}
    image = wandb.Image(
        picture,
        caption="a picture",
        classes=[{"id": 0, "name": "cat"}],
        boxes={
            "found": {
                "box_data": [
                    {
                        "position": {"minX": 0, "maxX": 1, "minY": 0, "maxY": 1},
                        "class_id": 1,
                        "scores": {"sure": 0.5},
                    }
                ],
                "class_labels": labels,
            }
        },
        masks={"seen": {"mask_data": np.eye(3, 4, dtype="uint8"), "class_labels": labels}},
    )
    media = {
        "image": image,
        "audio": wandb.Audio(str(sound), caption="a sound"),
        "video": wandb.Video(str(film), format="gif"),
        "html": wandb.Html(str(page), inject=False),
        "points": wandb.Object3D(np.zeros((2, 3))),
    }
    for name, medium in media.items():
        artifact.add(medium, name)
    artifact.add(wandb.Molecule(str(atoms), caption="m"), "molecule")
    artifact.add(wandb.Classes([{"id": 0, "name": "cat"}]), "classes")
    artifact.add(wandb.Table(columns=list(media), data=[list(media.values())]), "media")
    artifact.add(values_table(), "values")
    artifact.add(wandb.Table(columns=["a", "b"], data=[]), "empty")
    mixed = wandb.Table(columns=["x"], data=[[1], ["one"], [[1]]], allow_mixed_types=True)
    artifact.add(mixed, "mixed")
    for number in range(2):
        part = wandb.Table(columns=["a", "b"], data=[[number, number * 2]])
        artifact.add(part, f"parts/table_{number}")
    artifact.add(wandb.data_types.PartitionedTable("parts"), "whole")
    keyed = wandb.Table(columns=["key", "n"], data=[["k1", 1], ["k2", 2]])
    keyed.set_pk("key")
    linked = wandb.Table(columns=["to_key", "to_row"], data=[["k1", keyed.index_ref(1)]])
    linked.set_fk("to_key", keyed, "key")
    artifact.add(keyed, "keyed")
    artifact.add(linked, "linked")
    artifact.add(wandb.JoinedTable(keyed, "keyed.table.json", "key"), "joined")


def values_table():
    """Return a table of every kind of value."""
    table = wandb.Table(columns=COLUMNS)
    for n in range(2):
        table.add_data(
            float("nan") if n else 0.5,
            2**63 + n,
            "h\u00e9\U0001f600" * n,
            n == 0,
            None,
            dt.datetime(2024, 1, 2, 3, 4, 5, 678000, tzinfo=dt.UTC),
            dt.date(2024, 2, n + 1),
            [1, n],
            {"x": n, "y": ["a"]},
            np.array([n, 1.5]),
            np.eye(2) * n,
            np.float32(n),
        )
    return table


def main():
    """Write every file of one artifact."""
    with tempfile.TemporaryDirectory() as name:
        artifact = wandb.Artifact("all", type="dataset")
        add_all(artifact, Path(name))
        shutil.rmtree(TARGET, ignore_errors=True)
        for path, entry in artifact.manifest.entries.items():
            (TARGET / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(entry.local_path, TARGET / path)
            (TARGET / path).chmod(0o644)
    sys.stdout.write(f"{len(artifact.manifest.entries)} files in {TARGET}\n")


if __name__ == "__main__":
    main()
