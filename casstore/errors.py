"""The exceptions that casstore raises, grouped by what the handler does.

Knows: the tree, each class's exit code.  Never: anything else of the package.

::

    Error                          1    the root
    ├── CommError                  1    a base, as in W&B
    │   ├── NotFound               10   choose another name        (ValueError)
    │   │   ├── Absent             10   pull it: the version is here, these bytes are not
    │   │   ├── EntryNotFound      10   no such path in a version  (KeyError)
    │   │   └── FileMissing        10   no such file on disk       (FileNotFoundError)
    │   ├── Busy                   11   wait
    │   └── RemoteError            1    retry                      (OSError)
    │       ├── RemoteAuth         12   give credentials
    │       ├── RemoteBusy         11   wait                       (Busy)
    │       ├── RemoteFull         1    make room there
    │       └── RemoteMissing      10   no such bucket, folder or server's path
    ├── UsageError                 2    the call cannot be made now
    │   └── Invalid                2    fix the call               (ValueError)
    │       ├── ArtifactNotLoggedError      2
    │       └── ArtifactFinalizedError      2
    ├── Conflict                   5    decide
    ├── Corrupt                    4    restore                    (ValueError)
    │   └── ReferenceChanged       4    what lies elsewhere is another object now
    └── Unsupported                1    upgrade
"""

from typing import ClassVar

__all__ = [
    "Absent",
    "ArtifactFinalizedError",
    "ArtifactNotLoggedError",
    "Busy",
    "CommError",
    "Conflict",
    "Corrupt",
    "EntryNotFound",
    "Error",
    "FileMissing",
    "Invalid",
    "NotFound",
    "ReferenceChanged",
    "RemoteAuth",
    "RemoteBusy",
    "RemoteError",
    "RemoteFull",
    "RemoteMissing",
    "Unsupported",
    "UsageError",
]


class Error(Exception):
    """The root of every exception that casstore raises on purpose.

    ``message`` is one line that says what happened and what was kept; ``hint`` says what to do.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.hint))


def _rebuild(kind: type[Error], message: str, hint: str) -> Error:
    return kind(message, hint=hint)


class CommError(Error):
    """A base for what W&B calls communication errors; never raised by itself."""


class NotFound(CommError, ValueError):
    """Nothing has that name here; choose another name or another store."""

    exit_code = 10


class Absent(NotFound):
    """The version is here, and these bytes of it are not: it was pulled without them."""


class EntryNotFound(NotFound, KeyError):
    """The version holds no such path."""

    __str__ = Error.__str__


class FileMissing(NotFound, FileNotFoundError):
    """A file that should be on disk is not."""

    __str__ = Error.__str__


class Busy(CommError):
    """Someone else is at work there; wait and call again."""

    exit_code = 11


class RemoteError(CommError, OSError):
    """A remote did not do what was asked; calling again may help."""

    __str__ = Error.__str__


class RemoteAuth(RemoteError):
    """A remote lets nobody in with these credentials, or without any."""

    exit_code = 12


class RemoteBusy(RemoteError, Busy):
    """A remote asks to wait, and did so for as long as was waited."""

    exit_code = 11


class RemoteFull(RemoteError):
    """A remote has no room left, or a quota is used up."""


class RemoteMissing(RemoteError):
    """The bucket, folder or path that a remote's URL names is not there.

    Not a ``NotFound``, which says that a depot holds no such object.
    """

    exit_code = 10


class UsageError(Error):
    """The call cannot be made in this state."""

    exit_code = 2


class Invalid(UsageError, ValueError):
    """The call's values are wrong; fix the call."""


class ArtifactNotLoggedError(Invalid):
    """Asked of a draft what only a finished version can answer."""


class ArtifactFinalizedError(Invalid):
    """Asked to change what is finished."""


class Conflict(Error):
    """Two things exclude each other; a person decides."""

    exit_code = 5


class Corrupt(Error, ValueError):
    """Bytes are not what their digest says; restore them from elsewhere."""

    exit_code = 4


class ReferenceChanged(Corrupt):
    """What a reference points to is not the object that was recorded; log it again, or restore."""


class Unsupported(Error):
    """What this release cannot do; upgrade, or use another tool."""
