"""fsspec: settings that every file system gets, its loop, its table of schemes.

Knows: fsspec.  Never: any one backend.

Measured with s3fs 2026.9, gcsfs 2026.10, adlfs 2026.8: listings are cached for ever unless that is
switched off; instances are shared between callers unless that is; a forked child cannot use one.
"""

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import fsspec
import fsspec.core
from fsspec.asyn import sync

from casstore.errors import Unsupported

__all__ = [
    "COMMON",
    "file_system_at",
    "is_known",
    "run",
    "take",
    "unknown_scheme",
]

COMMON: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
"""What every file system is told."""


def is_known(scheme: str) -> bool:
    """Tell whether fsspec has a file system for a scheme, installed or not."""
    return scheme in fsspec.available_protocols()


def file_system_at(url: str) -> tuple[Any, str]:
    """Return fsspec's file system for a URL, and the path there; ``Unsupported`` if it has none."""
    scheme = url.partition("://")[0]
    with _unsupported(scheme):
        fs, path = fsspec.core.url_to_fs(url, **COMMON)
        return fs, str(path)


@contextlib.contextmanager
def _unsupported(scheme: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise unknown_scheme(scheme) from error
    except ImportError as error:
        raise Unsupported(f"{scheme}:// cannot be used: {error}", hint="install it") from error


def unknown_scheme(scheme: str) -> Unsupported:
    """Return the error for a scheme that no installed package has."""
    return Unsupported(
        f"nothing here speaks {scheme}://",
        hint="check how it is spelled, or use the tool that does",
    )


def run(fs: Any, function: Any, *arguments: Any, **named: Any) -> Any:
    """Call a coroutine function in the loop of a file system, and wait for what it returns."""
    return sync(fs.loop, function, *arguments, **named)


async def take(read: Callable[[int], Awaitable[bytes]], most: int) -> bytes:
    """Return what a stream holds, but no more than ``most`` + 1 bytes of it.

    ``read`` returns up to so many bytes, nothing at the end.  Whoever lets the stream go before its
    end lets the connection go too.
    """
    taken = bytearray()
    while len(taken) <= most and (piece := await read(most + 1 - len(taken))):
        taken += piece
    return bytes(taken)
