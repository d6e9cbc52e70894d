"""Processes that act on one depot at the same moment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import casstore

HEAD = """
import sys
from pathlib import Path
root = Path(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
"""


def at_once(script, root, count):
    """Run ``script`` in ``count`` processes that begin together; returns what each printed."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", imports_first(script), str(root), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(casstore.__file__).parents[1])},
            text=True,
        )
        for number in range(count)
    ]
    for process in running:
        assert process.stdout.readline() == "ready\n"
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0] * count
    return outputs


def imports_first(script):
    """Put the script's imports before the moment at which all begin."""
    lines = script.strip().splitlines()
    imports = [line for line in lines if line.startswith(("import ", "from "))]
    rest = [line for line in lines if line not in imports]
    return "\n".join([*imports, HEAD, *rest])


@pytest.fixture
def together():
    return at_once
