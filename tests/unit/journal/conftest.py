"""A pen that writes events one after the other, as one process would."""

import pytest

from casstore.digest import CommitId, Digest
from casstore.journal import bodies, subjects, wire
from casstore.journal.fold import fold


def manifest_of(number=1):
    return bodies.ManifestRef(Digest(bytes([number]) * 32), Digest(bytes([7]) * 32), 0, 2, 300)


class Pen:
    """Writes events of one writer, each with the next sequence number and clock."""

    def __init__(self):
        self.events = []
        self.writer = bytes([0xAA]) * 16

    def write(self, subject, body, *, clock=None, time=None):
        seq = len(self.events)
        written = wire.write_event(
            subject,
            body,
            writer=self.writer,
            seq=seq,
            clock=seq + 1 if clock is None else clock,
            time=1_000 + seq if time is None else time,
        )
        self.events.append(wire.read_event(written.name, written.data))
        return written.event.id

    def on(self, number, body, *, project="vision", name="resnet", **order):
        return self.write(subjects.CommitSubject(project, name, self.commit(number)), body, **order)

    def version(self, commit, *, name="resnet", clock=None, time=None, **facts):
        known = {"type": "model", "entity": "local", "manifest": manifest_of(commit)}
        body = bodies.VersionBody(**{**known, **facts})
        return self.on(commit, body, name=name, clock=clock, time=time)

    def run(self, body, *, run_id="run1", **order):
        return self.write(subjects.RunSubject("vision", run_id), body, **order)

    def commit(self, number):
        return CommitId(bytes([number]) * 16)

    def table(self):
        return fold(self.events)


@pytest.fixture
def pen():
    return Pen()
