"""The types that W&B has in ``wandb.data_types``, under one name.

Knows: names only.  Never: what they do.
"""

from casstore.artifacts.inert import (
    Audio,
    Classes,
    Graph,
    Histogram,
    Html,
    Image,
    Media,
    Molecule,
    Object3D,
    Plotly,
    Video,
)

__all__ = [
    "Audio",
    "Classes",
    "Graph",
    "Histogram",
    "Html",
    "Image",
    "Media",
    "Molecule",
    "Object3D",
    "Plotly",
    "Video",
]
