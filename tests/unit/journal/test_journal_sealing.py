"""The steps of sealing, one by one, with answers as an upstream gives them."""

import pytest

from casstore.errors import Busy
from casstore.journal import bodies, queries, sealing
from casstore.journal.numbers import Numbers, Standpoint
from casstore.journal.sealing import Append, Find, Outcome, Take, perform, seal_steps
from casstore.journal.subjects import CommitSubject

HOME = ("vision", "resnet")
OURS, THEIRS, UPSTREAM = bytes([1]) * 16, bytes([2]) * 16, bytes([0xA1]) * 16


@pytest.fixture
def steps(pen):
    """Begin to seal what the pen has written."""

    def begin(commits=None):
        numbers = Numbers(pen.table(), *HOME, Standpoint(OURS, UPSTREAM))
        return seal_steps(numbers, commits)

    return begin


def sealed(pen, number, n):
    return Append(CommitSubject(*HOME, pen.commit(number)), bodies.SealedBody(n, UPSTREAM))


def ends_with(steps, answer):
    with pytest.raises(StopIteration) as done:
        steps.send(answer)
    return done.value.value


def test_each_version_claims_the_next_number_in_the_order_it_was_logged(pen, steps):
    """Claim, then event; another store's version goes by its clock."""
    pen.version(2, number=1, numbering=OURS, clock=5)
    pen.version(1, number=0, numbering=OURS, clock=3)
    pen.version(3, number=0, numbering=THEIRS, clock=4)
    at_work = steps()
    expected = [(1, 0), (3, 1), (2, 2)]
    answer = None
    for commit, number in expected:
        assert at_work.send(answer) == Take(number, pen.commit(commit))
        assert at_work.send(pen.commit(commit)) == sealed(pen, commit, number)
        answer = None
    assert ends_with(at_work, None) == (
        Outcome(pen.commit(1), 0, 0),
        Outcome(pen.commit(3), 1, None),
        Outcome(pen.commit(2), 2, 1),
    )


def test_only_what_was_asked_for_is_sealed(pen, steps):
    """What is not pushed stays provisional; removed versions get no number."""
    pen.version(1, number=0, numbering=OURS)
    pen.version(2, number=1, numbering=OURS)
    gone = pen.version(3, number=2, numbering=OURS)
    pen.on(3, bodies.DeleteBody((gone,)))
    assert next(steps([pen.commit(2)])) == Take(0, pen.commit(2))
    assert ends_with(steps([pen.commit(3)]), None) == ()


def test_a_claim_that_is_taken_gets_the_event_that_is_missing_and_the_next_is_tried(pen, steps):
    """Its owner's push was killed, or is under way."""
    pen.version(1, number=0, numbering=OURS)
    other = pen.commit(9)
    at_work = steps()
    assert next(at_work) == Take(0, pen.commit(1))
    assert at_work.send(other) == Find(other)
    assert at_work.send(bytes([9]) * 32) == sealed(pen, 9, 0)
    assert at_work.send(None) == Take(1, pen.commit(1))
    assert at_work.send(pen.commit(1)) == sealed(pen, 1, 1)


@pytest.mark.parametrize("is_readable", [True, False])
def test_a_claim_without_a_version_is_a_hole(pen, steps, is_readable):
    """Nobody gets that number, and nothing is said of it."""
    pen.version(1, number=0, numbering=OURS)
    at_work = steps()
    assert next(at_work) == Take(0, pen.commit(1))
    if is_readable:
        assert at_work.send(pen.commit(9)) == Find(pen.commit(9))
    assert at_work.send(None) == Take(1, pen.commit(1))


def test_equal_content_of_the_highest_is_said_to_be_the_same_without_a_claim(pen, steps):
    """Also if somebody else was just found to have it, and over a hole."""
    pen.version(1)
    pen.on(1, bodies.SealedBody(4, UPSTREAM))
    same = queries.version(pen.table(), pen.commit(1)).manifest
    pen.version(2, number=0, numbering=OURS, manifest=same)
    at_work = steps()
    expected = Append(CommitSubject(*HOME, pen.commit(2)), bodies.SameAsBody(pen.commit(1)))
    assert next(at_work) == expected
    assert ends_with(at_work, None) == (Outcome(pen.commit(2), 4, 0, pen.commit(1)),)


def test_content_of_a_link_that_ended_is_numbered_anew(pen, steps):
    """Its claim gets the event that is missing, but nothing is the same as what has left."""
    pen.version(9, name="other")
    linked = pen.on(9, bodies.LinkBody(*HOME, 0, THEIRS), name="other")
    pen.on(9, bodies.UnlinkBody((linked,)), name="other")
    same = queries.version(pen.table(), pen.commit(9)).manifest
    pen.version(1, number=0, numbering=OURS, manifest=same)
    at_work = steps()
    assert next(at_work) == Take(0, pen.commit(1))
    assert at_work.send(pen.commit(9)) == Find(pen.commit(9))
    assert at_work.send(same.digest) == sealed(pen, 9, 0)
    assert at_work.send(None) == Take(1, pen.commit(1))


def test_content_that_another_push_has_just_claimed_is_the_same_too(pen, steps):
    """It is compared again after each claim that was lost; a hole does not hide it."""
    pen.version(1, number=0, numbering=OURS)
    at_work = steps()
    next(at_work)
    at_work.send(pen.commit(9))
    at_work.send(queries.version(pen.table(), pen.commit(1)).manifest.digest)
    assert at_work.send(None).body == bodies.SameAsBody(pen.commit(9))
    assert ends_with(at_work, None) == (Outcome(pen.commit(1), 0, 0, pen.commit(9)),)


def test_equal_content_of_a_removed_version_is_numbered_anew(pen, steps):
    """As when it is logged again."""
    first = pen.version(1)
    pen.on(1, bodies.SealedBody(4, UPSTREAM))
    same = queries.version(pen.table(), pen.commit(1)).manifest
    pen.on(1, bodies.DeleteBody((first,)))
    pen.version(2, number=0, numbering=OURS, manifest=same)
    assert next(steps()) == Take(5, pen.commit(2))


def test_a_version_that_another_push_claims_meanwhile_gets_one_number(pen, steps):
    """It was found while a claim for an earlier one was lost to it."""
    pen.version(1, number=0, numbering=OURS)
    pen.version(2, number=1, numbering=OURS)
    at_work = steps()
    next(at_work)
    at_work.send(pen.commit(2))
    assert at_work.send(bytes([2]) * 32) == sealed(pen, 2, 0)
    assert at_work.send(None) == Take(1, pen.commit(1))
    assert at_work.send(pen.commit(1)) == sealed(pen, 1, 1)
    assert ends_with(at_work, None) == (
        Outcome(pen.commit(1), 1, 0),
        Outcome(pen.commit(2), 0, 1),
    )


def test_a_second_claim_of_a_sealed_version_is_passed_over(pen, steps):
    """A stale listing let it claim twice: it keeps the number that was sealed."""
    pen.version(9)
    pen.on(9, bodies.SealedBody(0, UPSTREAM))
    pen.version(1, number=0, numbering=OURS)
    at_work = steps()
    assert next(at_work) == Take(1, pen.commit(1))
    assert at_work.send(pen.commit(9)) == Take(2, pen.commit(1))


def test_two_claims_of_another_version_give_it_one_number(pen, steps):
    """The second is met in the same push that has just sealed the first."""
    pen.version(1, number=0, numbering=OURS)
    at_work = steps()
    next(at_work)
    at_work.send(pen.commit(9))
    assert at_work.send(bytes([9]) * 32) == sealed(pen, 9, 0)
    assert at_work.send(None) == Take(1, pen.commit(1))
    assert at_work.send(pen.commit(9)) == Take(2, pen.commit(1))


def test_a_push_that_was_killed_after_its_claim_goes_on_with_it(pen, steps):
    """The second time the claim is found to be its own."""
    pen.version(1, number=0, numbering=OURS)
    claims, appended = {}, []

    class Claims:
        def take(self, number, commit):
            return claims.setdefault(number, commit)

    class Killed(Exception):
        pass

    def die(*_):
        raise Killed

    with pytest.raises(Killed):
        perform(steps(), Claims(), {}.get, die)
    assert claims == {0: pen.commit(1)}
    outcome = perform(steps(), Claims(), {}.get, lambda *event: appended.append(event))
    assert outcome == (Outcome(pen.commit(1), 0, 0),)
    assert appended == [(CommitSubject(*HOME, pen.commit(1)), bodies.SealedBody(0, UPSTREAM))]


def test_claims_without_end_are_given_up(pen, steps, monkeypatch):
    """An upstream that says of every number that it is taken is no reason to ask for ever."""
    monkeypatch.setattr(sealing, "MAX_TAKEN_NUMBERS", 5)
    pen.version(1, number=0, numbering=OURS)
    asked = []

    class Claims:
        def take(self, number, _):
            asked.append(number)

    with pytest.raises(Busy, match="taken upstream"):
        perform(steps(), Claims(), {}.get, lambda *_: None)
    assert asked == [0, 1, 2, 3, 4]
