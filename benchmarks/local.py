"""Time whole casstore processes against ``cp -r`` and ``sync -f`` of the same data.

Knows: the order of the steps in a round.  Never: what the data is, what the targets are.

Each set gets one untimed round, in which memory is sampled and results are checked, and then the
timed rounds. A round is cp, first put, unchanged put, edited put, get, each in fresh folders.
Nothing is deleted before the end of the whole run; README.md has the reasons.
"""

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import data
import machine
import memory
import report

Command = Sequence[str | Path]
COPIES_PER_ROUND = 3  # cp's copy, the store, get's copy


@dataclass(frozen=True, slots=True)
class Sample:
    """One step: its last line of output, and its seconds or its memory in bytes."""

    answer: str
    seconds: float = 0.0
    anonymous_bytes: int = 0
    resident_bytes: int = 0


Runner = Callable[[Sequence[Command]], Sample]


@dataclass(frozen=True, slots=True)
class Job:
    """What a round needs: a set, the command under test, and how an edit comes about."""

    data: data.DataSet
    command: tuple[str, ...]
    edit_in_place: bool


@dataclass(frozen=True, slots=True)
class Round:
    """The samples of one round by verb, and what each put added to the store, in bytes."""

    samples: dict[str, Sample]
    stored_bytes: dict[str, int]


def timed(commands: Sequence[Command]) -> Sample:
    """Run the commands one after the other and time them together."""
    output = ""
    begin = time.perf_counter()
    for command in commands:
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
        _must_succeed(command, done.returncode)
        output += done.stdout
    return Sample(_last_line(output), seconds=time.perf_counter() - begin)


def sampled(commands: Sequence[Command]) -> Sample:
    """Run the commands one after the other, sampling the memory of each."""
    usages = []
    for command in commands:
        usages.append(memory.measure(command))
        _must_succeed(command, usages[-1].exit_code)
    return Sample(
        _last_line("".join(usage.stdout for usage in usages)),
        anonymous_bytes=max(usage.peak_anonymous_bytes for usage in usages),
        resident_bytes=max(usage.peak_resident_bytes for usage in usages),
    )


def _must_succeed(command: Command, exit_code: int) -> None:
    if exit_code != 0:
        text = shlex.join(map(str, command))
        sys.exit(f"{text} failed with exit code {exit_code}: fix it before timing it")


def _last_line(output: str) -> str:
    return (output.strip().splitlines() or [""])[-1]


def play(job: Job, folder: Path, runner: Runner) -> Round:
    """Run one round in the new folder ``folder``."""
    folder.mkdir()
    first, copy, store = job.data.first, folder / "cp", folder / "store"
    machine.ready(first)
    samples = {"cp": runner([["cp", "-r", first, copy], ["sync", "-f", copy]])}
    machine.drop(copy)
    tree = copy if job.edit_in_place else first
    machine.wait_old(tree)
    stored: dict[str, int] = {}
    for verb in ("put", "unchanged", "edited"):
        if verb == "edited":
            tree = _edited_tree(job, copy)
        machine.ready(tree)
        before = machine.occupied_bytes(store)
        samples[verb] = runner([_put(job, store, tree)])
        stored[verb] = machine.occupied_bytes(store) - before
    samples["get"] = _get(job, folder, samples["put"].answer, runner)
    return Round(samples, stored)


def _edited_tree(job: Job, copy: Path) -> Path:
    """Return the tree of the second version: its own, or the first put's one edited in place."""
    if not job.edit_in_place:
        return job.data.second
    machine.overwrite(copy, job.data.second, job.data.changed)
    return copy


def _put(job: Job, store: Path, tree: Path) -> Command:
    return [*job.command, "--store", store, "put", tree, "--name", job.data.name, "-q"]


def _get(job: Job, folder: Path, reference: str, runner: Runner) -> Sample:
    store, target = folder / "store", folder / "get"
    machine.ready(store)
    get: Command = [*job.command, "--store", store, "get", reference, "-o", target, "-q"]
    sample = runner([get, ["sync", "-f", target]])
    machine.drop(target)
    machine.drop(store)
    return sample


def check(job: Job, folder: Path, samples: dict[str, Sample]) -> None:
    """End the run if what was measured is not what was meant."""
    put, unchanged, edited = (samples[verb].answer for verb in ("put", "unchanged", "edited"))
    if put != unchanged:
        sys.exit(f"an unchanged tree made {unchanged!r} after {put!r}: nothing can be timed")
    if put == edited:
        sys.exit(f"an edited tree was taken for the old version {put!r}: nothing can be timed")
    if not machine.same_trees(job.data.first, folder / "get"):
        sys.exit(f"get {put} gave other bytes than were put: nothing can be timed")


def measure(job: Job, folder: Path, *, rounds: int) -> report.Figures:
    """Measure one set in the new folder ``folder``: memory and results first, then time."""
    folder.mkdir()
    machine.ready(job.data.first)
    machine.ready(job.data.second)
    machine.touch_memory(folder / "scratch", job.data.size_bytes)
    trial = play(job, folder / "trial", sampled)
    check(job, folder / "trial", trial.samples)
    machine.drop(folder / "trial")
    played = [play(job, folder / f"round-{n}", timed).samples for n in range(rounds)]
    return report.Figures(
        name=job.data.name,
        file_count=job.data.file_count,
        size_bytes=job.data.size_bytes,
        seconds={verb: [one[verb].seconds for one in played] for verb in ("cp", *report.VERBS)},
        peak_anonymous_bytes={v: trial.samples[v].anonymous_bytes for v in report.VERBS},
        peak_resident_bytes={v: trial.samples[v].resident_bytes for v in report.VERBS},
        stored_bytes=trial.stored_bytes,
    )


def require_space(folder: Path, sets: list[data.DataSet], *, rounds: int) -> None:
    """End the run if the disk cannot hold what will be written and kept until the end."""
    copies = COPIES_PER_ROUND * (rounds + 1) + 1
    needed = sum(one.size_bytes for one in sets) * copies
    free = shutil.disk_usage(folder).free
    if needed > free:
        sys.exit(
            f"{folder} has {free / 1e9:.1f} GB free and {needed / 1e9:.1f} GB are needed: "
            "give another --dir, fewer --sets or --rounds"
        )


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Time casstore against cp -r and sync -f.")
    parser.add_argument("--sets", type=data.names_of, default=list(data.NAMES), help="default: all")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full size")
    parser.add_argument("--rounds", type=int, default=3, help="timed rounds, at least 1")
    parser.add_argument(
        "--dir",
        type=Path,
        default=Path("benchmark-data"),
        help="where the data and all copies go: the file system that is measured",
    )
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    parser.add_argument(
        "--edit",
        choices=("copy", "in-place"),
        default="copy",
        help="put the second version from its own tree, or edit the tree that was put first",
    )
    parser.add_argument("--keep", action="store_true", help="leave the run's folder on disk")
    parser.add_argument(
        "--command",
        type=shlex.split,
        default=[sys.executable, "-m", "casstore"],
        help="another program with casstore's put and get",
    )
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds must be at least 1")
    return arguments


def main() -> None:
    """Measure the sets, print a table for each, and remove what the run wrote."""
    options = parse()
    machine.compile_package()
    folder = options.dir.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n")
    sets = [data.ensure(name, folder, scale=options.scale) for name in options.sets]
    require_space(folder, sets, rounds=options.rounds)
    run = Path(tempfile.mkdtemp(prefix="run-", dir=folder))
    results = []
    try:
        for one in sets:
            job = Job(one, tuple(options.command), options.edit == "in-place")
            results.append(measure(job, run / one.name, rounds=options.rounds))
            print(report.as_table(results[-1]), flush=True)
    finally:
        if not options.keep:
            shutil.rmtree(run)
    if options.json:
        figures = report.as_json(results, scale=options.scale, edit=options.edit)
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
