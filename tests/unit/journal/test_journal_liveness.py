"""Aliases, links, deletion: what keeps a version alive and what points at it."""

from casstore.journal import bodies, queries

HOME = ("vision", "resnet")
ZOO = ("vision", "zoo")


def delete(pen, number):
    seen = queries.deletion_seen(pen.table(), pen.commit(number))
    return pen.on(number, bodies.DeleteBody(tuple(seen)))


def alive(pen, number):
    return not queries.version(pen.table(), pen.commit(number)).deleted


def point(pen, number, *, replaces=None, on=True, name="resnet"):
    heads = queries.alias_heads(pen.table(), "vision", name, "best")
    given = tuple(heads) if replaces is None else replaces
    return pen.on(number, bodies.AliasBody("best", on, given), name=name)


def best(pen, name="resnet"):
    return queries.alias(pen.table(), "vision", name, "best")


def test_an_alias_moves(pen):
    """The alias given with a version, then by an event, then taken away."""
    pen.version(1, aliases=(bodies.AliasClaim("best"),))
    pen.version(2)
    assert best(pen).commit == pen.commit(1)
    point(pen, 2)
    assert (best(pen).commit, best(pen).conflict) == (pen.commit(2), ())
    assert queries.aliases_of(pen.table(), *HOME) == {pen.commit(2): ["best"]}
    point(pen, 2, on=False)
    assert best(pen).commit is None
    assert list(queries.aliases(pen.table(), *HOME)) == []


def test_an_alias_moved_on_both_sides_is_a_conflict_until_one_names_both(pen):
    """Both heads are named, the latest first."""
    base = pen.version(1, aliases=(bodies.AliasClaim("best"),))
    pen.version(2)
    pen.version(3)
    second = point(pen, 2, replaces=(base,))
    third = point(pen, 3, replaces=(base,))
    assert best(pen).conflict == ((third, pen.commit(3)), (second, pen.commit(2)))
    point(pen, 2)
    assert (best(pen).commit, best(pen).conflict) == (pen.commit(2), ())


def test_a_delete_that_saw_everything_deletes(pen):
    """Producer and alias events are named by it, and the alias points nowhere."""
    pen.version(1, number=0, numbering=bytes(16))
    pen.on(1, bodies.ProducerBody("run2"))
    point(pen, 1)
    assert len(queries.deletion_seen(pen.table(), pen.commit(1))) == 3
    delete(pen, 1)
    assert not alive(pen, 1)
    assert best(pen).commit is None
    assert list(queries.versions(pen.table(), *HOME)) == []
    assert len(list(queries.versions(pen.table(), *HOME, include_deleted=True))) == 1


def test_what_a_delete_has_not_seen_keeps_the_version(pen):
    """An alias, a link, a producer, a restore from elsewhere: each one is enough."""
    for number, body in enumerate(
        (
            bodies.AliasBody("best", set=True),
            bodies.LinkBody(*ZOO),
            bodies.ProducerBody("run2"),
            bodies.RestoreBody(),
        )
    ):
        pen.version(number)
        delete(pen, number)
        assert not alive(pen, number)
        pen.on(number, body)
        assert alive(pen, number), body


def test_uses_and_edits_keep_nothing_alive(pen):
    """Reading a version, or describing it, does not bring it back."""
    pen.version(1)
    delete(pen, 1)
    pen.on(1, bodies.EditBody("description", "x"))
    pen.run(bodies.RunUseBody(pen.commit(1), *HOME))
    assert not alive(pen, 1)


def test_an_alias_that_moved_away_keeps_nothing(pen):
    """A version kept by an alias alone is deleted when the alias leaves."""
    pen.version(1)
    pen.version(2)
    delete(pen, 1)
    point(pen, 1)
    assert alive(pen, 1)
    point(pen, 2)
    assert not alive(pen, 1)


def test_an_alias_on_a_deleted_version_is_no_conflict(pen):
    """Of two heads the one whose version lives is shown."""
    base = pen.version(1, aliases=(bodies.AliasClaim("best"),))
    pen.version(2)
    pen.version(3)
    point(pen, 2, replaces=(base,))
    point(pen, 3, replaces=(base,))
    delete(pen, 3)
    assert (best(pen).commit, best(pen).conflict) == (pen.commit(2), ())


def test_a_version_can_be_restored_and_deleted_again(pen):
    """Each delete names the keepers of its time."""
    pen.version(1)
    delete(pen, 1)
    pen.on(1, bodies.RestoreBody())
    assert alive(pen, 1)
    delete(pen, 1)
    assert not alive(pen, 1)


def test_a_link_is_a_member_elsewhere_with_its_own_number_and_alias(pen):
    """The linked version is listed in the other collection, and says where it comes from."""
    pen.version(1, number=4, numbering=bytes(16))
    link = bodies.LinkBody(*ZOO, 0, bytes(16), (bodies.AliasClaim("best"),))
    event = pen.on(1, link)
    table = pen.table()
    (view,) = queries.versions(table, *ZOO)
    assert (view.commit, view.name, view.number) == (pen.commit(1), "zoo", 0)
    assert view.source == (*HOME, 4)
    assert best(pen, "zoo").commit == pen.commit(1)
    assert queries.link_heads(table, pen.commit(1), *ZOO) == [event]
    assert queries.next_number(table, *ZOO, bytes(16)) == 1
    assert [home.number for home in queries.versions(table, *HOME)] == [4]


def test_unlinking_takes_the_aliases_of_the_link_along(pen):
    """Nothing in the other collection points at the version any more; its number stays given."""
    pen.version(1)
    link = bodies.LinkBody(*ZOO, 0, bytes(16), (bodies.AliasClaim("best"),))
    event = pen.on(1, link)
    pen.on(1, bodies.UnlinkBody((event,)))
    table = pen.table()
    assert list(queries.versions(table, *ZOO)) == []
    assert best(pen, "zoo").commit is None
    assert queries.next_number(table, *ZOO, bytes(16)) == 1
    assert alive(pen, 1)


def test_a_link_that_is_replaced_moves_its_number(pen):
    """Linking again names the link before it: one membership, the new number."""
    pen.version(1)
    first = pen.on(1, bodies.LinkBody(*ZOO, 0, bytes(16), (bodies.AliasClaim("best"),)))
    pen.on(1, bodies.LinkBody(*ZOO, 1, bytes(16), replaces=(first,)))
    assert [view.number for view in queries.versions(pen.table(), *ZOO)] == [1]
    assert best(pen, "zoo").commit is None
