"""Rounds of parallel writers: which parts wait, which count, what a finish settles."""

import pytest

from casstore.journal import bodies, parts, subjects

WRITERS = ("vision", "resnet", "job-7")
REF = bodies.ManifestRef(bytes(32), bytes(32), 0, 0, 0)


def part(pen, writer, *, round_=0, attempt=0, **order):
    subject = subjects.RoundSubject(*WRITERS, round_)
    return pen.write(subject, bodies.PartBody(writer, attempt, REF, "model", writer), **order)


def finish(pen, commit, events, *, round_=0, **order):
    subject = subjects.RoundSubject(*WRITERS, round_)
    return pen.write(subject, bodies.FinishBody(pen.commit(commit), tuple(events)), **order)


def waiting(pen):
    return [view.event for view in parts.waiting(pen.table(), *WRITERS)]


def test_parts_wait_in_the_order_of_their_clocks(pen):
    """Each says who wrote it, in which round."""
    late = part(pen, "w1", clock=8)
    early = part(pen, "w0", clock=2)
    assert waiting(pen) == [early, late]
    view = parts.waiting(pen.table(), *WRITERS)[0]
    assert (view.writer_name, view.round, view.run, view.type) == ("w0", 0, "w0", "model")
    assert parts.open_round(pen.table(), *WRITERS) == 0
    assert parts.last_finished(pen.table(), *WRITERS) is None
    assert parts.waiting(pen.table(), "vision", "resnet", "job") == ()


def test_a_finish_settles_its_parts_and_opens_the_next_round(pen):
    """Finishing twice gives one commit."""
    first = part(pen, "w0")
    for _ in range(2):
        finish(pen, 5, [first])
    assert waiting(pen) == []
    assert parts.open_round(pen.table(), *WRITERS) == 1
    round_ = parts.last_finished(pen.table(), *WRITERS)
    assert {done.commit for done in round_.finishes} == {pen.commit(5)}
    assert [view.event for view in parts.settled(pen.table(), round_)] == [first]
    assert round_.round == 0


def test_a_part_that_came_while_others_finished_waits_for_the_next_finish(pen):
    """Nothing is lost, whatever round it was meant for."""
    first = part(pen, "w0")
    finish(pen, 5, [first])
    late = part(pen, "w1")
    assert waiting(pen) == [late]
    finish(pen, 6, [late], round_=1)
    assert waiting(pen) == []
    table = pen.table()
    (view,) = parts.settled(table, parts.last_finished(table, *WRITERS))
    assert (view.event, view.round) == (late, 0)
    assert parts.commit_of_part(table, view) == pen.commit(6)


def test_a_finish_may_arrive_before_its_parts(pen):
    """The part is settled when it arrives, and never waits."""
    first = part(pen, "w0")
    finish(pen, 5, [first])
    pen.events.reverse()
    table = pen.table()
    assert parts.waiting(table, *WRITERS) == ()
    assert list(parts.all_waiting(table)) == []
    assert [view.event for view in parts.settled(table, parts.last_finished(table, *WRITERS))] == [
        first
    ]


def test_what_a_finish_names_and_nobody_has_is_left_out(pen):
    """A part that has not arrived is no part yet."""
    finish(pen, 5, [bytes(16)])
    assert parts.settled(pen.table(), parts.last_finished(pen.table(), *WRITERS)) == []


def test_the_parts_of_the_last_attempt_count(pen):
    """All of them, and of each writer its own last attempt."""
    part(pen, "w0")
    kept = [part(pen, "w1"), part(pen, "w0", attempt=1), part(pen, "w0", attempt=1)]
    part(pen, "w0", attempt=0)
    found = parts.waiting(pen.table(), *WRITERS)
    assert [view.event for view in parts.last_attempts(found)] == kept


def test_a_waiting_part_has_no_commit(pen):
    """Also where other parts of its round were finished."""
    first = part(pen, "w0")
    part(pen, "w1")
    finish(pen, 5, [first])
    (view,) = parts.waiting(pen.table(), *WRITERS)
    assert parts.commit_of_part(pen.table(), view) is None


@pytest.mark.parametrize(
    "other",
    [
        subjects.RoundSubject("audio", "resnet", "job-7", 0),
        subjects.RoundSubject("vision", "net", "job-7", 0),
        subjects.RoundSubject("vision", "resnet", "job-8", 0),
        subjects.RoundSubject("vision", "resnet", "job-7", 1),
    ],
)
def test_a_commit_id_follows_from_the_round_and_its_parts(other):
    """The order of the parts does not matter; everything else does."""
    subject = subjects.RoundSubject(*WRITERS, 0)
    one, two = bytes([1]) * 16, bytes([2]) * 16
    commit = parts.commit_of_round(subject, [one, two])
    assert len(commit) == 16
    assert parts.commit_of_round(subject, [two, one]) == commit
    assert parts.commit_of_round(subject, [one]) != commit
    assert parts.commit_of_round(other, [one, two]) != commit
