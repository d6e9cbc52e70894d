"""Sounds, videos and pages.

Knows: W&B's layout of them, which files each kind takes.  Never: artifacts, tables.
"""

import io
import os
import wave
from pathlib import Path
from typing import Any, ClassVar

from casstore.errors import Invalid, Unsupported
from casstore.media.arrays import as_array, numpy_for
from casstore.media.base import Media, file_of, text_of
from casstore.media.content import Content, Sink, Source, made_file
from casstore.media.pictures import encode_frames

__all__ = ["Audio", "Html", "Video"]

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
    return (
        isinstance(data, str)
        and data.endswith(".html")
        and "\0" not in data
        and Path(data).is_file()
    )
