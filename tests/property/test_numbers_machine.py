"""Many writers, two upstreams, everything that goes wrong: numbers stay unique, nothing is lost.

The world is in memory: a store or an upstream is a set of events, its folded table, and claims.
"""

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from casstore.digest import CommitId, Digest
from casstore.journal import bodies, queries, seals, subjects, wire
from casstore.journal.events import next_clock
from casstore.journal.fold import apply, fold
from casstore.journal.numbers import Numbers, Standpoint
from casstore.journal.sealing import Append, Find, Take, perform, seal_steps
from casstore.journal.table import MemoryTable

EXAMPLES = 40
STEPS = 30
PLACE = ("vision", "net")
REGISTRY = ("vision", "registry")  # where versions are linked
PLACES = (PLACE, REGISTRY)
ALIASES = st.sampled_from(["best", "prod"])
CONTENTS = st.integers(1, 6)
PICKS = st.integers(0, 99)
FATES = st.sampled_from(["done", "done", "done", "done", "nothing", "upstream", "store"])
MAX_STORES = 5


def pick(sequence, at):
    return sequence[at % len(sequence)]


@dataclass
class ClaimsOf:
    """The claims of one collection."""

    claims: dict
    place: tuple

    def take(self, number, commit):
        return self.claims.setdefault((self.place, number), commit)


@dataclass
class Depot:
    """A set of events with its table, and claims."""

    events: dict = field(default_factory=dict)
    table: MemoryTable = field(default_factory=MemoryTable)
    claims: dict = field(default_factory=dict)

    def add(self, events):
        for event in events:
            if event.id not in self.events:
                self.events[event.id] = event
                apply(event, self.table)

    def at(self, place):
        return ClaimsOf(self.claims, place)

    def find(self, commit):
        view = queries.version(self.table, commit)
        return view.manifest.digest if view is not None and view.complete else None


@dataclass
class Upstream(Depot):
    authority: bytes = b""


@dataclass
class Store(Depot):
    """A depot where versions are made; ``shown`` is the content that each number was shown with."""

    numbering: bytes = b""
    followed: list = field(default_factory=lambda: [None])
    shown: dict = field(default_factory=dict)
    accepted: set = field(default_factory=set)

    @property
    def numbers(self):
        return self.numbers_at(PLACE)

    def numbers_at(self, place):
        now = self.followed[-1]
        former = dict.fromkeys(each for each in self.followed if each not in (None, now))
        return Numbers(self.table, *place, Standpoint(self.numbering, now, tuple(former)))

    def copy(self, **changes):
        twin = Store(
            numbering=self.numbering,
            followed=list(self.followed),
            shown=dict(self.shown),
            accepted=set(self.accepted),
            claims=dict(self.claims),
            **changes,
        )
        twin.add(self.events.values())
        return twin

    def meaning(self, number, place=PLACE):
        """Return the content that ``vN`` gives, None where it is nothing or a conflict."""
        found = self.numbers_at(place).resolve(number)
        if found is None or found.view is None:
            return None
        if found.others and (place, number, found.commit) not in self.accepted:
            return None
        return found.view.manifest.digest

    def agreed(self, number, place):
        """Tell whether somebody accepted what the number means now, and has not since been told."""
        found = self.numbers_at(place).resolve(number)
        return bool(found.others) and (place, number, found.commit) in self.accepted


class Push:
    """A push under way: the step that comes next was decided with what was known before."""

    def __init__(self, store, upstream, place):
        self.store, self.upstream, self.place = store, upstream, place
        self.steps = seal_steps(store.numbers_at(place))
        self.step = next(self.steps, None)

    def go_on(self, answer):
        try:
            self.step = self.steps.send(answer)
        except StopIteration:
            self.step = None


class ManyWriters(RuleBasedStateMachine):
    """Stores log, exchange, push step by step, die between any two, are copied and set back."""

    def __init__(self):
        super().__init__()
        self.made = 0
        self.snapshots = []
        self.everything = {}

    @initialize(
        whom=st.lists(st.sampled_from([0, 0, 1, None]), min_size=3, max_size=4),
        copied=st.booleans(),
        logged=st.lists(st.tuples(PICKS, CONTENTS), max_size=8),
    )
    def begin(self, whom, copied, logged):
        self.upstreams = [Upstream(authority=bytes([0xA0]) * 16)]
        self.upstreams.append(Upstream(authority=bytes([0xA0 if copied else 0xB0]) * 16))
        self.copied = copied
        self.stores = []
        for at, which in enumerate(whom):
            followed = [None] if which is None else [self.upstreams[which].authority]
            self.stores.append(Store(numbering=bytes([0x10 + at]) * 16, followed=followed))
        for at, content in logged:
            self.log(at, content, set())

    def write(self, depots, commit, body, *, by, place=PLACE):
        """Append an event as ``by`` would, to the depots that it reaches."""
        self.made += 1
        written = wire.write_event(
            subjects.CommitSubject(*place, commit),
            body,
            writer=bytes([1]) * 16,
            seq=self.made,
            clock=next_clock(queries.highest_clock(by.table, *place)),
            time=self.made,
        )
        event = wire.read_event(written.name, written.data)
        self.everything[event.id] = event
        for depot in depots:
            depot.add([event])

    # What one store does

    @rule(at=PICKS, content=CONTENTS, aliases=st.sets(ALIASES))
    def log(self, at, content, aliases):
        store = pick(self.stores, at)
        self.made += 1
        commit = CommitId(self.made.to_bytes(16, "big"))
        number = store.numbers.next()
        while store.at(PLACE).take(number, commit) != commit:
            number += 1
        digest = Digest(bytes([content]) * 32)
        claims = tuple(
            bodies.AliasClaim(alias, tuple(queries.alias_heads(store.table, *PLACE, alias)))
            for alias in sorted(aliases)
        )
        manifest = bodies.ManifestRef(digest, digest, 0, 1, content)
        body = bodies.VersionBody(
            "model", "local", manifest, number, store.numbering, aliases=claims
        )
        self.write([store], commit, body, by=store)
        assert store.meaning(number) == digest, "what was just logged is found by its number"
        assert store.numbers.newest().commit == commit, "and is the latest"

    @rule(at=PICKS, which=PICKS, alias=ALIASES)
    def move_an_alias(self, at, which, alias):
        store = pick(self.stores, at)
        views = list(queries.versions(store.table, *PLACE))
        if views:
            heads = tuple(queries.alias_heads(store.table, *PLACE, alias))
            body = bodies.AliasBody(alias, set=True, replaces=heads)
            self.write([store], pick(views, which).commit, body, by=store)

    @rule(at=PICKS, which=PICKS)
    def link(self, at, which):
        """Make a version a member of the registry, under a number of its own there."""
        store = pick(self.stores, at)
        numbers = store.numbers_at(REGISTRY)
        views = list(queries.versions(store.table, *PLACE))
        views = [view for view in views if numbers.member(view.commit) is None]
        if views:
            view = pick(views, which)
            number = numbers.next()
            while store.at(REGISTRY).take(number, view.commit) != view.commit:
                number += 1
            self.write(
                [store], view.commit, bodies.LinkBody(*REGISTRY, number, store.numbering), by=store
            )
            assert store.meaning(number, REGISTRY) == view.manifest.digest

    @rule(at=PICKS, which=PICKS)
    def unlink(self, at, which):
        store = pick(self.stores, at)
        views = list(queries.versions(store.table, *REGISTRY))
        if views:
            commit = pick(views, which).commit
            heads = tuple(queries.link_heads(store.table, commit, *REGISTRY))
            self.write([store], commit, bodies.UnlinkBody(heads), by=store)

    @rule(at=PICKS, which=PICKS)
    def delete(self, at, which):
        store = pick(self.stores, at)
        views = list(queries.versions(store.table, *PLACE))
        if views:
            commit = pick(views, which).commit
            seen = tuple(queries.deletion_seen(store.table, commit))
            self.write([store], commit, bodies.DeleteBody(seen), by=store)

    @rule(at=PICKS, which=PICKS)
    def follow(self, at, which):
        store = pick(self.stores, at)
        authority = pick([None, *(each.authority for each in self.upstreams)], which)
        if store.followed[-1] != authority:
            store.followed.append(authority)

    @rule(at=PICKS)
    def accept(self, at):
        store = pick(self.stores, at)
        for place in PLACES:
            for clash in list(store.numbers_at(place).clashes()):
                store.accepted.add((place, clash.number, clash.commit))
                store.shown.pop((place, clash.number), None)
            assert all(
                (place, clash.number, clash.commit) in store.accepted
                for clash in store.numbers_at(place).clashes()
            )

    # What happens to stores

    @rule(at=PICKS)
    def copy_a_store(self, at):
        if len(self.stores) < MAX_STORES:
            original = pick(self.stores, at)
            self.stores.append(original.copy())

    @rule(at=PICKS)
    def take_a_snapshot(self, at):
        at %= len(self.stores)
        self.snapshots.append((at, self.stores[at].copy()))

    @rule(which=PICKS)
    def set_a_store_back(self, which):
        """Lose what only that store had, with its disk; what others have comes back."""
        if self.snapshots:
            at, snapshot = pick(self.snapshots, which)
            self.stores[at] = snapshot.copy()
            kept = [*self.stores, *self.upstreams]
            self.everything = {key: event for depot in kept for key, event in depot.events.items()}

    # Exchange

    @rule(one=PICKS, other=PICKS, part=st.integers(1, 3), reverse=st.booleans())
    def receive(self, one, other, part, reverse):
        """Take every event of another depot, or every second or third, in either direction."""
        events = list(pick([*self.stores, *self.upstreams], other).events.values())[::part]
        pick(self.stores, one).add(reversed(events) if reverse else events)

    @rule(which=PICKS, schedule=st.lists(st.tuples(PICKS, FATES), max_size=30))
    def race(self, which, schedule):
        """Let all who follow an upstream push at once, in any order of steps, some dying in one.

        Versions were sent first, and the upstream's events are read.
        """
        upstream = pick(self.upstreams, which)
        racing = [store for store in self.stores if store.followed[-1] == upstream.authority]
        for store in racing:
            upstream.add(store.events.values())
        pushes = []
        for store in racing:
            store.add(upstream.events.values())
            pushes += [Push(store, upstream, place) for place in PLACES]
        for at, fate in schedule:
            pushes = [push for push in pushes if push.step is not None]
            if not pushes:
                return
            push = pick(pushes, at)
            if fate == "done":
                push.go_on(self.do(push, [push.upstream, push.store]))
            else:
                pushes.remove(push)
                self.die(push, fate)

    def die(self, push, reached):
        """End a push within a step: it was not done, or half of it, or the answer was lost."""
        ends = {"upstream": push.upstream, "store": push.store}
        if reached in ends and not (isinstance(push.step, Take) and reached == "store"):
            self.do(push, [ends[reached]])

    def do(self, push, depots):
        step = push.step
        if isinstance(step, Take):
            return push.upstream.at(push.place).take(step.number, step.commit)
        if isinstance(step, Find):
            return push.upstream.find(step.commit)
        assert isinstance(step, Append)
        self.write(depots, step.subject.commit, step.body, by=push.store, place=push.place)
        return None

    @rule(at=PICKS, which=PICKS)
    def push(self, at, which):
        """Push to the end, undisturbed."""
        store, upstream = pick(self.stores, at), pick(self.upstreams, which)
        if store.followed[-1] == upstream.authority:
            self.push_to_the_end(store, upstream)

    def push_to_the_end(self, store, upstream):
        upstream.add(store.events.values())
        store.add(upstream.events.values())

        def append(subject, body):
            place = (subject.project, subject.name)
            self.write([upstream, store], subject.commit, body, by=store, place=place)

        for place in PLACES:
            steps = seal_steps(store.numbers_at(place))
            perform(steps, upstream.at(place), upstream.find, append)
            left = store.numbers_at(place).unsealed()
            assert left == [], "nothing that was pushed is without a number"

    # What holds at every moment

    @invariant()
    def no_number_silently_means_something_else(self):
        """In no store, whatever arrives: it goes on meaning what it meant, or it is a conflict."""
        for store in self.stores:
            for place in PLACES:
                for number in range(store.numbers_at(place).next()):
                    digest = store.meaning(number, place)
                    if digest is not None and store.agreed(number, place):
                        store.shown[place, number] = digest
                    if digest is not None:
                        assert store.shown.setdefault((place, number), digest) == digest

    @invariant()
    def labels_give_their_versions(self):
        """Resolve each exact one to that very version; the newest is alive and has a number."""
        for store, place in [(store, place) for store in self.stores for place in PLACES]:
            numbers = store.numbers_at(place)
            for view in queries.versions(store.table, *place, include_deleted=True):
                label = numbers.label(view)
                if label.exact and label.authority is not None:
                    found = numbers.resolve_sealed(label.authority.hex(), label.number)
                    assert [each.commit for each in found] == [view.commit]
                elif label.exact:
                    assert numbers.resolve(label.number).commit == view.commit
            newest = numbers.newest()
            assert newest is None or not newest.deleted
            assert (
                newest is None
                or numbers.label(newest).number is not None
                or self.has_twins(numbers, newest)
            )

    def has_twins(self, numbers, view):
        return len(numbers.given(numbers.own_number(view))) > 1

    # What holds in the end

    def teardown(self):
        if not hasattr(self, "stores"):
            return
        for upstream in self.upstreams:
            for store in self.stores:
                if store.followed[-1] == upstream.authority:
                    self.push_to_the_end(store, upstream)
        self.exchange_everything()
        self.the_states_are_the_same_bytes()
        self.sealed_numbers_are_the_same_everywhere()
        if not self.copied:
            self.sealed_numbers_are_unique()

    def exchange_everything(self):
        for depot in [*self.stores, *self.upstreams]:
            depot.add(self.everything.values())

    def the_states_are_the_same_bytes(self):
        """Whatever came in whatever order, nothing is dropped and nothing differs."""
        expected = fold(self.everything.values()).rows
        for depot in [*self.stores, *self.upstreams]:
            assert depot.events.keys() == self.everything.keys()
            assert depot.table.rows == expected

    def sealed_numbers_are_the_same_everywhere(self):
        """Label alike what an authority sealed, in all the stores that follow it."""
        authorities = {each.authority for each in self.upstreams}
        for authority, place in [(each, place) for each in authorities for place in PLACES]:
            views = list(queries.versions(self.stores[0].table, *place))
            labels = [
                [store.numbers_at(place).label(view) for view in views if authority in view.sealed]
                for store in self.stores
                if store.followed[-1] == authority
            ]
            assert all(each == labels[0] for each in labels)
            assert all(label.exact and not label.provisional for each in labels for label in each)

    def sealed_numbers_are_unique(self):
        """Find one number a commit and one commit a number, which has claimed it."""
        for upstream, place in [(each, place) for each in self.upstreams for place in PLACES]:
            pairs = list(seals.sealed(upstream.table, *place, upstream.authority))
            assert len({number for number, _ in pairs}) == len(pairs), "one commit a number"
            assert len({commit for _, commit in pairs}) == len(pairs), "one number a commit"
            assert all(upstream.claims[place, number] == commit for number, commit in pairs)


def run(examples, steps):
    run_state_machine_as_test(
        ManyWriters,
        settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None),
    )


def test_many_writers_end_in_one_state_and_no_number_lies():
    """Three to five stores and two upstreams, with deaths, copies and older states."""
    run(EXAMPLES, STEPS)


@pytest.mark.slow
def test_many_writers_for_long():
    """The same, with more of everything."""
    run(50 * EXAMPLES, 2 * STEPS)
