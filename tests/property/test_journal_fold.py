"""The fold is a function of the set of events: any order, any delivery, the same bytes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from casstore.journal import bodies, census, lineage, parts, queries, subjects, wire
from casstore.journal.fold import apply, fold

PLACES = [("p", "a"), ("p", "b")]
COMMITS = [bytes([number]) * 16 for number in range(1, 4)]
ALIASES = ["best", "prod"]
IDS = [bytes([number]) * 16 for number in range(8, 10)]
RUNS = ["run1", "run2"]
TEXTS = ["x", "y"]

places = st.sampled_from(PLACES)
small = st.integers(0, 2)
maybe_number = st.one_of(st.just((None, None)), st.tuples(small, st.sampled_from(IDS)))
manifest = small.map(lambda n: bodies.ManifestRef(bytes([n]) * 32, bytes(32), 0, n, n))


@st.composite
def claims(draw, earlier):
    names = draw(st.lists(st.sampled_from(ALIASES), unique=True))
    return tuple(bodies.AliasClaim(name, draw(earlier)) for name in names)


@st.composite
def commit_bodies(draw, earlier):
    """Any body about a commit; what it replaces may be of any kind, register or commit."""
    kind = draw(st.sampled_from(["version", "alias", "alias", "edit", "delete", "link", "other"]))
    number, numbering = draw(maybe_number)
    if kind == "version":
        return bodies.VersionBody(
            draw(st.sampled_from(TEXTS)),
            "local",
            draw(manifest),
            number,
            numbering,
            draw(st.sampled_from([None, *RUNS])),
            draw(st.sampled_from(TEXTS)),
            aliases=draw(claims(earlier)),
            tags=tuple(draw(st.lists(st.sampled_from(TEXTS), unique=True))),
        )
    if kind == "alias":
        return bodies.AliasBody(draw(st.sampled_from(ALIASES)), draw(st.booleans()), draw(earlier))
    if kind == "edit":
        field, value = draw(st.sampled_from([("ttl", 1), ("ttl", 2), ("tags", ("z",))]))
        return bodies.EditBody(field, value, draw(earlier))
    if kind == "delete":
        return bodies.DeleteBody(draw(earlier))
    if kind == "link":
        place = draw(places)
        return bodies.LinkBody(*place, number, numbering, draw(claims(earlier)), draw(earlier))
    return draw(
        st.sampled_from(
            [
                bodies.UnlinkBody(draw(earlier)),
                bodies.ProducerBody(draw(st.sampled_from(RUNS)), "d"),
                bodies.RestoreBody(),
                bodies.SealedBody(draw(small), draw(st.sampled_from(IDS))),
                bodies.SameAsBody(draw(st.sampled_from(COMMITS))),
            ]
        )
    )


@st.composite
def other_events(draw, earlier):
    """Draw a subject that is no commit, and a body."""
    run = subjects.RunSubject("p", draw(st.sampled_from(RUNS)))
    text = draw(st.sampled_from([None, *TEXTS]))
    round_ = subjects.RoundSubject(*draw(places), "job", draw(small))
    choices = [
        (run, bodies.RunStartBody(name=text, config='{"a":1}')),
        (run, bodies.RunUpdateBody(name=text, tags=("t",))),
        (run, bodies.RunUseBody(draw(st.sampled_from(COMMITS)), "p", "a", text)),
        (run, bodies.RunFinishBody(draw(st.sampled_from(["failed", "finished"])), 0)),
        (
            subjects.CollectionSubject(*draw(places)),
            bodies.LabelBody(
                draw(st.sampled_from(["name", "type"])),
                draw(st.sampled_from(TEXTS)),
                draw(earlier),
            ),
        ),
        (round_, bodies.PartBody("w", draw(small), draw(manifest), "x", "run1")),
        (round_, bodies.FinishBody(draw(st.sampled_from(COMMITS)), draw(earlier))),
    ]
    return draw(st.sampled_from(choices))


@st.composite
def histories(draw):
    """Up to 14 distinct events, each naming some of those before it."""
    events = []
    for seq in range(draw(st.integers(1, 14))):
        ids = [event.id for event in events]
        picked = st.lists(st.sampled_from(ids), unique=True, max_size=4) if ids else st.just([])
        earlier = picked.map(tuple)
        if draw(st.integers(0, 3)):
            subject = subjects.CommitSubject(*draw(places), draw(st.sampled_from(COMMITS)))
            body = draw(commit_bodies(earlier))
        else:
            subject, body = draw(other_events(earlier))
        clock, time, writer = draw(small), draw(small), draw(st.sampled_from(IDS))
        file = wire.write_event(subject, body, writer=writer, seq=seq, clock=clock, time=time)
        events.append(wire.read_event(file.name, file.data))
    return events


def views_of(table):
    """Ask everything, so that no view fails on any state."""
    return (
        [queries.version(table, commit) for commit in COMMITS],
        [list(queries.versions(table, *place, include_deleted=True)) for place in PLACES],
        list(queries.collections(table)),
        [list(queries.aliases(table, *place)) for place in PLACES],
        list(lineage.runs(table)),
        [(part, parts.commit_of_part(table, part)) for part in parts.all_waiting(table)],
        [parts.last_finished(table, *place, "job") for place in PLACES],
        [
            parts.settled(table, round_)
            for place in PLACES
            if (round_ := parts.last_finished(table, *place, "job")) is not None
        ],
        [lineage.users_of(table, commit) for commit in COMMITS],
    )


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_order_of_the_same_events_gives_the_same_bytes(data):
    """Two shuffles end in byte-identical tables, and in equal views."""
    events = data.draw(histories())
    table = fold(events)
    for _ in range(2):
        other = fold(data.draw(st.permutations(events)))
        assert (other.rows, other.sets) == (table.rows, table.sets)
    assert views_of(other) == views_of(table)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_partial_delivery_changes_nothing_in_the_end(data):
    """Some events first, in any order, looked at, then the rest: the table of the whole set."""
    events = data.draw(histories())
    first = data.draw(st.sets(st.sampled_from(range(len(events)))))
    table = fold(reversed([events[at] for at in sorted(first)]))
    views_of(table)
    for at, event in enumerate(events):
        if at not in first:
            apply(event, table)
    whole = fold(events)
    assert (table.rows, table.sets) == (whole.rows, whole.sets)


@settings(max_examples=300, deadline=None)
@given(events=histories(), numbering=st.sampled_from(IDS))
def test_a_census_counts_what_a_listing_shows(events, numbering):
    """Read from cards or from whole versions, names hold the same, links and deletions included."""
    table = fold(events)
    for project in {project for project, _ in PLACES}:
        held = census.census(table, project, numbering)
        for _, name in [place for place in PLACES if place[0] == project]:
            views = [v for v in queries.versions(table, project, name) if v.complete]
            assert (held[name].versions if name in held else 0) == len(views)
            own = [v.number for v in views if v.numbering == numbering and v.number is not None]
            assert views == [] or held[name].number == max(own, default=None)


def alias_heads_of(events, place, alias):
    """Say by definition who points an alias: (event id, commit or None)."""
    set_by, replaced, unlinked = {}, set(), set()
    for event in events:
        body, subject = event.body, event.subject
        if isinstance(body, bodies.LinkBody | bodies.UnlinkBody):
            unlinked |= {(subject.commit, replaced_id) for replaced_id in body.replaces}
        if isinstance(body, bodies.AliasBody):
            if (subject.project, subject.name, body.alias) == (*place, alias):
                set_by[event.id] = subject.commit if body.set else None
                replaced |= set(body.replaces)
        elif isinstance(body, bodies.VersionBody | bodies.LinkBody):
            holder = body if isinstance(body, bodies.LinkBody) else subject
            for claim in body.aliases:
                if (holder.project, holder.name, claim.alias) == (*place, alias):
                    set_by[event.id] = subject.commit
                    replaced |= set(claim.replaces)
    links = {event.id for event in events if isinstance(event.body, bodies.LinkBody)}
    return {
        (event, commit)
        for event, commit in set_by.items()
        if event not in replaced and not (event in links and (commit, event) in unlinked)
    }


def keepers_of(events, commit):
    """Say by definition what keeps a commit: no delete names it, and it still stands."""
    about = [event for event in events if getattr(event.subject, "commit", None) == commit]
    seen = {
        s for event in about if isinstance(event.body, bodies.DeleteBody) for s in event.body.seen
    }
    ended = {
        replaced
        for event in about
        if isinstance(event.body, bodies.LinkBody | bodies.UnlinkBody)
        for replaced in event.body.replaces
    }
    kept = set()
    for event in about:
        body, place = event.body, (event.subject.project, event.subject.name)
        plain = isinstance(body, bodies.VersionBody | bodies.ProducerBody | bodies.RestoreBody)
        linked = isinstance(body, bodies.LinkBody) and event.id not in ended
        pointing = isinstance(body, bodies.AliasBody) and body.set
        if pointing:
            pointing = (event.id, commit) in alias_heads_of(events, place, body.alias)
        if plain or linked or pointing:
            kept.add(event.id)
    return kept - seen


@settings(max_examples=300, deadline=None)
@given(events=histories())
def test_heads_and_keepers_are_those_of_the_definition(events):
    """The rows hold what the rules of sets say, worked out without rows."""
    table = fold(reversed(events))
    for place in PLACES:
        for alias in ALIASES:
            expected = {event for event, _ in alias_heads_of(events, place, alias)}
            assert set(queries.alias_heads(table, *place, alias)) == expected
    for commit in COMMITS:
        assert set(queries.deletion_seen(table, commit)) == keepers_of(events, commit)
