"""Dask workers that write one artifact together.

    python examples/parallel_dask.py

Needs `pip install 'dask[distributed]'`.
Each task adds a part of a data set from whatever process Dask runs it in; then the version is
finished. Whoever upserts the same path again must upsert the same bytes.
"""

import random
import time

from dask.distributed import Client, LocalCluster

import casstore

TASKS = 6


def simulate(group: str, seed: int) -> str:
    """Draw some numbers and add them, as one run."""
    draw = random.Random(seed)
    with casstore.init(project="dice", group=group, name=f"seed-{seed}") as run:
        part = casstore.Artifact("throws", type="dataset")
        with part.new_file(f"throws/{seed}.txt") as stream:
            stream.writelines(f"{draw.randint(1, 6)}\n" for _ in range(1000))
        with part.new_file("README.txt") as stream:
            stream.write("a thousand throws a file\n")  # the same of every writer: no conflict
        run.upsert_artifact(part)
        return run.id


def main() -> None:
    group = f"dice-{time.time_ns()}"
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        writers = client.gather(client.map(simulate, [group] * TASKS, range(TASKS)))

    with casstore.init(project="dice", group=group, name="finish") as run:
        whole = run.finish_artifact(casstore.Artifact("throws", type="dataset"))
        whole.wait()

    print(f"{whole.name}: {whole.file_count} files of {len(set(writers))} runs")
    throws = []
    for path in whole.manifest.entries:
        if path.startswith("throws/"):
            with casstore.open(f"dice/{whole.name}", path, "r") as stream:
                throws += map(int, stream)
    print(f"{len(throws)} throws, mean {sum(throws) / len(throws):.1f}")


if __name__ == "__main__":
    main()
