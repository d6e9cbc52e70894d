"""Media: files with a type, under W&B's names and in W&B's layout.

``encode`` gives the files to a ``Sink`` and returns JSON, ``decode`` takes JSON and a ``Source``.
Files have deterministic names, so that the same picture is the same file.
"""

from casstore.media.base import Media
from casstore.media.content import Content, LocalFile, Sink, Source, made_file
from casstore.media.image import BoundingBoxes2D, Classes, Image, ImageMask
from casstore.media.recordings import Audio, Html, Video
from casstore.media.shapes import Histogram, Molecule, Object3D, Plotly

__all__ = [
    "MEDIA_KINDS",
    "Audio",
    "BoundingBoxes2D",
    "Classes",
    "Content",
    "Histogram",
    "Html",
    "Image",
    "ImageMask",
    "LocalFile",
    "Media",
    "Molecule",
    "Object3D",
    "Plotly",
    "Sink",
    "Source",
    "Video",
    "made_file",
]

MEDIA_KINDS = {
    kind.log_type: kind
    for kind in (
        Audio, Classes, Histogram, Html, Image, ImageMask, Molecule, Object3D, Plotly, Video,
    )
}  # fmt: skip
"""What ``_type`` may say, and the class that reads it."""
