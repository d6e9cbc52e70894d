"""Parallel runs write one artifact with Ray: W&B's script as it stands, its import apart.

    python examples/partitioned_table_ray.py

Needs `pip install ray`.
Five tasks each add one part of a table; the last run adds what joins them and finishes the version.
"""

import time

import ray

import casstore as wandb

ray.init()

artifact_type = "dataset"
artifact_name = "parallel-artifact"
table_name = "distributed_table"
parts_path = "parts"
num_parallel = 5

# Each batch of writers has a group name of its own.
group_name = "writer-group-{}".format(round(time.time()))


@ray.remote
def train(i):
    """One writer, which adds one part to the artifact."""
    with wandb.init(group=group_name) as run:
        artifact = wandb.Artifact(name=artifact_name, type=artifact_type)

        # Some rows.
        table = wandb.Table(columns=["a", "b", "c"], data=[[i, i * 2, 2**i]])

        # The part goes into a folder of the artifact.
        artifact.add(table, "{}/table_{}".format(parts_path, i))

        # The artifact becomes a part of the version, or adds to it.
        run.upsert_artifact(artifact)


# The runs work at once.
result_ids = [train.remote(i) for i in range(num_parallel)]

# All of them have added their files when this returns.
ray.get(result_ids)

# Now the version can be finished.
with wandb.init(group=group_name) as run:
    artifact = wandb.Artifact(artifact_name, type=artifact_type)

    # A "PartitionedTable" is the table whose parts lie in a folder.
    artifact.add(wandb.data_types.PartitionedTable(parts_path), table_name)

    # From here on nobody adds to this version.
    run.finish_artifact(artifact)
