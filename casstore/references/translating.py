"""What goes wrong with a reference, as casstore's errors.

Knows: what each kind of failure means to who reads.  Never: libraries, keys, objects.
"""

import contextlib
from collections.abc import Iterator

from casstore.backends.failures import Kind, understood
from casstore.errors import Error, ReferenceChanged, RemoteAuth, RemoteError
from casstore.references.record import gone

__all__ = ["READ_BYTES", "translated"]

READ_BYTES = 4 * 1024 * 1024


@contextlib.contextmanager
def translated(uri: str) -> Iterator[None]:
    """Raise what a backend raises as ``FileMissing``, ``RemoteAuth`` or ``RemoteError``."""
    try:
        yield
    except Error:
        raise
    except Exception as error:  # the classes belong to libraries that may not be installed
        raise _meant(uri, error) from error


def _meant(uri: str, error: BaseException) -> Error:
    kind, said = understood(error)
    if kind in {Kind.AUTH, Kind.HOST_KEY}:
        return RemoteAuth(
            f"{uri} cannot be read with these credentials: {said}",
            hint="set what the backend reads, as its own tools do: variables, profiles, logins",
        )
    if kind in {Kind.MISSING, Kind.NO_ROOT}:
        return gone(uri)
    if kind is Kind.EXISTS:
        return ReferenceChanged(f"{uri} has changed")
    return RemoteError(f"{uri} cannot be read: {said}", hint="call again")
