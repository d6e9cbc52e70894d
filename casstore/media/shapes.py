"""Meshes, point clouds, molecules, charts and histograms.

Knows: W&B's layout of them, which files each kind takes.  Never: artifacts, tables.
"""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from casstore.errors import Invalid, Unsupported
from casstore.media.arrays import as_array, is_array, numpy_for
from casstore.media.base import Media, file_of, text_of
from casstore.media.content import Content, Sink, Source, made_file
from casstore.media.image import Image

__all__ = ["Histogram", "Molecule", "Object3D", "Plotly"]

POINT_CLOUDS = ("lidar/beta",)
POINT_WIDTHS = (3, 4, 6)  # x y z; and a category; and r g b
MAX_BINS = 512


class Object3D(Media):
    """A mesh or point cloud: a path, a stream with ``file_type``, points, or a ``lidar/beta`` dict.

    Points are an array of n x 3 (x y z), n x 4 (and a category) or n x 6 (and r g b).
    """

    log_type = "object3D-file"
    folder = "media/object3D"
    column_type = "object3D-file"
    SUPPORTED_TYPES: ClassVar[tuple[str, ...]] = (
        "babylon", "glb", "gltf", "obj", "pts.json", "stl",
    )  # fmt: skip

    def __init__(
        self, data_or_path: Any, caption: str | None = None, file_type: str | None = None
    ) -> None:
        content: Content
        if isinstance(data_or_path, str | os.PathLike):
            content = file_of(data_or_path, self.SUPPORTED_TYPES, "3D object")
        elif hasattr(data_or_path, "read"):
            content = text_of(data_or_path, _one_of(self.SUPPORTED_TYPES, file_type))
        elif isinstance(data_or_path, Mapping):
            content = _points_file(_cloud(data_or_path))
        elif is_array(data_or_path):
            content = _points_file(_points(data_or_path))
        else:
            raise Invalid(
                f"a 3D object is a path, a stream, an array of points or a dict, "
                f"not {type(data_or_path).__name__}"
            )
        super().__init__(content, caption)

    @classmethod
    def from_file(cls, data_or_path: Any, file_type: str | None = None) -> Self:
        """Make one of a path or a stream."""
        return cls(data_or_path, file_type=file_type)

    @classmethod
    def from_numpy(cls, data: Any) -> Self:
        """Make one of an array of points."""
        return cls(as_array(data, "a point cloud"))

    @classmethod
    def from_point_cloud(
        cls,
        points: Sequence[Any],
        boxes: Sequence[Any],
        vectors: Sequence[Any] | None = None,
        point_cloud_type: str = "lidar/beta",
    ) -> Self:
        """Make a scene of points, boxes and vectors."""
        scene = {"points": points, "boxes": boxes, "vectors": vectors or []}
        return cls({"type": point_cloud_type, **scene})


def _one_of(kinds: tuple[str, ...], kind: str | None) -> str:
    if kind not in kinds:
        raise Invalid(f"file_type is one of {', '.join(kinds)}, not {kind!r}")
    return kind


def _points(array: Any) -> Any:
    if array.ndim != 2 or array.shape[1] not in POINT_WIDTHS:
        raise Invalid(f"points are n x 3, n x 4 or n x 6 numbers, not {array.shape}")
    return array.tolist()


def _cloud(scene: Mapping[str, Any]) -> dict[str, Any]:
    if scene.get("type") not in POINT_CLOUDS:
        raise Invalid(f"a scene's type is 'lidar/beta', not {scene.get('type')!r}")
    parts = {key: _plain(scene.get(key, [])) for key in ("points", "boxes", "vectors")}
    return {"type": scene["type"], **parts}


def _plain(value: Any) -> Any:
    """Return lists and numbers of arrays, also inside lists and dicts."""
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _points_file(plain: Any) -> Content:
    return made_file(json.dumps(plain).encode(), ".pts.json")


class Molecule(Media):
    """A molecule: a path, or a stream with its ``file_type``."""

    log_type = "molecule-file"
    folder = "media/molecule"
    SUPPORTED_TYPES: ClassVar[tuple[str, ...]] = (
        "cif", "gro", "mcif", "mmcif", "mmtf", "mol2", "pdb", "pqr", "sd", "sdf",
    )  # fmt: skip

    def __init__(
        self, data_or_path: Any, caption: str | None = None, file_type: str | None = None
    ) -> None:
        content: Content
        if isinstance(data_or_path, str | os.PathLike):
            content = file_of(data_or_path, self.SUPPORTED_TYPES, "molecule")
        elif hasattr(data_or_path, "read"):
            content = text_of(data_or_path, _one_of(self.SUPPORTED_TYPES, file_type))
        else:
            raise Invalid("a molecule is a path or a stream", hint="write it to a .pdb file first")
        super().__init__(content, caption)

    @classmethod
    def from_rdkit(cls, data_or_path: Any, caption: str | None = None, **_options: object) -> Self:
        """Make one of an ``.sdf`` file; ``Unsupported`` for RDKit's own objects."""
        if isinstance(data_or_path, str | os.PathLike):
            return cls(data_or_path, caption)
        raise _no_chemistry("from_rdkit")

    @classmethod
    def from_smiles(cls, data: str, caption: str | None = None, **_options: object) -> Self:
        """Raise ``Unsupported``: casstore computes no coordinates."""
        del data, caption
        raise _no_chemistry("from_smiles")


def _no_chemistry(call: str) -> Unsupported:
    return Unsupported(
        f"Molecule.{call} needs RDKit, which casstore does not call",
        hint="write Chem.MolToPDBBlock(molecule) to a .pdb file and give its path",
    )


class Plotly(Media):
    """A chart: a plotly figure, or the path of its ``.plotly.json``."""

    log_type = "plotly-file"
    folder = "media/plotly"

    def __init__(self, val: Any) -> None:
        content: Content
        if isinstance(val, str | os.PathLike):
            content = file_of(val, ("json",), "plotly figure")
        elif hasattr(val, "to_plotly_json"):
            content = made_file(json.dumps(_plain(val.to_plotly_json())).encode(), ".plotly.json")
        else:
            raise Invalid(
                f"{type(val).__name__} is no plotly figure",
                hint="Plotly.make_plot_media takes matplotlib's, Image keeps them as pictures",
            )
        super().__init__(content)

    @classmethod
    def make_plot_media(cls, val: Any) -> "Self | Image":
        """Make a chart of a plotly figure, a picture of a matplotlib one."""
        return cls(val) if hasattr(val, "to_plotly_json") else Image(val)


class Histogram:
    """Counts and bin edges: of a sequence (which needs numpy), or as ``np.histogram`` gives."""

    log_type: ClassVar[str] = "histogram"
    column_type: ClassVar[str | None] = None

    def __init__(
        self, sequence: Any = None, np_histogram: tuple[Any, Any] | None = None, num_bins: int = 64
    ) -> None:
        if np_histogram is None:
            values = as_array([] if sequence is None else sequence, "a histogram of a sequence")
            np_histogram = numpy_for("a histogram").histogram(values, bins=num_bins)
        if len(np_histogram) != 2:
            raise Invalid("np_histogram is a pair: counts, bin edges")
        self.histogram, self.bins = (_plain(each) for each in np_histogram)
        if len(self.histogram) > MAX_BINS or len(self.bins) != len(self.histogram) + 1:
            raise Invalid(
                f"a histogram has at most {MAX_BINS} counts, and one more edge than counts"
            )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Histogram)
            and list(self.histogram) == list(other.histogram)
            and list(self.bins) == list(other.bins)
        )

    def __hash__(self) -> int:
        return hash((tuple(self.histogram), tuple(self.bins)))

    def encode(self, sink: Sink) -> dict[str, Any]:
        """Return W&B's JSON; there is no file beside it."""
        del sink
        return {"_type": self.log_type, "values": list(self.histogram), "bins": list(self.bins)}

    @classmethod
    def decode(cls, plain: dict[str, Any], source: Source) -> Self:
        """Return what W&B's JSON describes."""
        del source
        return cls(np_histogram=(plain["values"], plain["bins"]))
