"""Claims: who owns number n of a name, by exclusive create; and what was settled beside them.

Knows: ``claims/<project>/<name>/<n>``, how names become file names.  Never: what is numbered.
A claim is never deleted and never transferred, so a number is never given twice.
"""

import re
from pathlib import Path

from casstore import durable
from casstore.digest import COMMIT_ID_SIZE, CommitId, digest_of

__all__ = ["Claims", "escape_name"]

MAX_FILE_NAME_CHARS = 200
KEPT_CHARS = 120
NEWEST_CLAIMS = 32

_NUMBER = re.compile(r"(0|[1-9][0-9]*)\Z", re.ASCII)
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_.")


def escape_name(name: str) -> str:
    """Return a name as a file name: percent-encoded, upper case and a leading dot too.

    Two names that differ only in case must not meet on a file system that ignores it.  What would
    be longer than 200 characters is its first 120, ``%%`` and 32 of the hex of its BLAKE3.
    """
    escaped = "".join(
        chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in name.encode("utf-8")
    )
    if escaped.startswith("."):
        escaped = f"%2e{escaped[1:]}"
    if len(escaped) <= MAX_FILE_NAME_CHARS:
        return escaped
    return f"{escaped[:KEPT_CHARS]}%%{digest_of(name.encode()).hex()[:32]}"


class Claims:
    """The numbers that one depot has given out."""

    def __init__(self, root: Path) -> None:
        self._root = root / "claims"

    def take(self, project: str, name: str, at_least: int, commit: CommitId, staging: Path) -> int:
        """Claim ``at_least``, or, if that is taken, the number after the highest; return it.

        The claims are listed only when the number that the caller takes for free is not: what a
        claim costs does not grow with their number.  A number that this commit owns already (a
        commit that was interrupted) is returned again.
        """
        folder = self._folder(project, name)
        number = at_least
        while True:
            try:
                durable.create_exclusive(folder / str(number), commit.hex().encode(), staging)
            except FileExistsError:
                taken = range(number, max(number, self.highest(project, name)) + 1)
                for own in taken:
                    if self.owner(project, name, own) == commit:
                        return own
                number = taken.stop
            else:
                return number

    def taken_by(self, project: str, name: str, commit: CommitId) -> int | None:
        """Return the number that a commit has among the newest claims; None if it has none."""
        highest = self.highest(project, name)
        newest = range(max(0, highest - NEWEST_CLAIMS + 1), highest + 1)
        found = (number for number in newest if self.owner(project, name, number) == commit)
        return next(found, None)

    def settle(self, project: str, name: str, what: str, data: bytes, staging: Path) -> bytes:
        """Say something of a name for ever, unless somebody has; return what holds.

        ``what`` is a file name beside those of the numbers, and no number.
        """
        try:
            durable.create_exclusive(self._folder(project, name) / what, data, staging)
        except FileExistsError:
            return self.read(project, name, what) or data
        return data

    def read(self, project: str, name: str, what: str) -> bytes | None:
        """Return what was settled, None if nothing was."""
        path = self._root / escape_name(project) / escape_name(name) / what
        try:
            return durable.read_file(path) or None
        except FileNotFoundError:
            return None

    def owner(self, project: str, name: str, number: int) -> CommitId | None:
        """Return the commit that owns a number, or None; a torn claim, or no file, is a hole."""
        path = self._root / escape_name(project) / escape_name(name) / str(number)
        try:
            commit = bytes.fromhex(durable.read_file(path).decode("ascii"))
        except (FileNotFoundError, ValueError):
            return None
        except OSError as error:
            if not durable.is_no_file(error):
                raise
            return None
        return CommitId(commit) if len(commit) == COMMIT_ID_SIZE else None

    def highest(self, project: str, name: str) -> int:
        """Return the highest number ever claimed, or -1."""
        names = durable.names_in(self._root / escape_name(project) / escape_name(name))
        return max((int(name) for name in names if _NUMBER.match(name)), default=-1)

    def _folder(self, project: str, name: str) -> Path:
        folder = self._root / escape_name(project)
        durable.make_directory(folder)
        folder /= escape_name(name)
        durable.make_directory(folder)
        return folder
