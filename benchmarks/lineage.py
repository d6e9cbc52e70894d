"""Time `casstore lineage` over 100,000 edges, and `casstore ls` over 10,000 artifacts.

Knows: the two stores, the calls, the target.  Never: how the verbs work.

The events are made by the journal's own writer, as real runs would have made them, and the store
indexes them itself; only the packs are left out, since no listed verb reads one.  Each call is a
whole process.  Calls alternate in each round and the minimum of each counts.  What they take beyond
start-up is what they take longer than `casstore --help`.
"""

import argparse
import itertools
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import machine

from casstore.digest import CommitId, digest_of
from casstore.journal.bodies import (
    KnownBody,
    ManifestRef,
    RunFinishBody,
    RunStartBody,
    RunUseBody,
    VersionBody,
)
from casstore.journal.events import WriterId
from casstore.journal.subjects import CommitSubject, RunSubject
from casstore.journal.wire import write_event
from casstore.store import close_store, create_store

TARGET_SECONDS = 0.3
UNJUDGED = ("python -c pass", "casstore --help", "lineage --depth 0")
EDGES_OF_A_RUN = 5  # it reads four versions and makes one
WIDTH = 100
BEGIN_US = 1_770_000_000_000_000
PROJECT = "bench"


class Journal:
    """Writes events of one writer into a store's journal, in order, without a sync for each."""

    def __init__(self, root: Path) -> None:
        self._store = create_store(root)
        self._folder = root / "journal" / time.strftime("%Y%m", time.gmtime(BEGIN_US / 1e6))
        self._folder.mkdir(parents=True)
        self._count = itertools.count()

    def write(self, subject: CommitSubject | RunSubject, body: KnownBody) -> None:
        """Write one event."""
        number = next(self._count)
        at = BEGIN_US + 1000 * number
        writer = WriterId(bytes(16))
        event = write_event(subject, body, writer=writer, seq=number, clock=number + 1, time=at)
        (self._folder / event.name).write_bytes(event.data)

    def version(
        self, name: str, number: int, run: str | None = None, project: str = PROJECT
    ) -> CommitSubject:
        """Log a version; its manifest is made up."""
        digest = digest_of(f"{name} {number}".encode())
        subject = CommitSubject(project, name, CommitId(digest[:16]))
        manifest = ManifestRef(digest, digest, 0, 12, 3_400_000)
        numbering = self._store.numbering
        self.write(subject, VersionBody("model", "local", manifest, number, numbering, run))
        return subject

    def run(
        self, run_id: str, reads: list[CommitSubject], makes: str, number: int
    ) -> CommitSubject:
        """Log a run from its start to its end."""
        run = RunSubject(PROJECT, run_id)
        environment = '{"argv":["train.py"],"host":"node","python":"3.11.2"}'
        config = '{"batch":32,"lr":0.1}'
        self.write(
            run,
            RunStartBody(run_id, None, "train", "local", config=config, environment=environment),
        )
        for used in reads:
            self.write(run, RunUseBody(used.commit, used.project, used.name))
        made = self.version(makes, number, run_id)
        self.write(run, RunFinishBody("finished", 0))
        return made

    def close(self) -> None:
        """Let the store read what was written."""
        self._store.index.catch_up(thorough=True)
        close_store(self._store)


def lineage_store(root: Path, edges: int) -> str:
    """Make levels of runs that read four versions of the level before; return the last one's."""
    journal = Journal(root)
    width = min(WIDTH, max(1, edges // 50))
    level = [journal.version(f"raw-{place}", 0) for place in range(width)]
    for number in range(edges // EDGES_OF_A_RUN):
        place = number % width
        if place == 0:
            before, level = level, []
        reads = [before[(place + offset) % width] for offset in range(min(4, width))]
        level.append(journal.run(f"run{number:05d}", reads, f"net-{place}", number // width))
    journal.run("report", level, "report", 0)
    journal.close()
    return f"{PROJECT}/report:v0"


def artifacts_store(root: Path, count: int) -> str:
    """Make ``count`` names of one version each, and one name of ``count`` versions; return it."""
    journal = Journal(root)
    for number in range(count):
        journal.version(f"artifact-{number:05d}", 0)
    for number in range(count):
        journal.version("many", number, project="versions")
    journal.close()
    return "versions/many"


def calls(
    command: list[str], folder: Path, edges: int, count: int
) -> Iterator[tuple[str, list[str]]]:
    """Make the stores; yield what is timed: a title and a command."""
    reference = lineage_store(folder / "lineage", edges)
    name = artifacts_store(folder / "artifacts", count)
    yield "python -c pass", [sys.executable, "-c", "pass"]
    yield "casstore --help", [*command, "--help"]
    nearest = [*command, "--store", str(folder / "lineage"), "lineage", reference, "--depth", "0"]
    yield "lineage --depth 0", nearest  # the verb's own start-up: all of it but the walk
    lineage = [*command, "--store", str(folder / "lineage"), "lineage", reference]
    for form in ("", "--all", "--json", "--mermaid", "--dot"):
        yield f"lineage {form}", [*lineage, *([form] if form else [])]
    ls = [*command, "--store", str(folder / "artifacts"), "--project", PROJECT, "ls"]
    for given in ([], [name]):
        for form in ("", "--json"):
            title = f"ls {' '.join(['NAME'] if given else [])} {form}"
            yield " ".join(title.split()), [*ls, *given, *([form] if form else [])]


def seconds_of(command: list[str]) -> float:
    """Return the wall time of one whole process; ends the benchmark if it fails."""
    begin = time.perf_counter()
    done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    elapsed = time.perf_counter() - begin
    if done.returncode != 0:
        sys.exit(f"{shlex.join(command)} failed with exit code {done.returncode}: fix it first")
    return elapsed


def main() -> None:
    """Print the minimum of each call, and what it takes beyond start-up."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--edges", type=int, default=100_000)
    parser.add_argument("--artifacts", type=int, default=10_000)
    parser.add_argument("--dir", type=Path, default=Path(), help="where the stores are made")
    parser.add_argument("--command", type=shlex.split, default=[sys.executable, "-m", "casstore"])
    given = parser.parse_args()
    machine.compile_package()
    with tempfile.TemporaryDirectory(dir=given.dir, prefix="lineage-") as made:
        folder = Path(made).resolve()
        timed = dict(calls(given.command, folder, given.edges, given.artifacts))
        times: dict[str, list[float]] = {title: [] for title in timed}
        for number in range(given.rounds + 1):  # the first fills the caches
            for title, command in timed.items():
                elapsed = seconds_of(command)
                times[title] += [elapsed] if number else []
    start = min(times["casstore --help"])
    print(f"{'call':<20}{'seconds':>9}{'beyond':>9}  target")
    for title, found in times.items():
        beyond = min(found) - start
        verdict = f"<= {TARGET_SECONDS} s  {'ok' if beyond <= TARGET_SECONDS else 'MISS'}"
        judged = "" if title in UNJUDGED else verdict
        print(f"{title:<20}{min(found):>9.3f}{beyond:>9.3f}  {judged}".rstrip())


if __name__ == "__main__":
    main()
