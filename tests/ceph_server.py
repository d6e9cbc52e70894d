"""Ceph's object gateway with one monitor and one store in memory: PORT FOLDER KEY SECRET [...].

It answers when its users are there, ``t`` and, with another KEY and SECRET, ``u``, about 13 s
later, and ends its processes when it is ended.  The benchmarks start it too.  Others must be able
to pass through FOLDER: Ceph gives up root's rights.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

READY_SECONDS = 60

CONF = """[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
run dir = {where}
admin socket = {where}/$name.asok
pid file = {where}/$name.pid
log file = {where}/$name.log
keyring = {where}/keyring
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
mon data = {where}/mon
osd data = {where}/osd
osd objectstore = memstore
memstore device bytes = 8589934592
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd crush chooseleaf type = 0
mon allow pool size one = true
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw data = {where}/rgw
rgw gc obj min wait = 0
"""


def call(*command):
    done = subprocess.run(
        [str(part) for part in command], check=False, capture_output=True, text=True, timeout=60
    )
    if done.returncode:
        sys.exit(f"{command}: {done.stderr}")


@contextlib.contextmanager
def running(command, where, ready):
    """Run a command until the block ends; waits until a port answers."""
    name = command[0]
    with (where / f"{name}.out").open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + READY_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", ready)):
                break
            time.sleep(0.05)
        else:
            sys.exit(f"{name} does not answer: {(where / f'{name}.out').read_text()[-3000:]}")
        yield
    finally:
        process.kill()  # all that it has is in memory
        process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve(port, where, *secrets):
    mon, fsid = free_port(), str(uuid.uuid4())
    conf, ring = where / "ceph.conf", where / "keyring"
    conf.write_text(CONF.format(where=where, mon=mon, port=port, fsid=fsid))
    for name in ("mon", "osd", "rgw"):
        (where / name).mkdir()
    config = ("-c", conf)
    call("ceph-authtool", "-C", ring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
    everything = [word for part in ("mon", "osd", "mgr") for word in ("--cap", part, "allow *")]
    for name in ("client.admin", "client.rgw", "osd.0"):
        call("ceph-authtool", ring, "--gen-key", "-n", name, *everything)
    addresses = ("--addv", "a", f"[v2:127.0.0.1:{mon}]")
    call("monmaptool", "--create", "--fsid", fsid, *addresses, where / "monmap")
    files = ("--monmap", where / "monmap", "--keyring", ring)
    call("ceph-mon", *config, "--mkfs", "-i", "a", *files)
    with contextlib.ExitStack() as stack:
        stack.enter_context(running(["ceph-mon", *config, "-i", "a", "-f"], where, mon))
        call("ceph", *config, "osd", "create")
        call("ceph-osd", *config, "-i", "0", "--mkfs")
        stack.enter_context(running(["ceph-osd", *config, "-i", "0", "-f"], where, mon))
        call("ceph", *config, "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=h")
        for name, key, secret in zip("tu", secrets[::2], secrets[1::2], strict=False):
            user = ("user", "create", f"--uid={name}", f"--display-name={name}")
            keys = ("--access-key", key, "--secret-key", secret)
            call("radosgw-admin", *config, *user, *keys)
        stack.enter_context(running(["radosgw", *config, "-n", "client.rgw", "-f"], where, port))
        signal.pause()


if __name__ == "__main__":
    os.environ["PATH"] += f"{os.pathsep}/usr/sbin"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    serve(int(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
