"""Let a real wandb read tables and media that casstore wrote: ``read_with_wandb.py FOLDER``.

FOLDER is what ``Artifact.download`` laid out.  Needs ``pip install wandb==0.31.0 numpy pillow`` in
a folder of its own, and no network: the artifact is made of the folder and told that it was
logged, and downloading an entry means its local file.  Prints what each object came back as, and
fails if one does not.
"""

import os
import sys
from pathlib import Path

os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true")

import wandb
from wandb.sdk.artifacts.artifact import Artifact
from wandb.sdk.artifacts.artifact_manifest_entry import ArtifactManifestEntry
from wandb.sdk.artifacts.artifact_state import ArtifactState
from wandb.sdk.data_types.base_types.wb_value import WBValue


def main(folder):
    """Read every typed object of a folder."""
    artifact = wandb.Artifact("ours", type="dataset")
    artifact.add_dir(str(folder))
    artifact._state = ArtifactState.COMMITTED
    Artifact.download = lambda *_values, **_keywords: str(folder)
    Artifact._default_root = lambda *_values, **_keywords: str(folder)
    ArtifactManifestEntry.download = lambda self, *_values, **_keywords: str(folder / self.path)
    endings = tuple(f".{kind}.json" for kind in WBValue.type_mapping())
    for path in sorted(path for path in artifact.manifest.entries if path.endswith(endings)):
        thing = artifact.get(path)
        rows = ""
        if isinstance(thing, wandb.Table):
            rows = f": {thing.data}"
        elif isinstance(thing, wandb.data_types.PartitionedTable):
            rows = f": {list(thing.iterrows())}"
        sys.stdout.write(f"{path}: {type(thing).__name__}{rows}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
