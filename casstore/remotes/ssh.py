"""``ssh://[USER@]HOST[:PORT]/path``, ``sftp://``: a folder of a server, over SFTP.

Knows: SFTP's calls; ``/~/`` is the home there.  Never: shells, keys.

Uploads are written below ``tmp/`` and renamed.  The protocol's own rename fails where the name is
taken (draft-ietf-secsh-filexfer-02, 6.5), which makes an object exclusive; OpenSSH's extension
``posix-rename`` replaces, which makes it repeatable.
"""

import contextlib
from typing import Any
from urllib.parse import urlsplit

from casstore.backends.ssh import SFTPFailure, SFTPNoSuchFile, SFTPOpUnsupported, ssh_file_system
from casstore.backends.systems import run
from casstore.errors import Invalid
from casstore.remotes.addresses import Address
from casstore.remotes.driver import TEMPORARY, Driver, Page, Requests, temporary
from casstore.remotes.objects import Listed

__all__ = ["Ssh", "make_driver"]

HOME = "~/"


class Ssh:
    """See ``Driver``; a request is a file opened and moved, a folder listed, a file removed."""

    def __init__(self, address: Address, requests: Requests) -> None:
        self._root = address.path.removeprefix(HOME)
        self._requests = requests
        self._fs: Any = _connected(address)

    def put(self, name: str, data: bytes) -> None:
        """See ``Driver``."""
        run(self._fs, self._put, name, data, replace=True)

    def put_new(self, name: str, data: bytes) -> None:
        """See ``Driver``."""
        run(self._fs, self._put, name, data, replace=False)

    def get(self, name: str, start: int, end: int | None, most: int) -> bytes:
        """See ``Driver``."""
        data: bytes = run(self._fs, self._get, name, start, end, most)
        return data

    def page(self, prefix: str, more: object | None) -> Page:
        """See ``Driver``: a page is a folder; ``more`` are those that are left."""
        left = [prefix] if more is None else list(more) if isinstance(more, tuple) else []
        folder = left.pop()
        found: list[Listed] = []
        for name, attributes in run(self._fs, self._list, folder):
            if attributes.type == 2:  # SSH_FILEXFER_TYPE_DIRECTORY
                left.append(f"{folder}{name}/")
            else:
                found.append(Listed(f"{folder}{name}", attributes.size))
        if not prefix:
            left = [each for each in left if each != TEMPORARY]
        return Page(found, tuple(left) or None)

    def remove(self, name: str) -> None:
        """See ``Driver``."""
        self._requests.add("DELETE")
        run(self._fs, self._remove, self._path(name))

    def close(self) -> None:
        """See ``Driver``."""
        fs, self._fs = self._fs, None
        fs._finalize(fs.loop, fs._pool, fs._stack)  # noqa: SLF001 - sshfs has no other way to end

    async def _put(self, name: str, data: bytes, *, replace: bool) -> None:
        staged, final = self._path(temporary()), self._path(name)
        async with self._channel() as channel:
            self._requests.add("PUT")
            try:
                await _write(channel, staged, data)
            except SFTPNoSuchFile:
                await self._make_folders(channel, TEMPORARY)
                await _write(channel, staged, data)
            self._requests.add("MOVE")
            try:
                await _move(channel, staged, final, replace=replace)
            except SFTPNoSuchFile:
                await self._make_folders(channel, name)
                await _move(channel, staged, final, replace=replace)

    async def _get(self, name: str, start: int, end: int | None, most: int) -> bytes:
        self._requests.add("GET")
        path = self._path(name)
        async with self._channel() as channel:
            try:
                async with channel.open(path, "rb") as stream:
                    size = (await stream.stat()).size or 0 if end is None else end
                    length = min(max(0, size - start), most + 1)
                    data: bytes = await stream.read(length, start)
                    return data
            except SFTPFailure as error:
                if await channel.isdir(path):  # a folder of objects is none itself
                    raise FileNotFoundError(path) from error
                raise

    async def _list(self, folder: str) -> list[tuple[str, Any]]:
        self._requests.add("LIST")
        async with self._channel() as channel:
            try:
                entries = await channel.readdir(self._path(folder.rstrip("/")) or "/")
            except SFTPNoSuchFile:
                return []
        return [(e.filename, e.attrs) for e in entries if e.filename not in {".", ".."}]

    async def _remove(self, path: str) -> None:
        async with self._channel() as channel:
            await channel.remove(path)

    async def _make_folders(self, channel: Any, name: str) -> None:
        """Make the folders of a name and the root, but nothing above it."""
        parts = name.split("/")[:-1]
        for count in range(len(parts) + 1):
            self._requests.add("MKDIR")
            folder = self._path("/".join(parts[:count]))
            try:
                await channel.mkdir(folder)
            except SFTPFailure:
                if not await channel.isdir(folder):
                    raise

    def _channel(self) -> Any:
        return self._fs._pool.get()  # noqa: SLF001 - where sshfs has the calls that fsspec lacks

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}".rstrip("/") if self._root else name or "."


def make_driver(address: Address, requests: Requests) -> Driver:
    """Return the driver of an address, connected."""
    return Ssh(address, requests)


def _connected(address: Address) -> Any:
    parts = urlsplit(f"ssh://{address.place}")
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Invalid(f"{address.url} has no port that is one") from error
    return ssh_file_system(host, port=port, username=parts.username)


async def _write(channel: Any, path: str, data: bytes) -> None:
    async with channel.open(path, "wb") as stream:
        await stream.write(data)
        with contextlib.suppress(SFTPOpUnsupported):  # an extension, which OpenSSH has
            await stream.fsync()


async def _move(channel: Any, staged: str, final: str, *, replace: bool) -> None:
    try:
        if replace:
            try:
                await channel.posix_rename(staged, final)
            except SFTPOpUnsupported:
                await channel.rename(staged, final)
        else:
            await channel.rename(staged, final)
    except SFTPFailure as error:  # it has no number for a name that is taken
        if not await channel.lexists(final):
            raise
        await channel.remove(staged)
        if not replace:
            raise FileExistsError(final) from error
