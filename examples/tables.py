"""Log what a model got right as a table with pictures, one part a worker; read all of it as one.

    python examples/tables.py

Needs `pip install numpy pillow pandas`: the pictures are arrays, the end is a data frame.
"""

import numpy as np

import casstore

WORKERS = 3


def predictions(worker: int) -> casstore.Table:
    """Stand in for a worker that looked at its share of the pictures."""
    random = np.random.default_rng(worker)
    table = casstore.Table(columns=["picture", "label", "guess", "sure"])
    for label in ("cat", "dog"):
        pixels = random.integers(0, 256, size=(16, 16, 3), dtype="uint8")
        guess = "cat" if pixels.mean() > 128 else "dog"
        table.add_data(casstore.Image(pixels, caption=label), label, guess, pixels.mean() / 255)
    return table


def main() -> None:
    with casstore.init(project="tables", job_type="evaluate") as run:
        artifact = casstore.Artifact("predictions", type="evaluation")
        for worker in range(WORKERS):
            artifact.add(predictions(worker), f"parts/worker_{worker}")
        artifact.add(casstore.data_types.PartitionedTable("parts"), "all")
        run.log_artifact(artifact)
        artifact.wait()
        print(f"logged {artifact.name}: {artifact.file_count} files")

    with casstore.init(project="tables", job_type="look") as run:
        found = run.use_artifact("predictions:latest")
        rows = found["all"].get_dataframe()
        print(f"{len(rows)} rows of {', '.join(rows.columns)}")
        print(f"right: {(rows['label'] == rows['guess']).sum()} of {len(rows)}")
        picture = rows["picture"][0]  # its bytes are read when they are asked for
        print(f"the first picture is a {picture.caption} of {picture.image.size} pixels")


if __name__ == "__main__":
    main()
