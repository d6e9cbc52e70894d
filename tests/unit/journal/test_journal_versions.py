"""Versions, collections and their numbers, as the fold leaves them."""

from casstore.journal import bodies, keys, labels, queries, subjects

HOME = ("vision", "resnet")
OURS, THEIRS, UPSTREAM = bytes([1]) * 16, bytes([2]) * 16, bytes([3]) * 16


def test_a_version_is_shown_as_it_was_logged(pen):
    """Every fact of the event comes back."""
    pen.version(
        1,
        number=0,
        numbering=OURS,
        run="run1",
        description="first",
        metadata='{"lr":0.1}',
        tags=("a", "b"),
        ttl=60,
        bases=(pen.commit(9),),
    )
    view = queries.version(pen.table(), pen.commit(1))
    assert (view.project, view.name, view.type, view.number) == (*HOME, "model", 0)
    assert (view.description, view.metadata, view.tags) == ("first", '{"lr":0.1}', ("a", "b"))
    assert (view.ttl, view.bases, view.run) == (60, (pen.commit(9),), "run1")
    assert (view.complete, view.deleted, view.conflicts) == (True, False, ())
    assert view.manifest.size == 300
    assert view.created_at == view.updated_at == 1_000


def test_versions_are_listed_by_number_then_those_without(pen):
    """The order of arrival does not matter; v10 follows v2."""
    for commit, number in ((1, 10), (2, None), (3, 2), (4, 0)):
        pen.version(commit, number=number, numbering=OURS if number is not None else None)
    listed = list(queries.versions(pen.table(), *HOME))
    assert [view.number for view in listed] == [0, 2, 10, None]
    assert queries.numbered(pen.table(), *HOME, 2)[0].commit == pen.commit(3)
    assert queries.numbered(pen.table(), *HOME, 3) == []


def test_a_number_is_never_given_twice(pen):
    """The next number counts deleted versions, for each numbering apart, and seals."""
    last = pen.version(1, number=4, numbering=OURS)
    pen.on(1, bodies.DeleteBody((last,)))
    pen.version(2, number=7, numbering=THEIRS)
    pen.on(2, bodies.SealedBody(11, UPSTREAM))
    table = pen.table()
    assert queries.next_number(table, *HOME, OURS) == 5
    assert queries.next_number(table, *HOME, THEIRS) == 8
    assert queries.next_number(table, *HOME, UPSTREAM) == 12
    assert queries.next_number(table, *HOME, bytes(16)) == 0
    assert queries.next_number(table, "vision", "other", OURS) == 0


def test_edits_replace_and_concurrent_edits_are_a_conflict(pen):
    """An edit that names the head settles the field; two that name the same one do not."""
    pen.version(1, description="a")
    heads = tuple(queries.edit_heads(pen.table(), pen.commit(1), "description"))
    pen.on(1, bodies.EditBody("description", "b", heads))
    view = queries.version(pen.table(), pen.commit(1))
    assert (view.description, view.conflicts) == ("b", ())
    pen.on(1, bodies.EditBody("description", "c", heads))
    view = queries.version(pen.table(), pen.commit(1))
    assert view.description == "c"
    assert [value for _, value in view.conflicts[0].heads] == ["c", "b"]
    both = tuple(queries.edit_heads(pen.table(), pen.commit(1), "description"))
    pen.on(1, bodies.EditBody("description", None, both))
    assert queries.version(pen.table(), pen.commit(1)).conflicts == ()


def test_concurrent_tags_are_joined_without_a_conflict(pen):
    """Nobody's tag is lost."""
    base = pen.version(1, tags=("old",))
    pen.on(1, bodies.EditBody("tags", ("x",), (base,)))
    pen.on(1, bodies.EditBody("tags", ("b",), (base,)))
    view = queries.version(pen.table(), pen.commit(1))
    assert (view.tags, view.conflicts) == (("b", "x"), ())


def test_one_name_with_two_types_is_a_conflict_until_labelled(pen):
    """The earliest type is shown; a label settles it."""
    pen.version(1, type="dataset", clock=9)
    pen.version(2, type="model", clock=3)
    pen.version(3, type="model", clock=12)
    view = queries.collection(pen.table(), *HOME)
    assert (view.type, view.count) == ("model", 3)
    assert [value for _, value in view.conflicts[0].heads] == ["model", "dataset"]
    pen.write(subjects.CollectionSubject(*HOME), bodies.LabelBody("type", "dataset"))
    view = queries.collection(pen.table(), *HOME)
    assert (view.type, view.conflicts) == ("dataset", ())


def test_a_rename_is_a_label_and_the_name_stays_the_key(pen):
    """A collection is found under the name at creation, and shows its label."""
    pen.version(1)
    label = pen.write(subjects.CollectionSubject(*HOME), bodies.LabelBody("name", "convnet"))
    table = pen.table()
    assert queries.collection(table, *HOME).label == "convnet"
    assert labels.heads(table, *HOME, "name") == [label]
    assert queries.collection(table, "vision", "convnet") is None


def test_a_collection_is_found_by_what_it_is_called_now(pen):
    """Renamed twice and back: one row while it bears another name, none when it bears its own."""
    pen.version(1)
    subject, before = subjects.CollectionSubject(*HOME), ()
    project, own = HOME
    for name in ("convnet", "resnet-50", own):
        before = (pen.write(subject, bodies.LabelBody("name", name, before)),)
        table = pen.table()
        assert [view.name for view in queries.named(table, project, name)] == [own]
        rows = [key for key, _ in table.scan(b"called")]
        assert rows == [keys.called(project, name, own)][: name != own]
    assert queries.named(table, project, "convnet") == []


def test_collections_and_projects_are_listed(pen):
    """A collection exists once something has been logged in it, not for an alias alone."""
    pen.version(1)
    pen.version(2, name="data")
    pen.on(3, bodies.AliasBody("best", set=True), project="audio", name="early")
    table = pen.table()
    assert [view.name for view in queries.collections(table)] == ["data", "resnet"]
    assert list(queries.collections(table, "audio")) == []
    assert queries.projects(table) == ["audio", "vision"]
    assert queries.highest_clock(table, "audio", "early") == 3


def test_the_first_of_two_equal_seals_holds(pen):
    """A copied upstream sealed one number twice: the first keeps it, the other is told."""
    pen.version(1, number=0, numbering=OURS)
    pen.version(2, number=0, numbering=THEIRS)
    pen.on(2, bodies.SealedBody(5, UPSTREAM), clock=20)
    pen.on(1, bodies.SealedBody(5, UPSTREAM), clock=10)
    table = pen.table()
    assert queries.version(table, pen.commit(1)).sealed == {UPSTREAM: 5}
    loser = queries.version(table, pen.commit(2))
    assert loser.sealed == {}
    assert [commit for _, commit in loser.conflicts[0].heads] == [pen.commit(1), pen.commit(2)]


def test_one_commit_may_be_logged_by_two_finishers(pen):
    """Two version events of one commit are one version; the earlier one's facts are shown."""
    pen.version(1, number=3, numbering=THEIRS, clock=9, time=50)
    pen.version(1, number=0, numbering=OURS, clock=2, time=90)
    table = pen.table()
    assert [view.number for view in queries.versions(table, *HOME)] == [0]
    assert queries.version(table, pen.commit(1)).created_at == 90
    assert queries.collection(table, *HOME).count == 1
    assert queries.next_number(table, *HOME, THEIRS) == 4


def test_commits_are_found_by_prefix_and_by_manifest(pen):
    """``name@<hex>`` needs both."""
    pen.version(1)
    pen.version(0xAB)
    table = pen.table()
    assert list(queries.commits(table, b"\xab")) == [pen.commit(0xAB)]
    assert list(queries.commits_of_manifest(table, b"\x01" * 4)) == [pen.commit(1)]
    assert len(list(queries.commits(table))) == 2


def test_an_edit_before_its_version_waits_for_it(pen):
    """What arrives early is kept, and the version is not complete."""
    pen.on(1, bodies.EditBody("description", "early"))
    view = queries.version(pen.table(), pen.commit(1))
    assert (view.complete, view.deleted, view.description) == (False, False, "early")
    assert queries.version(pen.table(), pen.commit(2)) is None


def test_unknown_events_change_nothing(pen):
    """A later release's event is passed over."""
    pen.version(1)
    before = pen.table().rows
    pen.events.append(
        pen.events[0].__class__(
            bytes(16),
            "sparkle",
            bytes(16),
            0,
            99,
            99,
            pen.events[0].subject,
            bodies.UnknownBody({}),
        )
    )
    assert pen.table().rows == before


def test_same_content_is_noted(pen):
    """A provisional version that upstream has already points at it."""
    pen.version(1)
    pen.on(1, bodies.SameAsBody(pen.commit(2)))
    assert queries.version(pen.table(), pen.commit(1)).same_as == (pen.commit(2),)
