"""Train models, register the best one, let somebody else use it, and take it back.

    python examples/models.py

Needs nothing but casstore.  A registered model is a collection of links: each link has a number and
aliases of its own, and leads to the version that a training run logged.
"""

import random
import tempfile
from pathlib import Path

import casstore


def train(folder: Path, seed: int) -> tuple[Path, float]:
    """Stand in for a training: a file of weights and how good they are."""
    numbers = random.Random(seed)
    path = folder / "weights.bin"
    path.write_bytes(numbers.randbytes(200_000))
    return path, round(numbers.random(), 3)


def main() -> None:
    work = Path(tempfile.mkdtemp(prefix="casstore-models-"))

    best = None
    for seed in range(3):
        with casstore.init(project="detector", job_type="train", config={"seed": seed}) as run:
            path, accuracy = train(work, seed)
            artifact = casstore.Artifact("net", type="model", metadata={"accuracy": accuracy})
            artifact.add_file(path)
            run.log_artifact(artifact).wait()
            if best is None or accuracy > best.metadata["accuracy"]:
                best = artifact
                link = run.link_artifact(artifact, "model-registry/detector", aliases=["prod"])
                print(f"{artifact.name} ({accuracy}) is registered as {link.name}")

    with casstore.init(project="shop", job_type="serve") as run:
        file = run.use_model("model-registry/detector:prod")
        model = run.used_artifacts()[0]
        print(f"serving {model.name} from {Path(file).name}, made by seed", end=" ")
        print(model.logged_by().config["seed"])

    registered = casstore.Api().artifact("model-registry/detector:prod")
    print(f"{registered.name} is {registered.source_name} of {registered.source_project}")
    registered.unlink()  # the version that was trained stays
    print([each.name for each in casstore.Api().artifacts("model", "detector/net")])


if __name__ == "__main__":
    main()
