"""Time how long Python, ``import casstore`` and ``casstore --help`` take to start and end.

Knows: the three commands and the two targets.  Never: stores, data.

The commands alternate in each round and the minimum of each counts. The package's bytecode is
written first, as installing it does, and one round before the timed ones fills the page cache.
"""

import argparse
import shlex
import subprocess
import sys
import time

import machine

IMPORT_TARGET_SECONDS = 0.1
HELP_TARGET_SECONDS = 0.15


def seconds_of(command: list[str]) -> float:
    """Return the wall time of one whole process; ends the benchmark if it fails."""
    begin = time.perf_counter()
    done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    elapsed = time.perf_counter() - begin
    if done.returncode != 0:
        sys.exit(f"{shlex.join(command)} failed with exit code {done.returncode}: fix it first")
    return elapsed


def main() -> None:
    """Print the minimum of each command, what it adds to bare Python, and its target."""
    parser = argparse.ArgumentParser(description="Time the start of casstore.")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--command", type=shlex.split, default=[sys.executable, "-m", "casstore"])
    arguments = parser.parse_args()
    machine.compile_package()
    commands: dict[str, tuple[list[str], float | None]] = {
        "python -c pass": ([sys.executable, "-c", "pass"], None),
        "import casstore": ([sys.executable, "-c", "import casstore"], IMPORT_TARGET_SECONDS),
        "casstore --help": ([*arguments.command, "--help"], HELP_TARGET_SECONDS),
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(arguments.rounds + 1):
        for name, (command, _) in commands.items():
            elapsed = seconds_of(command)
            times[name] += [elapsed] if number else []
    bare = min(times["python -c pass"])
    print(f"{'command':<18}{'seconds':>9}{'added':>9}  target")
    for name, (_, target) in commands.items():
        best = min(times[name])
        verdict = "" if target is None else f"<= {target} s  {'ok' if best <= target else 'MISS'}"
        print(f"{name:<18}{best:>9.3f}{best - bare:>9.3f}  {verdict}".rstrip())


if __name__ == "__main__":
    main()
