"""Crashes, replayed: every durable step of a store is recorded, and any prefix is rebuilt on disk.

Knows: what a process that was killed, or a machine that lost power, may leave behind.
Never: what the files are for.

The model is that of POSIX and no kinder: the bytes of a file survive power loss from the ``sync``
of that file on, a name from the ``syncdir`` of its folder on.  What is neither may survive or not,
so each prefix has several outcomes, one for each ``Outcome``.
"""

import enum
from dataclasses import dataclass, field
from pathlib import Path

from casstore import durable


class Outcome(enum.Enum):
    """What is left after a crash."""

    KILLED = "everything that was done"
    POWER = "only what was synced; other names are missing"
    EMPTIED = "all names; bytes that were not synced are gone"
    TORN = "all names; of bytes that were not synced the first half"


@dataclass(eq=False)
class File:
    """One inode: its bytes as a running system sees them, and as the disk has them."""

    data: bytearray = field(default_factory=bytearray)
    synced: bytes | None = None

    def bytes_after(self, outcome):
        """Return the file's bytes as a crash leaves them."""
        if outcome is Outcome.KILLED or self.synced == self.data:
            return bytes(self.data)
        if self.synced is not None:
            return self.synced
        return bytes(self.data[: len(self.data) // 2]) if outcome is Outcome.TORN else b""


FOLDER = File()  # every folder is this: a name without bytes


class Disk:
    """A folder's names and files after some steps; ``names`` now, ``kept`` after power loss."""

    def __init__(self):
        self.names = {}
        self.kept = {}

    def apply(self, step):
        """Do one step."""
        getattr(self, f"_{step.kind}")(step)

    def _create(self, step):
        self.names[step.path] = File()

    def _write(self, step):
        data = self.names[step.path].data
        end = step.offset + len(step.data)
        data.extend(bytes(max(0, end - len(data))))
        data[step.offset : end] = step.data

    def _truncate(self, step):
        del self.names[step.path].data[step.offset :]

    def _sync(self, step):
        file = self.names[step.path]
        file.synced = bytes(file.data)

    def _rename(self, step):
        self.names[step.target] = self.names.pop(step.path)

    def _link(self, step):
        self.names[step.target] = self.names[step.path]

    def _unlink(self, step):
        self.names.pop(step.path, None)

    def _mkdir(self, step):
        self.names[step.path] = FOLDER

    def _syncdir(self, step):
        folder = step.path
        self.kept = {path: file for path, file in self.kept.items() if path.parent != folder}
        self.kept |= {path: file for path, file in self.names.items() if path.parent == folder}

    def leave(self, root, outcome):
        """Write what the crash leaves below ``root``, under the paths that were recorded."""
        names = self.kept if outcome is Outcome.POWER else self.names
        for path, file in sorted(names.items()):
            target = root / path
            if path.parent.parent.name == "tmp" and target.parent.parent.exists():
                target.parent.mkdir(exist_ok=True)  # a session makes its own folder undurably
            if not target.parent.exists():
                continue  # a folder above was lost, and what is in it cannot be found
            if file is FOLDER:
                target.mkdir(exist_ok=True)
            else:
                target.write_bytes(file.bytes_after(outcome))


class Recording:
    """The steps of a process below ``base``, and what was promised to the caller by when.

    ``promise`` notes a promise that holds from now on.  ``index_at`` has the index's file as it was
    when a step had been done.
    """

    def __init__(self, base, index_folder):
        self.base = base
        self.steps = []
        self.promises = []
        self._index_file = index_folder / "data.mdb"
        self._indexes = {}
        self._index_at = []

    def __call__(self, step):
        """Take one step; to be given to ``durable.observe``."""
        target = step.target.relative_to(self.base) if step.target else None
        path = step.path.relative_to(self.base)
        self.steps.append(durable.Step(step.kind, path, target, step.offset, step.data))
        data = self._index_file.read_bytes() if self._index_file.exists() else b""
        self._index_at.append(self._indexes.setdefault(data, data))

    def promise(self, promised):
        """Note what holds from now on, whatever happens."""
        self.promises.append((len(self.steps), promised))

    def promised(self, done):
        """Return what was promised when ``done`` steps had been done."""
        return [promised for at, promised in self.promises if at <= done]

    def followed_by(self, other, done):
        """Return this recording up to ``done`` steps, then what another process did there."""
        joined = Recording(self.base, self._index_file.parent)
        joined.steps = self.steps[:done] + other.steps
        joined._index_at = [b""] * len(joined.steps)
        return joined

    def rebuild(self, root, done, outcome, *, index=False):
        """Leave under ``root`` what a crash after ``done`` steps leaves; ``index``: as it was."""
        disk = Disk()
        for step in self.steps[:done]:
            disk.apply(step)
        disk.leave(root, outcome)
        data = self._index_at[done - 1] if done else b""
        folder = root / self._index_file.parent.relative_to(self.base)
        if index and data and folder.parent.exists():
            folder.mkdir()
            (folder / "data.mdb").write_bytes(data)


def leftovers(folder: Path) -> list[str]:
    """Return what lies in a folder, sorted; nothing if there is none."""
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []
