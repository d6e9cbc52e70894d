"""Run a command and report the peak anonymous memory of it and its children.

Knows: ``/proc``.  Never: casstore, timing.  Linux only.

Anonymous memory (``RssAnon``) is what a process needs for itself; mapped files (LMDB's pages) and
the page cache belong to the kernel. The kernel keeps a high-water mark of all resident memory
(``VmHWM``) but none of the anonymous part, so that part is sampled, every 5 ms, summed over the
process tree: a peak shorter than that can be missed.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Usage", "measure"]

SAMPLE_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Usage:
    """What a command did: anonymous of the whole tree, resident of its largest process."""

    exit_code: int
    stdout: str
    peak_anonymous_bytes: int
    peak_resident_bytes: int
    samples: int


def measure(command: Sequence[str | Path]) -> Usage:
    """Run ``command`` to its end, sampling its memory; a failure is an exit code."""
    if not Path("/proc/self/status").exists():
        sys.exit("memory is sampled from /proc, which this system does not have; run on Linux")
    anonymous = resident = samples = 0
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output)
        try:
            while process.poll() is None:
                found = [_memory(pid) for pid in _tree(process.pid)]
                anonymous = max(anonymous, sum(anon for anon, _ in found))
                resident = max(resident, *(mark for _, mark in found))
                samples += 1
                time.sleep(SAMPLE_SECONDS)
        finally:
            process.kill()  # does nothing to a process that has ended
            process.wait()
        output.seek(0)
        stdout = output.read().decode()
    return Usage(process.returncode, stdout, anonymous, resident, samples)


def _tree(pid: int) -> Iterator[int]:
    """Yield a process and all its descendants; those that vanish meanwhile are left out."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = children.read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        for child in found:
            yield from _tree(int(child))


def _memory(pid: int) -> tuple[int, int]:
    """Return RssAnon and VmHWM in bytes, zeros for a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0
    fields = dict(line.split(":", 1) for line in lines)
    anonymous, resident = (fields.get(key, "0 kB").split()[0] for key in ("RssAnon", "VmHWM"))
    return int(anonymous) * 1024, int(resident) * 1024


def main() -> None:
    """Print the peaks of a command to stderr and leave with its exit code."""
    parser = argparse.ArgumentParser(description="Peak memory of a command.")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="the command and its arguments")
    command = [part for n, part in enumerate(parser.parse_args().command) if (n, part) != (0, "--")]
    if not command:
        parser.error("give a command to run")
    usage = measure(command)
    sys.stdout.write(usage.stdout)
    print(
        f"peak anonymous {usage.peak_anonymous_bytes / 1e6:.1f} MB, "
        f"peak resident {usage.peak_resident_bytes / 1e6:.1f} MB, {usage.samples} samples",
        file=sys.stderr,
    )
    sys.exit(usage.exit_code if usage.exit_code >= 0 else 128 - usage.exit_code)


if __name__ == "__main__":
    main()
