"""Processes that play hosts: each has a home, a cache and a machine id of its own, and one folder.

    python hosts.py look STORE      print what this host sees of a store, looked at anew
    python hosts.py log STORE FOLDER SEED COUNT     log versions, as ``crash/worker.py`` does

A host is told that the folder lies on NFS (``CASSTORE_TEST_FILESYSTEM``), unless it owns the disk.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PACKAGE = str(HERE.parent)


class Host:
    """One host: ``root`` is where it sees the shared store; ``owner`` has the disk itself."""

    def __init__(self, folder, name, root, *, owner=False, kind="nfs4"):
        self.folder = folder / name
        self.name = name
        self.root = root
        home = str(self.folder / "home")
        (self.folder / "home").mkdir(parents=True)
        self.environment = {
            **dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"), home),
            "CASSTORE_TEST_MACHINE": name,
            "PYTHONPATH": os.pathsep.join([PACKAGE, str(HERE), str(HERE / "crash")]),
        }
        far = kind and not owner
        self.environment["CASSTORE_TEST_FILESYSTEM"] = f"{kind}:{root}" if far else ""

    def start(self, *command, **environment):
        """Start Python there with these arguments."""
        return subprocess.Popen(
            [sys.executable, *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env={**os.environ, **self.environment, **environment},
        )

    def run(self, *command, code=0, **environment):
        """Run Python there; returns what it printed."""
        process = self.start(*command, **environment)
        out, _ = process.communicate(timeout=120)
        assert process.returncode == code, out
        return out

    def casstore(self, *arguments, code=0):
        """Run the command line there, with the shared store."""
        return self.run("-m", "casstore", "--store", self.root, *arguments, code=code)

    def log(self, seed, count):
        """Start a process that logs versions, and wait until it has the store open."""
        files = self.folder / f"files {seed}"
        files.mkdir()
        process = self.start(HERE / "crash" / "worker.py", self.root, files, seed, count)
        assert process.stdout.readline() == "ready\n"
        return process

    def look(self):
        """Return what this host sees, looked at anew: see ``look`` below."""
        return json.loads(self.run(HERE / "hosts.py", "look", self.root))

    @property
    def indexes(self):
        """The folders of this host's cache that hold an index."""
        return sorted(path.parent for path in (self.folder / "home").rglob("db/data.mdb"))


def look(root):
    """Print the versions as {number: [commit, seed]}, each checked whole, and the folded state."""
    import worker

    from casstore.digest import digest_of
    from casstore.store import live_versions, open_store

    store = open_store(Path(root), fresh=True)
    found = {}
    for view in live_versions(store, worker.PROJECT, worker.NAME):
        files = worker.contents(store, view)
        assert files == worker.files_of(files["seed"].decode()), view
        assert view.number not in found, view
        found[view.number] = [view.commit.hex(), files["seed"].decode()]
    with store.index.read() as reader:
        rows = list(reader.scan(b""))
        names = sorted(name for name, _ in reader.events())
    print(
        json.dumps(
            {
                "versions": found,
                "state": digest_of(repr(rows).encode()).hex(),
                "events": len(names),
                "problems": store.index.problems,
                "lost": store.index.lost_events,
            }
        )
    )


if __name__ == "__main__":
    {"look": look}[sys.argv[1]](*sys.argv[2:])
