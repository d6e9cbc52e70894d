"""A training loop that logs checkpoints, is interrupted, and goes on from the newest one.

    python examples/checkpoints.py

Most of a checkpoint is the same as the one before: only what changed takes space. The best one so
far carries the alias `best`.
"""

import json
import random
import tempfile
from pathlib import Path

import casstore

EPOCHS = 6
FROZEN_BYTES = 4 * 1024 * 1024


class Model:
    """A frozen backbone of 4 MiB and a head that learns."""

    def __init__(self) -> None:
        self.backbone = random.Random(0).randbytes(FROZEN_BYTES)
        self.head = [0.0] * 8
        self.epoch = 0

    def train(self) -> float:
        """Move the head towards one, and return the loss."""
        self.head = [weight + 0.5 * (1.0 - weight) for weight in self.head]
        self.epoch += 1
        return sum((1.0 - weight) ** 2 for weight in self.head)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "backbone.bin").write_bytes(self.backbone)
        (folder / "head.json").write_text(json.dumps({"epoch": self.epoch, "head": self.head}))

    def load(self, folder: Path) -> None:
        state = json.loads((folder / "head.json").read_text())
        self.backbone = (folder / "backbone.bin").read_bytes()
        self.head, self.epoch = state["head"], state["epoch"]


def train(epochs: int, work: Path) -> None:
    """Go on from the newest checkpoint, if there is one, up to `epochs`."""
    model, best = Model(), float("inf")
    with casstore.init(project="checkpoints", job_type="train", config={"epochs": epochs}) as run:
        if casstore.Api().artifact_exists("checkpoints/net:latest"):
            newest = run.use_artifact("net:latest", type="model")
            model.load(Path(newest.download(work / "resumed")))
            best = newest.metadata["loss"]
            print(f"resumed {newest.name} after epoch {model.epoch}")
        while model.epoch < epochs:
            loss = model.train()
            model.save(work / "checkpoint")
            artifact = casstore.Artifact(
                "net", type="model", metadata={"epoch": model.epoch, "loss": loss}
            )
            artifact.add_dir(work / "checkpoint")
            run.log_artifact(artifact, aliases=["best"] if loss < best else [])
            best = min(best, loss)
            run.log({"loss": loss})


def main() -> None:
    work = Path(tempfile.mkdtemp(prefix="casstore-checkpoints-"))
    train(EPOCHS // 2, work)  # ... and here the machine goes down
    train(EPOCHS, work)
    for version in casstore.Api().artifacts("model", "checkpoints/net"):
        metadata = version.metadata
        print(f"{version.name}  epoch {metadata['epoch']}  loss {metadata['loss']:.5f}")
    print("best is", casstore.Api().artifact("checkpoints/net:best").name)


if __name__ == "__main__":
    main()
