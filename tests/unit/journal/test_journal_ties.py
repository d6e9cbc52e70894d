"""Ties and cards: what lineage is read from, folded from events in any order."""

import itertools

from casstore.journal import bodies, cards, census, queries, ties
from casstore.journal.cards import RunCard, VersionCard, run_node
from casstore.journal.fold import fold

MANY = 100


def ends(table, family, *nodes):
    found = ties.ties(table, family, [cards.NodeId(node) for node in nodes], MANY)
    return [(node, end[:1], end[1:]) for node, end in found]


def test_a_run_is_tied_to_what_it_made_and_read(pen):
    """The version event, the producer event and the use each make one tie, seen from both ends."""
    pen.version(1, run="run1")
    pen.on(1, bodies.ProducerBody("run2"))
    pen.run(bodies.RunUseBody(pen.commit(1), "vision", "resnet"), run_id="run3")
    table = pen.table()
    one, two, three = (run_node("vision", f"run{number}") for number in (1, 2, 3))
    made = {(pen.commit(1), ties.MADE, run) for run in (one, two)}
    assert set(ends(table, "sources", pen.commit(1))) == made
    assert ends(table, "targets", pen.commit(1)) == [(pen.commit(1), ties.READ, three)]
    assert ends(table, "sources", three) == [(three, ties.READ, pen.commit(1))]
    assert ends(table, "targets", one) == [(one, ties.MADE, pen.commit(1))]


def test_a_version_is_tied_to_what_it_was_drafted_from(pen):
    """Also where the base never arrives."""
    pen.version(2, bases=(pen.commit(1), pen.commit(9)))
    table = pen.table()
    assert {end for _, _, end in ends(table, "sources", pen.commit(2))} == {
        pen.commit(1),
        pen.commit(9),
    }
    assert ends(table, "targets", pen.commit(1)) == [(pen.commit(1), ties.DRAFTED, pen.commit(2))]


def test_ties_are_read_up_to_a_limit(pen):
    """A version that a million runs read does not fill memory."""
    for number in range(5):
        pen.run(bodies.RunUseBody(pen.commit(1), "vision", "resnet"), run_id=f"run{number}")
    assert len(ties.ties(pen.table(), "targets", [cards.NodeId(pen.commit(1))], 3)) == 3


def test_cards_name_what_is_there(pen):
    """A version, a run that began, a run that only its product names, and nothing at all."""
    pen.version(1, number=3, numbering=bytes(16), run="run1", time=7)
    pen.run(bodies.RunStartBody(name="swift-fox-1", job_type="train"), run_id="run2")
    nodes = [pen.commit(1), run_node("vision", "run2"), run_node("vision", "run1"), bytes(16)]
    assert list(cards.cards(pen.table(), nodes)) == [
        VersionCard("vision", "resnet", 3, bytes(16), "model", 0, 300, 2, 7),
        RunCard("vision", "run2", "swift-fox-1", "train", "running", begun=True),
        RunCard("vision", "run1", None, None, "", begun=False),
        None,
    ]


def test_a_version_that_has_not_arrived_is_called_what_it_was_asked_for_by(pen):
    """Two runs that asked by different names give one card, whichever came first."""
    for run_id, name in (("run1", "linked"), ("run2", "home")):
        pen.run(bodies.RunUseBody(pen.commit(4), "vision", name), run_id=run_id)
    for events in itertools.permutations(pen.events):
        (card,) = cards.cards(fold(events), [pen.commit(4)])
        assert (card.name, card.deletes) == ("home", None)


def test_a_version_event_replaces_what_was_asked_for_whenever_it_comes(pen):
    """Every order of use, version and delete gives the same rows and sets."""
    pen.run(bodies.RunUseBody(pen.commit(4), "vision", "asked"))
    version = pen.version(4, number=0, numbering=bytes(16))
    pen.on(4, bodies.DeleteBody((version,)))
    tables = [fold(events) for events in itertools.permutations(pen.events)]
    assert all((t.rows, t.sets) == (tables[0].rows, tables[0].sets) for t in tables)
    (card,) = cards.cards(tables[0], [pen.commit(4)])
    assert (card.name, card.deletes) == ("resnet", 1)


def test_a_census_counts_what_is_not_deleted_and_finds_the_newest(pen):
    """By the numbering asked for; a restored version counts again."""
    numbering = bytes([5]) * 16
    first = pen.version(1, number=0, numbering=numbering)
    pen.version(2, number=1, numbering=numbering)
    second = pen.events[-1].id
    pen.version(3, number=7, numbering=bytes(16))
    pen.version(4, name="gone", number=0, numbering=numbering)
    pen.on(4, bodies.DeleteBody((pen.events[-1].id,)), name="gone")
    pen.on(2, bodies.DeleteBody((second,)))
    held = census.census(pen.table(), "vision", numbering)
    assert {name: (each.versions, each.number) for name, each in held.items()} == {"resnet": (2, 0)}
    pen.on(2, bodies.RestoreBody())
    pen.on(1, bodies.DeleteBody((first,)))
    held = census.census(pen.table(), "vision", numbering)
    assert (held["resnet"].versions, held["resnet"].number) == (2, 1)


def test_a_census_counts_links_where_they_lead(pen):
    """As ``queries.versions`` lists them, with numbers of the collection that was linked to."""
    pen.version(1, number=0, numbering=bytes(16))
    link = pen.on(1, bodies.LinkBody("vision", "registry", 4, bytes(16)))
    table = pen.table()
    held = census.census(table, "vision", bytes(16))
    assert (held["registry"].versions, held["registry"].number) == (1, 4)
    assert len(list(queries.versions(table, "vision", "registry"))) == 1
    pen.on(1, bodies.UnlinkBody((link,)))
    assert set(census.census(pen.table(), "vision", bytes(16))) == {"resnet"}
