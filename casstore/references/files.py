"""``file://``: a file or a folder of this machine; BLAKE3 of the content.

Knows: file URIs, where they lead.  Never: stores: no bytes are taken.

A folder is walked as ``add_dir`` walks it: links are followed, ``.casstore`` is left out.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from casstore.digest import Buffer, Hasher
from casstore.errors import Error, FileMissing, Invalid
from casstore.parallel import default_workers, ordered_map
from casstore.references.record import Expansion, Found, Referent, gone, too_many, unlisted
from casstore.worktree import Walk

__all__ = ["Files", "make_handler"]

READ_BYTES = 1024 * 1024


class Files:
    """The handler."""

    def expand(self, uri: str, limit: int) -> Expansion:
        """See ``Handler``; every file is read once, to hash it."""
        path = _path_of(uri)
        if not path.is_dir():
            return Expansion([Found(os.fsencode(path.name), _described(path))])
        places: list[tuple[bytes, Path]] = []
        for source in Walk(os.fsencode(path)):
            if len(places) >= limit:
                raise too_many(uri, limit)
            places.append((source.name, Path(os.fsdecode(source.path))))
        if not places:
            raise gone(uri, "the folder holds no file")
        workers = default_workers()
        described = ordered_map(
            lambda place: Found(place[0], _described(place[1])),
            places,
            workers=workers,
            window=4 * workers,
        )
        return Expansion(list(described), is_prefix=True)

    def look(self, recorded: Referent) -> Referent | None:
        """See ``Handler``: the file is read."""
        try:
            return _described(_path_of(recorded.uri), recorded.uri)
        except FileMissing:
            return None

    def listing(self, folder: str) -> Iterator[Referent]:
        """See ``Handler``: there is none."""
        raise unlisted(folder)

    def stream(self, recorded: Referent) -> Iterator[Buffer]:
        """See ``Handler``; whether it changed shows in its BLAKE3."""
        yield from _pieces(_path_of(recorded.uri), recorded.uri)


def make_handler() -> Files:
    """Return the handler of this module's schemes."""
    return Files()


def _described(path: Path, uri: str = "") -> Referent:
    hasher, size = Hasher(), 0
    for piece in _pieces(path, uri or path.as_uri()):
        hasher.update(piece)
        size += len(piece)
    return Referent(uri or path.as_uri(), size, blake3=hasher.hexdigest())


def _pieces(path: Path, uri: str) -> Iterator[Buffer]:
    try:
        with path.open("rb", buffering=0) as stream:
            while data := stream.read(READ_BYTES):
                yield data
    except FileNotFoundError:
        raise gone(uri) from None
    except IsADirectoryError:
        raise Invalid(
            f"{uri} is a folder and was added as one object", hint="add it with checksum=True"
        ) from None
    except OSError as error:
        raise Error(f"{uri} cannot be read: {error.strerror}") from error


def _path_of(uri: str) -> Path:
    """Return the absolute path of a file URI: percent-decoded (RFC 8089), else as it stands.

    ``file://data/x`` is relative to the working directory, as in W&B; what is kept never is.
    """
    text = uri.partition("://")[2].removeprefix("localhost/")
    if uri.partition("://")[2].startswith("localhost/"):
        text = "/" + text
    if not text or "\0" in unquote(text):
        raise Invalid(f"{uri!r} names no file")
    decoded, literal = (Path(os.path.abspath(each)) for each in (unquote(text), text))
    return decoded if decoded.exists() or not literal.exists() else literal
