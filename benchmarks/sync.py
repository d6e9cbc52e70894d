"""Time push and pull against ``rclone copy`` and ``restic``, all to one local S3 server.

Knows: the server, the calls, the targets.  Never: what the data is, how the verbs work.

The server is Ceph's object gateway on loopback, or `rclone serve s3` (``s3server``), one bucket a
call. Every call is a whole process; in each round the tools take turns, and each bucket is emptied
after its tool. casstore pushes a version that was put before; restic and rclone read the
files themselves. What casstore pulls is durable when it returns, so the others' pulls are timed
with ``sync -f``. ``put`` and ``get`` are timed beside, so that all can be added. restic is left out
if it is not installed. rclone copies file by file, which for many files takes minutes.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import data
import machine
import memory
from s3server import SERVERS, Server, tool

MAX_REQUESTS = {"push": 60, "unchanged": 10}
MAX_EDIT_SHARE = 0.03
MAX_MEMORY_BYTES = 300_000_000

Command = Sequence[str | Path]


@dataclass(slots=True)
class Figures:
    """Seconds of each call in each round, and what was counted of casstore's."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    sent_bytes: dict[str, int] = field(default_factory=dict)
    anonymous_bytes: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, seconds: float) -> None:
        """Keep the time of a call."""
        self.seconds.setdefault(name, []).append(seconds)

    def best(self, name: str) -> float:
        """Return the least time of a call."""
        return min(self.seconds[name])


class Bench:
    """One set, pushed and pulled by each tool."""

    def __init__(
        self, server: Server, one: data.DataSet, folder: Path, *, alone: bool = False
    ) -> None:
        self.server = server
        self.alone = alone
        self.data = one
        self.folder = folder
        self.figures = Figures()
        self.casstore = [sys.executable, "-m", "casstore"]
        self.rclone = tool("rclone")
        self.restic = shutil.which("restic")

    def play(self, number: int) -> None:
        """Run one round."""
        folder = self.folder / f"round-{number}"
        folder.mkdir()
        machine.ready(self.data.first)
        self._casstore(folder, number)
        if self.alone:
            return
        self._rclone(folder, number)
        if self.restic:
            self._restic(folder, number)

    def _casstore(self, folder: Path, number: int) -> None:
        store, other = folder / "store", folder / "other"
        bucket = self.server.bucket(f"casstore-{self.data.name}-{number}")
        to = f"s3://{bucket}"
        name = self.data.name
        self._timed(
            "put", [*self.casstore, "--store", store, "put", self.data.first, "--name", name]
        )
        push = [*self.casstore, "--store", store, "push", "--to", to, "-v"]
        machine.ready(store)  # put writes past the page cache, and the others' sources are in it
        self._told("push", self._timed("push", push))
        self._told("unchanged", self._timed("unchanged", push))
        subprocess.run(
            [*self.casstore, "--store", store, "put", self.data.second, "--name", name, "-q"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        machine.ready(store)
        before = self.server.stored_bytes(bucket)
        self._told("edited", self._timed("edited", push))
        self.figures.sent_bytes["edited"] = self.server.stored_bytes(bucket) - before
        pull = [*self.casstore, "--store", other, "pull", f"{name}:v0", "--from", to, "-v"]
        self._told("pull", self._timed("pull", pull))
        self._timed(
            "get",
            [
                *self.casstore,
                "--store",
                other,
                "get",
                f"{name}@{self._id(store)}",
                "-o",
                folder / "got",
                "-q",
            ],
        )
        if not machine.same_trees(self.data.first, folder / "got"):
            sys.exit("what was pulled is not what was pushed: nothing can be timed")
        self.server.empty(bucket)
        machine.drop(folder)

    def _id(self, store: Path) -> str:
        shown = subprocess.run(
            [*self.casstore, "--store", store, "show", f"{self.data.name}:v0", "--json"],
            check=True,
            capture_output=True,
            text=True,
        )
        match = re.search(r'"commit_id": *"([0-9a-f]{32})"', shown.stdout)
        assert match, shown.stdout
        return match[1]

    def _rclone(self, folder: Path, number: int) -> None:
        bucket = self.server.bucket(f"rclone-{self.data.name}-{number}")
        at = f":s3:{bucket}"
        self._timed("rclone push", [self.rclone, "copy", self.data.first, at])
        got = folder / "rclone"
        self._timed("rclone pull", [self.rclone, "copy", at, got], ["sync", "-f", folder])
        self.server.empty(bucket)
        machine.drop(folder / "rclone")

    def _restic(self, folder: Path, number: int) -> None:
        bucket = self.server.bucket(f"restic-{self.data.name}-{number}")
        repository = ["-r", f"s3:{self.server.url}/{bucket}", "--no-cache", "-q"]
        restic = str(self.restic)
        self._run([restic, *repository, "init"])
        self._timed("restic push", [restic, *repository, "backup", self.data.first])
        restore = [restic, *repository, "restore", "latest", "--target", folder / "restic"]
        self._timed("restic pull", restore, ["sync", "-f", folder])
        self.server.empty(bucket)
        machine.drop(folder / "restic")

    def _timed(self, name: str, *commands: Command) -> str:
        begin = time.perf_counter()
        said = "".join([self._run(command) for command in commands])
        self.figures.add(name, time.perf_counter() - begin)
        return said

    def _run(self, command: Command) -> str:
        done = subprocess.run(
            list(map(str, command)),
            env=self.server.environment,
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            sys.exit(f"{' '.join(map(str, command))}: {done.stderr}")
        return done.stderr

    def _told(self, name: str, said: str) -> None:
        match = re.search(r"([0-9]+) requests", said)
        self.figures.requests[name] = int(match[1]) if match else 0

    def sample_memory(self) -> None:
        """Push and pull once more, and keep the peak of anonymous memory of each."""
        folder = self.folder / "memory"
        bucket = self.server.bucket(f"memory-{self.data.name}")
        to = f"s3://{bucket}"
        store = self.folder / "round-0" / "store"
        calls = {
            "push": [*self.casstore, "--store", store, "push", "--to", to],
            "pull": [*self.casstore, "--store", folder, "pull", "--from", to],
        }
        os.environ.update(self.server.environment)
        for name, command in calls.items():
            self.figures.anonymous_bytes[name] = memory.measure(command).peak_anonymous_bytes
        self.server.empty(bucket)


def as_table(one: data.DataSet, figures: Figures) -> str:
    """Return the figures of a set, and whether each target is reached."""
    lines = [f"{one.name}: {one.file_count:,} files, {one.size_bytes / 1e6:,.0f} MB"]
    lines += [
        f"  {name:<12} {figures.best(name):7.2f} s   of {', '.join(f'{s:.2f}' for s in its)}"
        for name, its in figures.seconds.items()
    ]
    for verb in ("push", "pull"):
        for other in ("rclone", "restic"):
            if f"{other} {verb}" in figures.seconds:
                ratio = figures.best(verb) / figures.best(f"{other} {verb}")
                lines.append(f"  {verb} takes {ratio:.2f} of {other}'s  {_verdict(ratio <= 1)}")
    for verb, most in MAX_REQUESTS.items():
        count = figures.requests[verb]
        verdict = _verdict(count < most or (verb == "push" and count <= most))
        lines.append(f"  {verb}: {count} requests, at most {most}  {verdict}")
    share = figures.sent_bytes["edited"] / one.size_bytes
    lines.append(f"  an edit of 1 % sends {share:.2%}  {_verdict(share < MAX_EDIT_SHARE)}")
    for verb, peak in figures.anonymous_bytes.items():
        lines.append(f"  {verb}: {peak / 1e6:.0f} MB  {_verdict(peak <= MAX_MEMORY_BYTES)}")
    return "\n".join(lines)


def _verdict(holds: bool) -> str:  # noqa: FBT001 - one yes or no, said in words
    return "ok" if holds else "MISS"


def main() -> None:
    """Measure the sets and print a table for each."""
    parser = argparse.ArgumentParser(description="Time push and pull against rclone and restic.")
    parser.add_argument("--sets", type=data.names_of, default=["ckpt", "small"])
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full size")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--dir", type=Path, default=Path("benchmark-data"))
    parser.add_argument("--server", choices=sorted(SERVERS), default="ceph")
    parser.add_argument("--alone", action="store_true", help="casstore alone, in two minutes")
    options = parser.parse_args()
    os.environ.pop("AWS_CA_BUNDLE", None)  # the server speaks HTTP, and rclone ends where it is set
    machine.compile_package()
    folder = options.dir.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n")
    run = Path(tempfile.mkdtemp(prefix="sync-", dir=folder))
    server = SERVERS[options.server](run)
    try:
        with server.running():
            for name in options.sets:
                one = data.ensure(name, folder, scale=options.scale)
                (run / name).mkdir()
                bench = Bench(server, one, run / name, alone=options.alone)
                for number in range(options.rounds):
                    bench.play(number)
                bench.sample_memory()
                print(as_table(one, bench.figures), flush=True)
    finally:
        shutil.rmtree(run)


if __name__ == "__main__":
    main()
