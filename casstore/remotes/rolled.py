"""``Objects`` whose listings come from the depot's roll where it may not be listed.

Knows: what a refusal means, what has to be named in the roll.  Never: how a roll is written.

Who may list is not told anything else than before, and names at the end what was created and what
the roll lacks.  Where listing is refused, though FORMAT can be read:

- what is listed is what the roll names and this machine created.  It may be less than is there: a
  push that was killed has yet to be named, by its own machine or by the next push of somebody who
  may list.  That is a listing of a moment ago, which every reader of a depot stands.
- an object that may not be read is one that is not there, for that is how AWS and Ceph answer then;
  that credentials are still good is asked of FORMAT each time.
- what was not there when it was read is listed no more, whatever the roll says, until this machine
  creates it.
- claims are never listed from it: no one of them may be missed (``claims``).
"""

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from casstore.errors import Corrupt, NotFound, RemoteAuth, Unsupported
from casstore.parallel import Lock
from casstore.remotes.objects import MAX_OBJECT_BYTES, MAX_SMALL_BYTES, Listed, Objects, Range
from casstore.remotes.owed import Owed
from casstore.remotes.roll import FOLDERS, ROLL, is_named
from casstore.remotes.rollbook import Rollbook

__all__ = ["Rolled"]

IDENTITY = "FORMAT"
FRESH = ("journal/", "index/", "packs/")  # in this order: what events need is there before them


class Rolled:
    """See ``Objects``, and the module.  Safe across threads.

    ``writing``: a depot may be made there, and what is listed is compared with the roll in the end.
    ``exclusive``: whether the place creates exclusively; None if that was never tried.
    """

    def __init__(
        self, objects: Objects, *, writing: bool = False, exclusive: bool | None = None
    ) -> None:
        self._objects = objects
        self._writing = writing
        self._exclusive = exclusive
        self._refusal: RemoteAuth | None = None
        self._created: dict[str, int] = {}
        self._seen: dict[str, int] = {}
        self._missing: set[str] = set()  # what was not there when it was read
        self._owed: Owed | None = None
        self._book: Rollbook | None = None
        self._lock = Lock()  # of what was created and seen
        self._booking = Lock()  # of the book

    def __repr__(self) -> str:
        return f"Rolled({self._objects!r})"

    @property
    def url(self) -> str:
        """See ``Objects``."""
        return self._objects.url

    @property
    def requests(self) -> Mapping[str, int]:
        """See ``Objects``."""
        return self._objects.requests

    @property
    def may_list(self) -> bool:
        """Tell whether listing has not been refused so far."""
        return self._refusal is None

    def keep_notes(self, base: Path) -> None:
        """Remember beside ``base``, a path in a cache, what the roll lacks and where it ends."""
        if self._owed is None:
            self._owed = Owed(base)

    def create(self, name: str, data: bytes | memoryview) -> None:
        """See ``Objects``."""
        self._objects.create(name, data)
        self._note(name, len(data))

    def create_exclusively(self, name: str, data: bytes) -> bool:
        """See ``Objects``."""
        made = self._objects.create_exclusively(name, data)
        if made:
            self._note(name, len(data))
        return made

    def read(
        self, name: str, start: int = 0, end: int | None = None, *, at_most: int = MAX_OBJECT_BYTES
    ) -> bytes:
        """See ``Objects``."""
        try:
            return self._objects.read(name, start, end, at_most=at_most)
        except (NotFound, RemoteAuth) as error:
            meant = self._meant(name, error)
            if meant is error:  # its own cause would be a circle
                raise
            raise meant from error

    def read_ranges(self, ranges: Iterable[Range]) -> Iterator[bytes]:
        """See ``Objects``."""
        return _Parts(self._objects, ranges, self._meant)

    def listing(self, prefix: str) -> Iterator[Listed]:
        """See ``Objects``; where that is refused, what the roll names and this machine created."""
        if self._refusal is None:
            try:
                for each in self._objects.listing(prefix):
                    self._see(each)
                    yield each
            except RemoteAuth as error:
                self._refused(error)
            else:
                return
        if not prefix.startswith(FOLDERS):
            yield from self._objects.listing(prefix)  # refused, in the place's own words
            return
        for name, size_bytes in self._named().items():
            if name.startswith(prefix):
                yield Listed(name, size_bytes)

    def delete(self, name: str) -> None:
        """See ``Objects``."""
        self._objects.delete(name)

    def close(self) -> None:
        """See ``Objects``; what was not told stays noted."""
        self._objects.close()

    def tell(self) -> None:
        """Name in the roll what was created and listed and it lacks; no request if nothing was.

        Where nothing can be created exclusively there is no roll.  Raises ``RemoteError``.
        """
        with self._booking:
            owed = self._all_owed()
            if self._created or (self._writing and owed):
                if self._exclusive is not False:
                    self._name(owed)
                self._forget(owed)

    def _name(self, owed: Mapping[str, int]) -> None:
        book = self._opened_book()
        with contextlib.suppress(Unsupported):  # nobody continues a roll of a later release either
            book.catch_up(passing_over=self._refusal is None)
            if book.last or self._creates_exclusively():
                book.add(self._to_name(book, owed), passing_over=self._refusal is None)
        if self._owed is not None:
            self._owed.expect(book.last)

    def _forget(self, owed: Iterable[str]) -> None:
        """Forget what is named now, or where there is no roll; not what was created meanwhile."""
        with self._lock:
            for name in owed:
                self._created.pop(name, None)
            self._seen.clear()
        if self._owed is not None:
            self._owed.paid()

    # What is known

    def _note(self, name: str, size_bytes: int) -> None:
        if self._exclusive is False or not is_named(name):
            return
        with self._lock:
            self._created[name] = size_bytes
            self._missing.discard(name)
        if self._owed is not None:
            self._owed.add(name, size_bytes)

    def _see(self, each: Listed) -> None:
        if self._writing and self._exclusive is not False and is_named(each.name):
            with self._lock:
                self._seen[each.name] = each.size_bytes

    def _all_owed(self) -> dict[str, int]:
        """Return what this process created, and others of this machine that were killed."""
        owed = {} if self._owed is None else self._owed.read()
        with self._lock:
            owed.update(self._created)
        return {name: size for name, size in owed.items() if is_named(name)}

    def _named(self) -> dict[str, int]:
        """Return what the roll names now, and what it is owed.

        Raises the refusal where there is no roll, and ``writing`` does not begin one.
        """
        with self._booking:
            owed = self._all_owed()  # before the roll: else what is told meanwhile is in neither
            book = self._opened_book()
            book.catch_up()
            if not book.last and not owed:
                self._require_roll()
            if self._owed is not None:
                self._owed.expect(book.last)
            named = {**book.names, **owed}
        return {name: size for name, size in named.items() if name not in self._missing}

    def _to_name(self, book: Rollbook, owed: Mapping[str, int]) -> dict[str, int]:
        """Return what must be named, or is already.

        Events of others come with all that they need, listed after them: what the roll shows is
        whole.
        """
        with self._lock:
            seen = dict(self._seen)
        new = (name for name in seen if name not in book.names and name not in owed)
        if self._refusal is None and (not self._writing or any(map(_is_event, new))):
            for folder in FRESH:
                listed = self._listed_anew(folder)
                seen.update({each.name: each.size_bytes for each in listed if is_named(each.name)})
        return {**seen, **owed}

    def _listed_anew(self, folder: str) -> Iterator[Listed]:
        """Yield what is listed below a folder, nothing where that is refused now."""
        try:
            yield from self._objects.listing(folder)
        except RemoteAuth as error:
            self._refused(error)

    def _opened_book(self) -> Rollbook:
        if self._book is None:
            self._book = Rollbook(self, 0 if self._owed is None else self._owed.expected())
        return self._book

    # What may be done

    def _refused(self, error: RemoteAuth) -> None:
        """Remember that listing is refused; raises ``error`` if FORMAT is refused too."""
        try:
            self._objects.read(IDENTITY, at_most=MAX_SMALL_BYTES)
        except NotFound:
            pass  # told from what may not be read: this place lets us in
        except RemoteAuth:
            raise error from None
        self._refusal = error

    def _meant(self, name: str, error: NotFound | RemoteAuth) -> NotFound | RemoteAuth:
        """Return what it means that a read was refused, or that something is not there."""
        if isinstance(error, RemoteAuth):
            error = self._of_refused(name, error)
        if isinstance(error, NotFound) and is_named(name):
            self._missing.add(name)  # the roll names it all the same
        return error

    def _of_refused(self, name: str, error: RemoteAuth) -> NotFound | RemoteAuth:
        if self._refusal is None and self._lists():
            return error
        if name == IDENTITY:
            return self._no_depot(error)
        try:
            self._objects.read(IDENTITY, at_most=MAX_SMALL_BYTES)
        except (RemoteAuth, NotFound):
            return error
        return NotFound(f"{self.url} holds no {name}, or it may not be read")

    def _lists(self) -> bool:
        """Tell whether listing is allowed, by a page of it."""
        try:
            next(iter(self._objects.listing(ROLL)), None)
        except RemoteAuth as error:
            with contextlib.suppress(RemoteAuth):
                self._refused(error)
            return False
        return True

    def _no_depot(self, error: RemoteAuth) -> NotFound | RemoteAuth:
        """Tell whether there is no depot: what was just made can be read, and FORMAT cannot.

        That is tried where one may be made: else nobody can tell it from wrong credentials.
        """
        if not self._writing:
            hint = f"{error.hint}; if they are right, nothing was pushed there yet"
            return RemoteAuth(error.message, hint=hint)
        sample, name = os.urandom(16), f"probe/{os.urandom(8).hex()}/sample"
        try:
            self._objects.create(name, sample)
            if self._objects.read(name, at_most=MAX_SMALL_BYTES) != sample:
                return error
        except (Corrupt, NotFound, RemoteAuth):
            return error
        with contextlib.suppress(RemoteAuth):
            self._objects.delete(name)
        return NotFound(f"{self.url} holds no {IDENTITY}")

    def _require_roll(self) -> None:
        refusal = self._refusal
        if refusal is None or (self._writing and self._creates_exclusively()):
            return
        raise RemoteAuth(
            f"{refusal.message}; and no roll there says what it holds",
            hint="let it be listed, or push something there once with credentials that may list"
            f"; {refusal.hint}",
        )

    def _creates_exclusively(self) -> bool:
        """Tell whether a second create of one name is refused: some servers ignore conditions."""
        if self._exclusive is None:
            name = f"probe/{os.urandom(8).hex()}/roll"
            try:
                made = self._objects.create_exclusively(name, b"first")
                self._exclusive = made and not self._objects.create_exclusively(name, b"second")
            except Unsupported:
                self._exclusive = False
                return False
            with contextlib.suppress(RemoteAuth):
                self._objects.delete(name)
        return self._exclusive


class _Parts:
    """What comes of ranges, a refusal told as what it means.  It waits for nobody if given up."""

    def __init__(
        self,
        objects: Objects,
        ranges: Iterable[Range],
        meant: Callable[[str, NotFound | RemoteAuth], NotFound | RemoteAuth],
    ) -> None:
        self._meant = meant
        self._asked: deque[str] = deque()  # the names of those that did not come yet
        self._parts = iter(objects.read_ranges(self._noted(ranges)))

    def __iter__(self) -> "_Parts":
        return self

    def __next__(self) -> bytes:
        try:
            part = next(self._parts)
        except (NotFound, RemoteAuth) as error:
            meant = self._meant(self._asked[0], error)
            if meant is error:
                raise
            raise meant from error
        self._asked.popleft()
        return part

    def _noted(self, ranges: Iterable[Range]) -> Iterator[Range]:
        for each in ranges:
            self._asked.append(each.name)
            yield each


def _is_event(name: str) -> bool:
    return name.startswith("journal/")
