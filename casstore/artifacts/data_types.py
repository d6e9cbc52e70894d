"""The types that W&B has in ``wandb.data_types``, under one name.

Knows: names only.  Never: what they do.
"""

from casstore.artifacts.inert import Graph
from casstore.media import (
    Audio,
    BoundingBoxes2D,
    Classes,
    Histogram,
    Html,
    Image,
    ImageMask,
    Media,
    Molecule,
    Object3D,
    Plotly,
    Video,
)
from casstore.tables import JoinedTable, PartitionedTable, Table

__all__ = [
    "Audio",
    "BoundingBoxes2D",
    "Classes",
    "Graph",
    "Histogram",
    "Html",
    "Image",
    "ImageMask",
    "JoinedTable",
    "Media",
    "Molecule",
    "Object3D",
    "PartitionedTable",
    "Plotly",
    "Table",
    "Video",
]
