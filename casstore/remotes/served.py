"""``Objects`` on any driver: attempts, errors, lost answers, reading ahead.

Knows: the promises that hold whatever the place is.  Never: any library.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from casstore.backends.failures import Kind, understood
from casstore.backends.making import Kept
from casstore.backends.trying import Patience, tried
from casstore.errors import (
    Corrupt,
    Error,
    Invalid,
    NotFound,
    RemoteAuth,
    RemoteBusy,
    RemoteError,
    RemoteFull,
    RemoteMissing,
)
from casstore.parallel import ordered_map
from casstore.remotes.addresses import Address, parse_address
from casstore.remotes.driver import TEMPORARY, Driver, Page, Requests, ShortRead
from casstore.remotes.objects import (
    MAX_OBJECT_BYTES,
    MAX_SMALL_BYTES,
    Listed,
    Objects,
    Range,
    too_large,
)
from casstore.remotes.schemes import make_driver, scheme_of

__all__ = ["MAX_BYTES_IN_FLIGHT", "MAX_EXCLUSIVE_BYTES", "open_objects"]

MAX_EXCLUSIVE_BYTES = MAX_SMALL_BYTES
MAX_BYTES_IN_FLIGHT = 64 * 1024 * 1024
MAX_LISTED = 5_000_000  # objects, or empty pages: a listing that never ends is no depot's
READERS = 8
READ_AHEAD = 64

Result = TypeVar("Result")

_NAME = re.compile(r"[A-Za-z0-9_.%\-]+(/[A-Za-z0-9_.%\-]+)*\Z")
_DOTS = re.compile(r"(?:\A|/)\.{1,2}(?:/|\Z)")


_DEFECTS = (AssertionError, AttributeError, TypeError)  # our own, not the place's


class _AlreadyThere(RemoteError):
    """An object of that name is there; whose it is must be read."""


def open_objects(url: str | os.PathLike[str], *, patience: Patience | None = None) -> Objects:
    """Return the depot at a URL, or in a folder; nothing is asked of it yet.

    Credentials come from where each backend looks by itself.  Raises ``Invalid`` for a URL that is
    none or that holds a secret, ``Unsupported`` if nothing here speaks its scheme.
    """
    return _Served(parse_address(url), patience or Patience())


class _Served:
    """See ``Objects``.  Pickles as its URL; works in forked and spawned children."""

    def __init__(self, address: Address, patience: Patience) -> None:
        self._address = address
        self._patience = patience
        self._requests = Requests()
        self._closed = False
        self._driver = Kept(lambda: make_driver(address, self._requests))

    def __reduce__(self) -> tuple[object, ...]:
        return _reopened, (self.url, self._patience)

    def __repr__(self) -> str:
        return f"<objects at {self.url}>"

    @property
    def url(self) -> str:
        """See ``Objects``."""
        return self._address.url

    @property
    def requests(self) -> Mapping[str, int]:
        """See ``Objects``."""
        return self._requests.counts()

    def create(self, name: str, data: bytes | memoryview) -> None:
        """See ``Objects``."""
        body = data if isinstance(data, bytes) else bytes(data)
        self._attempt("create", name, lambda driver: driver.put(_checked(name), body))

    def create_exclusively(self, name: str, data: bytes) -> bool:
        """See ``Objects``."""
        if len(data) > MAX_EXCLUSIVE_BYTES:
            raise Invalid(f"{name} is too large to be created exclusively: {len(data):,} bytes")
        try:
            self._attempt("create", name, lambda driver: driver.put_new(_checked(name), data))
        except _AlreadyThere:
            return self._holds(name, data)
        return True

    def read(
        self, name: str, start: int = 0, end: int | None = None, *, at_most: int = MAX_OBJECT_BYTES
    ) -> bytes:
        """See ``Objects``."""
        if end is not None and end <= start:
            return b""
        most = at_most if end is None else end - start
        data = self._attempt(
            "read", name, lambda driver: _whole(driver, _checked(name), start, end, most)
        )
        if len(data) > most:
            raise too_large(self.url, name, most)
        return data

    def read_ranges(self, ranges: Iterable[Range]) -> Iterator[bytes]:
        """See ``Objects``: at most 64 MiB, or one range, are under way or wait to be taken."""
        return ordered_map(
            lambda each: self.read(each.name, each.start, each.end),
            ranges,
            workers=READERS,
            window=READ_AHEAD,
            weigh=lambda each: each.end - each.start,
            max_weight=MAX_BYTES_IN_FLIGHT,
        )

    def listing(self, prefix: str) -> Iterator[Listed]:
        """See ``Objects``; uploads without a name show below ``tmp/`` only."""
        if prefix and not prefix.endswith("/"):
            raise Invalid(f"the prefix {prefix!r} does not end in '/'")
        if prefix:
            _checked(prefix[:-1])
        more: object | None = None
        count = 0
        while True:
            page = self._page(prefix, more)
            count += max(1, len(page.found))
            if count > MAX_LISTED:
                raise RemoteError(
                    f"{self.url} lists more than {MAX_LISTED:,} objects below {prefix or 'it'}",
                    hint="no depot of casstore has so many: see what is there",
                )
            for each in page.found:
                if prefix or not each.name.startswith(TEMPORARY):
                    yield each
            more = page.more
            if more is None:
                return

    def delete(self, name: str) -> None:
        """See ``Objects``."""
        try:
            self._attempt("delete", name, lambda driver: driver.remove(_checked(name)))
        except NotFound:
            return

    def close(self) -> None:
        """See ``Objects``."""
        self._closed = True
        driver = self._driver.take()
        if driver is not None:
            driver.close()

    def _page(self, prefix: str, more: object | None) -> Page:
        return self._attempt("list", prefix, lambda driver: driver.page(prefix, more))

    def _holds(self, name: str, data: bytes) -> bool:
        """Tell whether what is there is ours: then only the answer to an attempt was lost."""
        try:
            return self.read(name, at_most=MAX_EXCLUSIVE_BYTES) == data
        except (NotFound, Corrupt):  # somebody has written nothing yet, or what nobody of us did
            return False

    def _attempt(self, verb: str, name: str, call: Callable[[Driver], Result]) -> Result:
        """Call the driver, again while that may help; raises casstore's errors."""
        used: list[Driver] = []

        def once() -> Result:
            if self._closed:
                raise Invalid(f"{self.url} was closed")
            used[:] = [self._driver.get()]
            return call(used[0])

        def failed(kind: Kind) -> None:
            if kind is Kind.DEAD and used:
                self._driver.drop(used[0])

        try:
            return tried(once, patience=self._patience, failed=failed)
        except (Error, *_DEFECTS):
            raise
        except Exception as error:
            raise self._meant(verb, name, error) from error

    def _meant(self, verb: str, name: str, error: Exception) -> Error:
        kind, said = understood(error)
        if kind is Kind.MISSING and verb == "read":
            return NotFound(f"{self.url} holds no {name}")
        if kind is Kind.SHORT:
            return Corrupt(
                f"{name} of {self.url} is shorter than it should be",
                hint="nothing of it was used; `casstore repair --to NAME` heals the depot with a"
                " store that has it, or take it from another",
            )
        if kind is Kind.MISSING and verb in {"create", "list"}:
            kind = Kind.NO_ROOT
        meaning = _MEANINGS.get(kind, _Meaning(RemoteError, "call again"))
        looked = scheme_of(self._address).credentials
        return meaning.error(
            f"{self.url}: cannot {verb} {name or 'everything'}: {said}",
            hint=meaning.hint.format(looked=looked),
        )


class _Meaning(NamedTuple):
    error: type[Error]
    hint: str


_MEANINGS = {
    Kind.AUTH: _Meaning(RemoteAuth, "credentials were looked for in {looked}"),
    Kind.BUSY: _Meaning(RemoteBusy, "call again later"),
    Kind.CONFLICT: _Meaning(RemoteBusy, "call again later"),
    Kind.EXISTS: _Meaning(_AlreadyThere, "it is kept"),
    Kind.FULL: _Meaning(RemoteFull, "make room there and call again"),
    Kind.HOST_KEY: _Meaning(
        RemoteAuth, "its key is not in ~/.ssh/known_hosts: connect with ssh once and compare it"
    ),
    Kind.MISSING: _Meaning(NotFound, "see what is there"),
    Kind.NO_ROOT: _Meaning(
        RemoteMissing, "make the bucket, or the folder above it, or mend the URL"
    ),
}


def _reopened(url: str, patience: Patience) -> Objects:
    return open_objects(url, patience=patience)


def _checked(name: str) -> str:
    if not _NAME.match(name) or _DOTS.search(name):
        raise Invalid(f"{name!r} cannot name an object of a depot")
    return name


def _whole(driver: Driver, name: str, start: int, end: int | None, most: int) -> bytes:
    data = driver.get(name, start, end, most)
    if end is not None and len(data) < end - start:
        raise ShortRead(f"{len(data)} bytes came of {end - start}")
    if end is not None and len(data) > end - start:
        raise ConnectionError(f"more than {end - start} bytes came")
    return data
