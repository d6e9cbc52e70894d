"""Whose a number is: sealed, provisional, of another authority, of an equal one, or in doubt."""

from dataclasses import replace

import pytest

from casstore.journal import bodies, queries
from casstore.journal.numbers import Numbers, Renumbered, Standpoint

HOME = ("vision", "resnet")
OURS, THEIRS = bytes([1]) * 16, bytes([2]) * 16
UPSTREAM, OTHER = bytes([0xA1]) * 16, bytes([0xB2]) * 16


@pytest.fixture
def seen(pen):
    """See the collection as we do: ``seen(authority, former...)``."""

    def numbers(authority=None, *former, place=HOME):
        return Numbers(pen.table(), *place, Standpoint(OURS, authority, former))

    return numbers


def text_of(numbers, pen, number):
    return numbers.label(numbers.member(pen.commit(number))).text


def test_without_an_upstream_own_numbers_are_plain_and_others_have_none(pen, seen):
    """What another store numbered is found by its id."""
    pen.version(1, number=3, numbering=OURS)
    pen.version(2, number=3, numbering=THEIRS)
    numbers = seen()
    assert (text_of(numbers, pen, 1), text_of(numbers, pen, 2)) == ("v3", "")
    assert numbers.resolve(3).commit == pen.commit(1)
    assert numbers.resolve(3).others == ()


def test_with_an_upstream_what_it_has_not_sealed_is_provisional(pen, seen):
    """A star for this store's own; no number for another's."""
    pen.version(1, number=3, numbering=OURS)
    pen.version(2, number=4, numbering=THEIRS)
    numbers = seen(UPSTREAM)
    own, foreign = (numbers.label(numbers.member(pen.commit(each))) for each in (1, 2))
    assert (own.text, own.name, own.provisional, own.exact) == ("v3*", "v3", True, True)
    assert (foreign.text, foreign.provisional, foreign.exact) == ("", True, False)


def test_a_seal_is_the_number_whoever_numbered_the_version_before(pen, seen):
    """Of this upstream plainly, of another one with its name before it."""
    pen.version(1, number=9, numbering=THEIRS)
    pen.on(1, bodies.SealedBody(5, UPSTREAM))
    assert text_of(seen(UPSTREAM), pen, 1) == "v5"
    assert text_of(seen(OTHER), pen, 1) == "a1a1a1a1:v5"
    assert text_of(seen(), pen, 1) == "a1a1a1a1:v5"
    assert seen(UPSTREAM).resolve(5).commit == pen.commit(1)
    assert seen(OTHER).resolve(5) is None
    assert [view.commit for view in seen().resolve_sealed("a1a1a1a1", 5)] == [pen.commit(1)]


def test_a_number_that_was_shown_for_other_content_is_in_doubt(pen, seen):
    """The sealed one has the number, and ours is named; equal content is no matter."""
    pen.version(1, number=3, numbering=OURS)
    pen.version(2)
    pen.on(2, bodies.SealedBody(3, UPSTREAM))
    found = seen(UPSTREAM).resolve(3)
    assert (found.commit, found.others) == (pen.commit(2), (pen.commit(1),))
    assert [each.number for each in seen(UPSTREAM).clashes()] == [3]
    label = seen(UPSTREAM).label(seen(UPSTREAM).member(pen.commit(1)))
    assert (label.text, label.exact) == ("v3*", False)
    assert [view.commit for view in seen(UPSTREAM).given(3)] == [pen.commit(1)]


def test_equal_content_under_a_number_is_no_conflict(pen, seen):
    """No script loads other bytes."""
    pen.version(1, number=3, numbering=OURS)
    pen.version(2, manifest=queries.version(pen.table(), pen.commit(1)).manifest)
    pen.on(2, bodies.SealedBody(3, UPSTREAM))
    assert seen(UPSTREAM).resolve(3).others == ()
    assert list(seen(UPSTREAM).clashes()) == []


def test_what_is_not_here_cannot_be_told_to_be_equal(pen, seen):
    """A seal came before its version: what this store called v3 is not given silently."""
    pen.version(1, number=3, numbering=OURS)
    pen.on(2, bodies.SealedBody(3, UPSTREAM))
    found = seen(UPSTREAM).resolve(3)
    assert (found.commit, found.view, found.others) == (pen.commit(2), None, (pen.commit(1),))


def test_a_renumbered_version_is_still_found_by_what_it_was(pen, seen):
    """As long as nobody else has that number; and the renumbering can be told."""
    pen.version(1, number=3, numbering=OURS)
    pen.on(1, bodies.SealedBody(7, UPSTREAM))
    numbers = seen(UPSTREAM)
    assert numbers.resolve(3).commit == numbers.resolve(7).commit == pen.commit(1)
    assert numbers.renumbered([pen.commit(1)]) == [Renumbered(pen.commit(1), 3, 7)]


def test_a_number_of_the_upstream_before_is_remembered(pen, seen):
    """The upstream changed: what it called v5 is not silently another version."""
    pen.version(1)
    pen.on(1, bodies.SealedBody(5, OTHER))
    pen.version(2)
    pen.on(2, bodies.SealedBody(5, UPSTREAM))
    assert seen(UPSTREAM, OTHER).resolve(5).others == (pen.commit(1),)
    assert [each.number for each in seen(UPSTREAM, OTHER).clashes()] == [5]
    assert seen(UPSTREAM).resolve(5).others == ()
    assert seen(UPSTREAM, OTHER).next() == 6


def test_two_seals_of_one_number_are_told_and_the_first_holds_it(pen, seen):
    """An upstream was copied; the loser is provisional again."""
    pen.version(1)
    pen.version(2, number=0, numbering=OURS)
    pen.on(2, bodies.SealedBody(5, UPSTREAM), clock=20)
    pen.on(1, bodies.SealedBody(5, UPSTREAM), clock=10)
    found = seen(UPSTREAM).resolve(5)
    assert (found.commit, found.others) == (pen.commit(1), (pen.commit(2),))
    assert text_of(seen(UPSTREAM), pen, 2) == "v0*"
    assert [view.commit for view in seen(UPSTREAM).unsealed()] == [pen.commit(2)]


def test_a_copied_store_gives_a_number_twice_and_neither_has_it(pen, seen):
    """Both are found by id; typing the number is a conflict of both."""
    pen.version(1, number=3, numbering=OURS)
    pen.version(2, number=3, numbering=OURS)
    numbers = seen()
    assert (text_of(numbers, pen, 1), text_of(numbers, pen, 2)) == ("", "")
    assert numbers.resolve(3).others == (pen.commit(2),)
    assert [view.commit for view in numbers.given(3)] == [pen.commit(1), pen.commit(2)]


def test_a_version_that_is_the_same_counts_as_the_sealed_one(pen, seen):
    """It needs no number of its own; a script that types the number gets the sealed one."""
    pen.version(1)
    pen.on(1, bodies.SealedBody(0, UPSTREAM))
    pen.version(2, number=4, numbering=OURS, manifest=_manifest_of(pen, 1))
    pen.on(2, bodies.SameAsBody(pen.commit(1)))
    label = seen(UPSTREAM).label(seen(UPSTREAM).member(pen.commit(2)))
    assert (label.text, label.exact, label.provisional) == ("v0", False, False)
    assert seen(UPSTREAM).unsealed() == []
    assert seen(UPSTREAM).newest().commit == pen.commit(1)


def test_a_same_as_event_that_lies_is_passed_over(pen, seen):
    """Content says whether it is the same."""
    pen.version(1)
    pen.on(1, bodies.SealedBody(0, UPSTREAM))
    pen.version(2, number=4, numbering=OURS)
    pen.on(2, bodies.SameAsBody(pen.commit(1)))
    assert text_of(seen(UPSTREAM), pen, 2) == "v4*"
    assert [view.commit for view in seen(UPSTREAM).unsealed()] == [pen.commit(2)]


def test_latest_without_an_upstream_is_the_highest_own_number_alive(pen, seen):
    """Removed ones and those of others do not count."""
    assert seen().newest() is None
    pen.version(1, number=0, numbering=OURS)
    last = pen.version(2, number=1, numbering=OURS)
    pen.version(3, number=9, numbering=THEIRS)
    assert seen().newest().commit == pen.commit(2)
    pen.on(2, bodies.DeleteBody((last,)))
    assert seen().newest().commit == pen.commit(1)


def test_latest_is_the_highest_sealed_or_what_was_logged_after_that_was_seen(pen, seen):
    """A version from before the seal, by clock, is not."""
    pen.version(1, number=0, numbering=OURS, clock=1)
    pen.version(2, clock=1)
    seal = pen.on(2, bodies.SealedBody(5, UPSTREAM), clock=4)
    assert seen(UPSTREAM).newest().commit == pen.commit(2)
    logged = pen.version(3, number=6, numbering=OURS, clock=5)
    assert seen(UPSTREAM).newest().commit == pen.commit(3)
    pen.on(3, bodies.DeleteBody((logged,)))
    assert seen(UPSTREAM).newest().commit == pen.commit(2)
    pen.on(2, bodies.DeleteBody((pen.events[1].id,)))
    assert seal
    assert seen(UPSTREAM).newest().commit == pen.commit(1), "nothing sealed is alive"


def test_latest_does_not_look_at_every_version(pen, seen):
    """A name with many sealed versions takes its next one as quickly as its first."""
    for number in range(1, 120):
        pen.version(number, number=number, numbering=OURS)
        pen.on(number, bodies.SealedBody(number, UPSTREAM))
    table, asked = pen.table(), []

    class Counting:
        def get(self, key):
            asked.append(key)
            return table.get(key)

        def scan(self, prefix):
            asked.append(prefix)
            return table.scan(prefix)

    numbers = replace(seen(UPSTREAM), table=Counting())
    assert numbers.newest().commit == pen.commit(119)
    assert len(asked) < 60


def test_what_was_logged_and_sealed_is_latest_under_its_sealed_number(pen, seen):
    """The highest sealed number wins over a lower one that was sealed later."""
    pen.version(1, number=0, numbering=OURS)
    pen.version(2, number=1, numbering=OURS)
    pen.on(2, bodies.SealedBody(1, UPSTREAM))
    pen.on(1, bodies.SealedBody(0, UPSTREAM))
    assert seen(UPSTREAM).newest().commit == pen.commit(2)


def test_the_next_number_is_above_all_that_was_shown(pen, seen):
    """So that the upstream may well seal just that one."""
    pen.version(1, number=2, numbering=OURS)
    pen.version(2)
    pen.on(2, bodies.SealedBody(7, UPSTREAM))
    assert (seen().next(), seen(UPSTREAM).next(), seen(OTHER, UPSTREAM).next()) == (3, 8, 8)
    assert seen(UPSTREAM, place=("vision", "other")).next() == 0


def test_a_link_is_numbered_in_its_collection(pen, seen):
    """Home and target have numbers and seals of their own."""
    pen.version(1, number=3, numbering=OURS)
    pen.on(1, bodies.LinkBody("registry", "good", 0, OURS))
    registry = ("registry", "good")
    assert text_of(seen(UPSTREAM, place=registry), pen, 1) == "v0*"
    assert [view.commit for view in seen(UPSTREAM, place=registry).unsealed()] == [pen.commit(1)]
    pen.on(1, bodies.SealedBody(8, UPSTREAM), project="registry", name="good")
    assert text_of(seen(UPSTREAM, place=registry), pen, 1) == "v8"
    assert text_of(seen(UPSTREAM), pen, 1) == "v3*"


def _manifest_of(pen, number):
    return queries.version(pen.table(), pen.commit(number)).manifest


def test_what_others_numbered_is_newest_by_their_numbers(pen, seen):
    """Of one numbering its highest alive; a seal counts before it; of two each one's."""
    pen.version(1, number=3, numbering=THEIRS)
    last = pen.version(2, number=4, numbering=THEIRS)
    assert [view.commit for view in seen().newest_elsewhere()] == [pen.commit(2)]
    pen.on(2, bodies.DeleteBody((last,)))
    assert [view.commit for view in seen().newest_elsewhere()] == [pen.commit(1)]
    pen.version(3, number=9, numbering=THEIRS)
    pen.on(1, bodies.SealedBody(0, UPSTREAM))
    assert [view.commit for view in seen().newest_elsewhere()] == [pen.commit(1)]
    pen.on(3, bodies.SealedBody(0, bytes([0xEE]) * 16))
    assert {view.commit for view in seen().newest_elsewhere()} == {pen.commit(1), pen.commit(3)}
