"""Writers that create the same object at the same moment, in processes of their own.

Knows: starting them, letting them go at one time, what each was told.  Never: what it means.

``python -m casstore.remotes.racing URL`` is one writer: a line of JSON for each round comes in, one
goes out.  Monotonic clocks are one on a machine, so all spin until the same moment.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from typing import IO, NamedTuple, Protocol, Self

from casstore.errors import Error, RemoteError
from casstore.parallel import Pool
from casstore.remotes.objects import Objects
from casstore.remotes.served import open_objects

__all__ = ["Round", "Writers", "main", "writers_of"]

MEMORY = "memory://"
HEAD_START_SECONDS = 0.02
END_SECONDS = 10


class Round(NamedTuple):
    """What one writer wrote, whether it was told that it is there, and the error if there was."""

    data: bytes
    made: bool
    error: str


class Writers(Protocol):
    """Some writers; used as a bracket."""

    def race(self, name: str) -> list[Round]:
        """Let all create one object at once, each with bytes of its own."""

    def __enter__(self) -> Self:
        """Start them, and wait until all have connected."""

    def __exit__(self, *failure: object) -> None:
        """End them."""


def writers_of(objects: Objects, count: int) -> Writers:
    """Return writers for a depot: processes, but threads where it is this process's own memory."""
    return (
        _Threads(objects, count) if objects.url.startswith(MEMORY) else _Processes(objects, count)
    )


class _Processes:
    def __init__(self, objects: Objects, count: int) -> None:
        self._command = [sys.executable, "-m", "casstore.remotes.racing", objects.url]
        self._count = count
        self._running: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        for _ in range(self._count):
            self._running.append(
                subprocess.Popen(  # noqa: S603 - this interpreter, and a URL that was checked
                    self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
        for process in self._running:
            _line_from(process)
        return self

    def __exit__(self, *failure: object) -> None:
        for process in self._running:
            _pipe(process.stdin).close()
        for process in self._running:
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            _pipe(process.stdout).close()

    def race(self, name: str) -> list[Round]:
        start = time.monotonic() + HEAD_START_SECONDS
        written = [os.urandom(16).hex() for _ in self._running]
        for process, data in zip(self._running, written, strict=True):
            stream = _pipe(process.stdin)
            stream.write(json.dumps({"name": name, "data": data, "start": start}) + "\n")
            stream.flush()
        answers = [json.loads(_line_from(process)) for process in self._running]
        return [
            Round(data.encode(), answer["made"], answer["error"])
            for data, answer in zip(written, answers, strict=True)
        ]


class _Threads:
    def __init__(self, objects: Objects, count: int) -> None:
        self._objects = objects
        self._count = count
        self._pool = Pool(count)

    def __enter__(self) -> Self:
        self._pool.__enter__()
        return self

    def __exit__(self, *failure: object) -> None:
        self._pool.__exit__(*failure)

    def race(self, name: str) -> list[Round]:
        start = time.monotonic() + HEAD_START_SECONDS
        written = [os.urandom(16).hex().encode() for _ in range(self._count)]
        racing = [
            self._pool.submit(_create_at, self._objects, name, data, start) for data in written
        ]
        return [each.result() for each in racing]


def main() -> None:
    """Be one writer, until standard input ends."""
    objects = open_objects(sys.argv[1])
    with contextlib.suppress(Error):  # whatever it says: it is connected
        objects.read("probe/nothing")
    _tell({"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        done = _create_at(objects, asked["name"], asked["data"].encode(), asked["start"])
        _tell({"made": done.made, "error": done.error})
    objects.close()


def _create_at(objects: Objects, name: str, data: bytes, start: float) -> Round:
    while time.monotonic() < start:
        pass
    try:
        return Round(data, objects.create_exclusively(name, data), "")
    except Error as error:
        return Round(data, made=False, error=str(error))


def _tell(answer: dict[str, object]) -> None:
    os.write(sys.stdout.fileno(), json.dumps(answer).encode() + b"\n")  # no buffer to flush later


def _line_from(process: subprocess.Popen[str]) -> str:
    line = _pipe(process.stdout).readline()
    if not line:
        raise RemoteError(
            "a writer of the race ended before its time", hint="its error is above; call again"
        )
    return line


def _pipe(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise AssertionError("writers are started with pipes")
    return stream


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # who asked is gone: nobody waits for an answer
        main()
