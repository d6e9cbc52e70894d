"""What tests of bad input share: a user for whom permissions hold, and how errors must look."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import casstore

PACKAGE_FOLDER = str(Path(casstore.__file__).parents[1])

# Root reads and writes everything; without these two capabilities it does as anybody else.
AS_ANYBODY = """
import ctypes, os, sys
if os.geteuid() == 0:
    drop = ctypes.CDLL(None).prctl
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        assert drop(24, capability, 0, 0, 0) == 0, "the capability cannot be dropped"
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def as_anybody(*arguments, code=0):
    """Run Python in another process as a user for whom permissions hold."""
    result = subprocess.run(
        [sys.executable, "-c", AS_ANYBODY, *arguments],
        env={**os.environ, "PYTHONPATH": PACKAGE_FOLDER},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == code, result
    return result


def own_mounts(script, *arguments):
    """Run Python after a shell script, which mounts something that only they see.

    Returns None where nothing can be mounted.  The script ends with ``exec "$@"``.
    """
    user = [] if os.geteuid() == 0 else ["-r"]
    apart = ["unshare", *user, "-m", "sh", "-ec"]
    with contextlib.suppress(FileNotFoundError):
        probe = subprocess.run(
            [*apart, "mount -t tmpfs none /mnt"], capture_output=True, check=False
        )
        if probe.returncode == 0:
            return subprocess.run(
                [*apart, script, "sh", sys.executable, *arguments],
                env={**os.environ, "PYTHONPATH": PACKAGE_FOLDER},
                capture_output=True,
                text=True,
                timeout=90,
                check=False,
            )
    return None


def one_line(text):
    """Return an error that has one line and is no traceback."""
    (line,) = text.splitlines()
    assert "Traceback" not in line
    assert "InternalError" not in line
    return line


def tree_of(folder):
    """Return {path: content} of every file below a folder."""
    root = os.fsencode(folder)
    return {
        os.path.relpath(os.path.join(where, name), root): Path(
            os.fsdecode(os.path.join(where, name))
        ).read_bytes()
        for where, _, names in os.walk(root)
        for name in names
        if os.path.isfile(os.path.join(where, name))
    }
