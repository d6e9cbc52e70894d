"""Sounds, videos, pages, shapes, molecules and charts.

Knows: W&B's layout of them, which files each kind takes.  Never: artifacts, tables.
"""

import io
import json
import os
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from casstore.errors import Invalid, Unsupported
from casstore.media.arrays import as_array, is_array, numpy_for
from casstore.media.base import Media, file_of, text_of
from casstore.media.content import Content, Sink, Source, made_file
from casstore.media.image import Image
from casstore.media.pictures import encode_frames

__all__ = ["Audio", "Histogram", "Html", "Molecule", "Object3D", "Plotly", "Video"]

POINT_CLOUDS = ("lidar/beta",)
POINT_WIDTHS = (3, 4, 6)  # x y z; and a category; and r g b
MAX_BINS = 512
VIDEO_FRAMES_A_SECOND = 4


class Audio(Media):
    """A sound: a path, or samples (frames, or frames x channels) with their ``sample_rate``.

    Samples are floats of -1 to 1 or 16 bit integers; they are kept as 16 bit WAV, as W&B does.
    """

    log_type = "audio-file"
    folder = "media/audio"
    column_type = "audio-file"

    def __init__(
        self, data_or_path: Any, sample_rate: int | None = None, caption: str | None = None
    ) -> None:
        self.sample_rate = sample_rate
        self.duration: float | None = None
        content: Content
        if isinstance(data_or_path, str | os.PathLike):
            content = file_of(data_or_path, None, "sound")
        else:
            if sample_rate is None:
                raise Invalid("samples need their sample_rate", hint="Audio(data, sample_rate=...)")
            data, self.duration = _wav(data_or_path, sample_rate)
            content = made_file(data, ".wav")
        super().__init__(content, caption)

    def encode(self, sink: Sink) -> dict[str, Any]:
        """Give the file to ``sink`` and return W&B's JSON, which always has a caption."""
        plain = {"caption": None, **super().encode(sink)}
        fields = {"sample_rate": self.sample_rate, "duration": self.duration}
        return {**plain, **{key: value for key, value in fields.items() if value is not None}}

    def _read_fields(self, plain: dict[str, Any], source: Source) -> None:
        del source
        self.sample_rate, self.duration = plain.get("sample_rate"), plain.get("duration")


def _wav(data: Any, sample_rate: int) -> tuple[bytes, float]:
    samples = as_array(data, "a sound of numbers")
    if samples.ndim not in {1, 2} or samples.dtype.kind not in "if" or samples.size == 0:
        raise Invalid(
            f"an array of {samples.dtype} and shape {samples.shape} is no sound",
            hint="use frames or frames x channels, floats of -1 to 1 or int16",
        )
    if samples.dtype.kind == "f":
        samples = numpy_for("a sound of numbers").rint(samples.clip(-1, 1) * 32767)
    elif samples.min() < -32768 or samples.max() > 32767:
        raise Invalid("samples do not fit into 16 bits", hint="give floats of -1 to 1")
    target = io.BytesIO()
    with wave.open(target, "wb") as out:
        out.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        out.setsampwidth(2)
        out.setframerate(sample_rate)
        out.writeframes(samples.astype("<i2").tobytes())
    return target.getvalue(), len(samples) / sample_rate


class Video(Media):
    """A video: a path, a stream with its ``format``, or frames x channels x height x width.

    Frames are encoded as ``format="gif"``; other formats are given as files.
    """

    log_type = "video-file"
    folder = "media/videos"
    column_type = "video-file"
    EXTS: ClassVar[tuple[str, ...]] = ("gif", "mp4", "webm", "ogg")

    def __init__(
        self,
        data_or_path: Any,
        caption: str | None = None,
        fps: int | None = None,
        format: str | None = None,  # noqa: A002 - W&B's
    ) -> None:
        self.width: int | None = None
        self.height: int | None = None
        content: Content
        if isinstance(data_or_path, str | os.PathLike):
            content = file_of(data_or_path, self.EXTS, "video")
            self.format = content.local().suffix[1:].lower()
        elif format not in self.EXTS:
            raise Invalid(f"format is one of {', '.join(self.EXTS)}, not {format!r}")
        else:
            self.format = format
            content = self._made(data_or_path, fps or VIDEO_FRAMES_A_SECOND)
        super().__init__(content, caption)

    def _made(self, data: Any, fps: int) -> Content:
        if hasattr(data, "read"):
            return text_of(data, self.format)
        if self.format != "gif":
            raise Unsupported(
                f"casstore encodes no {self.format}",
                hint="write the video to a file and give its path, or pass format='gif'",
            )
        encoded, (self.width, self.height) = encode_frames(data, fps)
        return made_file(encoded, ".gif")

    def encode(self, sink: Sink) -> dict[str, Any]:
        """Give the file to ``sink`` and return W&B's JSON."""
        fields = {"width": self.width, "height": self.height}
        known = {key: value for key, value in fields.items() if value is not None}
        return {**super().encode(sink), **known}

    def _read_fields(self, plain: dict[str, Any], source: Source) -> None:
        del source
        self.format = plain["path"].rpartition(".")[2].lower()
        self.width, self.height = plain.get("width"), plain.get("height")


class Html(Media):
    """A page: the path of an ``.html`` file, text, or a stream.

    The page is kept as it is: ``inject``, with which W&B adds a link to a style sheet on its own
    server, is accepted and changes nothing.
    """

    log_type = "html-file"
    folder = "media/html"
    column_type = "html-file"

    def __init__(
        self,
        data: Any,
        inject: bool = True,  # noqa: FBT001, FBT002 - W&B's
        data_is_not_path: bool = False,  # noqa: FBT001, FBT002 - W&B's
    ) -> None:
        del inject
        content: Content
        if not data_is_not_path and _is_page(data):
            content = file_of(data, None, "page")
        elif isinstance(data, str):
            content = made_file(data.encode("utf-8", "surrogatepass"), ".html")
        elif hasattr(data, "read"):
            content = text_of(data, "html")
        else:
            raise Invalid(f"a page is text, a stream or the path of an .html file, not {data!r}")
        super().__init__(content)

    @property
    def html(self) -> str:
        """The page's text."""
        return self.read().decode("utf-8", "replace")


def _is_page(data: Any) -> bool:
    if isinstance(data, Path):
        return True
    return isinstance(data, str) and data.endswith(".html") and "\0" not in data and Path(data).is_file()


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
    """Counts and their bin edges: of a sequence (which needs numpy), or as ``np.histogram`` gives."""

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
            raise Invalid(f"a histogram has at most {MAX_BINS} counts, and one more edge than counts")

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
