"""What all media have in common: a file, a caption, W&B's JSON.

Knows: the keys that every kind writes.  Never: what is in the file.
"""

import os
from pathlib import Path
from typing import Any, ClassVar, Self

from casstore.errors import Invalid, Unsupported
from casstore.media.content import Content, LocalFile, Sink, Source, made_file

__all__ = ["Media", "file_of", "text_of"]

URI_STARTS = ("gs://", "http://", "https://", "s3://")


class Media:
    """A file with a type: an image, a sound, a page, a plot.

    ``log_type`` is W&B's ``_type`` and the middle of the file's name (``x.image-file.json``),
    ``folder`` where an artifact holds the bytes, ``column_type`` what a table's schema calls it
    (None: W&B has no name for it).  Two media are equal if their bytes and captions are.
    """

    log_type: ClassVar[str]
    folder: ClassVar[str]
    column_type: ClassVar[str | None] = None

    def __init__(self, content: Content, caption: str | None = None) -> None:
        self._content = content
        self._caption = caption

    def __repr__(self) -> str:
        return f"<casstore.{type(self).__name__} {self._content.sha256[:12]}>"

    def __eq__(self, other: object) -> bool:
        return (
            type(other) is type(self)
            and isinstance(other, Media)
            and self._content.sha256 == other._content.sha256
            and self._caption == other._caption
        )

    def __hash__(self) -> int:
        return hash((self.log_type, self._content.sha256))

    @property
    def content(self) -> Content:
        """The file."""
        return self._content

    @property
    def caption(self) -> str | None:
        """The caption, or None."""
        return self._caption

    @property
    def path(self) -> str:
        """A path on disk that holds the bytes; of a logged artifact's it is laid out first."""
        return str(self._content.local())

    _path = path  # scripts written for W&B read it

    def read(self) -> bytes:
        """Return the bytes."""
        return self._content.read()

    def encode(self, sink: Sink) -> dict[str, Any]:
        """Give the file to ``sink`` and return W&B's JSON for it."""
        content = self._content
        place = sink.path_of(content)
        if place is None:
            place = content.place(self.folder)
            sink.put(place, content)
        plain: dict[str, Any] = {
            "_type": self.log_type,
            "path": place,
            "sha256": content.sha256,
            "size": content.size_bytes,
        }
        return plain if self._caption is None else {**plain, "caption": self._caption}

    @classmethod
    def decode(cls, plain: dict[str, Any], source: Source) -> Self:
        """Return the object that W&B's JSON describes; its bytes are read when asked for."""
        made = cls.__new__(cls)
        content = source.content(plain["path"], plain.get("sha256"))
        Media.__init__(made, content, plain.get("caption"))
        made._read_fields(plain, source)  # noqa: SLF001 - its own class
        return made

    def _read_fields(self, plain: dict[str, Any], source: Source) -> None:
        """Take what a kind has beside its file."""


def file_of(value: str | os.PathLike[str], kinds: tuple[str, ...] | None, what: str) -> LocalFile:
    """Return a file that was named; ``Invalid`` if its ending is none of ``kinds``."""
    if isinstance(value, str) and value.startswith(URI_STARTS):
        raise Unsupported(
            f"{value!r} is a URI, and a {what} is made of a file",
            hint="download it first, or keep the URI with artifact.add_reference",
        )
    path = Path(value)
    if kinds is not None and not path.name.lower().endswith(tuple(f".{kind}" for kind in kinds)):
        raise Invalid(f"{str(path)!r} is no {what}", hint=f"use one of {', '.join(kinds)}")
    return LocalFile(path)


def text_of(stream: Any, kind: str) -> LocalFile:
    """Write what a stream gives, text or bytes, to a file ending in ``.kind``."""
    if hasattr(stream, "seek"):
        stream.seek(0)
    data = stream.read()
    return made_file(data.encode("utf-8") if isinstance(data, str) else data, f".{kind}")
