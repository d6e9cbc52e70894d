"""A store against a plain dict: whatever is done to it, in whatever order, the two agree."""

import os
import random
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

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

from casstore.encoding import canonical_json
from casstore.errors import Conflict, NotFound
from casstore.flows import lifecycle
from casstore.flows.checkout import checkout
from casstore.flows.log import log_files
from casstore.flows.reading import read_entry
from casstore.flows.verify import verify_store
from casstore.journal import queries
from casstore.names import parse_reference
from casstore.store import Commit, close_store, commit, create_store, find_version, open_store
from casstore.worktree import Walk

EXAMPLES = 60
STEPS = 30
PROJECT = "vision"

_noise = random.Random(7).randbytes(400_000)
BLOBS = [
    b"",
    b"x",
    b"hello\n",
    _noise[:16_384],  # the longest file that is never cut
    _noise[:16_385],
    _noise,
    _noise[:200_000] + b"an edit in the middle" + _noise[200_000:],
]
NAMES = st.sampled_from(["net", "data"])
PATHS = st.sampled_from([b"a", b"b/c", b"b/d e", b"b/deep/er", b"caf\xe9", "é".encode()])
ALIASES = st.sampled_from(["best", "prod"])
TAGS = st.sampled_from(["raw", "clean"])
TEXTS = st.sampled_from([None, "", "words"])
PICKS = st.integers(0, 99)


@dataclass
class Version:
    """What a version should be."""

    files: dict[bytes, tuple[bytes, bool]]
    description: str | None
    tags: tuple[str, ...]
    metadata: str = "{}"
    deleted: bool = False


class StoreMachine(RuleBasedStateMachine):
    """Rules change working trees, the store and the model; each is compared after every step."""

    def __init__(self):
        super().__init__()
        self.base = Path(tempfile.mkdtemp(prefix="casstore-machine-"))
        self.store = create_store(self.base / "store")
        self.trees = {"net": {}, "data": {}}
        self.versions = {"net": [], "data": []}
        self.aliases = {"net": {}, "data": {}}
        self.laid_out = 0
        for name in self.trees:
            (self.base / name).mkdir()

    def teardown(self):
        try:
            self.everything_is_there_byte_for_byte()
            self.store.index.rebuild()
            self.the_store_says_what_the_model_says()
            self.everything_is_there_byte_for_byte()
        finally:
            close_store(self.store)
            shutil.rmtree(self.base)

    # The working trees

    @rule(name=NAMES, path=PATHS, blob=st.sampled_from(BLOBS), executable=st.booleans())
    def write(self, name, path, blob, executable):
        target = os.path.join(os.fsencode(self.base / name), path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        Path(os.fsdecode(target)).write_bytes(blob)
        os.chmod(target, 0o755 if executable else 0o644)
        self.trees[name][path] = (blob, executable)

    @rule(name=NAMES, path=PATHS)
    def delete(self, name, path):
        if self.trees[name].pop(path, None) is not None:
            os.unlink(os.path.join(os.fsencode(self.base / name), path))

    @rule(name=NAMES)
    def copy_the_other_tree(self, name):
        other = "net" if name == "data" else "data"
        shutil.rmtree(self.base / name)
        shutil.copytree(self.base / other, self.base / name)
        self.trees[name] = dict(self.trees[other])

    # Versions

    @initialize(name=NAMES)
    def put_something(self, name):
        self.write(name, b"a", b"hello\n", executable=False)
        self.put(name, aliases={"best"}, tags=set(), description=None)

    @rule(name=NAMES, aliases=st.sets(ALIASES), tags=st.sets(TAGS), description=TEXTS)
    def put(self, name, aliases, tags, description):
        aliases, tags = tuple(sorted(aliases)), tuple(sorted(tags))
        request = Commit(
            project=PROJECT,
            name=name,
            type="dataset",
            description=description,
            aliases=aliases,
            tags=tags,
        )
        draft = self.store.draft()
        try:
            log_files(self.store, draft, Walk(os.fsencode(self.base / name)))
            done = commit(self.store, draft, request)
        finally:
            draft.close()
        number = self._expected_put(name, tags, description, created=done.created)
        assert done.version.number == number
        self.aliases[name].update(dict.fromkeys(aliases, number))

    def _expected_put(self, name, tags, description, *, created):
        """Change the model as a put does; returns the number of the version that it gives."""
        versions, latest = self.versions[name], self._latest(name)
        if latest is None or versions[latest].files != self.trees[name]:
            assert created
            versions.append(Version(dict(self.trees[name]), description, tags))
            return len(versions) - 1
        assert not created
        versions[latest].tags = tuple(dict.fromkeys((*versions[latest].tags, *tags)))
        return latest

    @rule(name=NAMES, pick=PICKS, with_aliases=st.booleans())
    def remove(self, name, pick, with_aliases):
        number, version, view = self._pick(name, pick)
        if version is None:
            return
        borne = [alias for alias, bearer in self.aliases[name].items() if bearer == number]
        if version.deleted or (borne and not with_aliases):
            with pytest.raises(NotFound if version.deleted else Conflict):
                lifecycle.plan_removal(self.store, [view], with_aliases=with_aliases)
            return
        plan = lifecycle.plan_removal(self.store, [view], with_aliases=with_aliases)
        lifecycle.remove(self.store, plan)
        version.deleted = True
        for alias in borne:
            del self.aliases[name][alias]

    @rule(name=NAMES, pick=PICKS)
    def restore(self, name, pick):
        _, version, view = self._pick(name, pick)
        if version is not None:
            lifecycle.restore(self.store, view)
            version.deleted = False

    @rule(name=NAMES, pick=PICKS, alias=ALIASES)
    def set_alias(self, name, pick, alias):
        number, version, view = self._pick(name, pick)
        if version is not None and self._live_or_refused(
            version, lambda: lifecycle.set_aliases(self.store, view, [alias])
        ):
            self.aliases[name][alias] = number

    @rule(name=NAMES, alias=ALIASES)
    def remove_alias(self, name, alias):
        if alias in self.aliases[name]:
            lifecycle.remove_aliases(self.store, PROJECT, name, [alias])
            del self.aliases[name][alias]
        else:
            with pytest.raises(NotFound):
                lifecycle.remove_aliases(self.store, PROJECT, name, [alias])

    @rule(name=NAMES, pick=PICKS, tag=TAGS)
    def toggle_tag(self, name, pick, tag):
        _, version, view = self._pick(name, pick)
        if version is None:
            return
        has = tag in version.tags
        change = lifecycle.remove_tags if has else lifecycle.add_tags
        if self._live_or_refused(version, lambda: change(self.store, view, [tag])):
            kept = tuple(one for one in version.tags if one != tag)
            version.tags = kept if has else (*version.tags, tag)

    @rule(name=NAMES, pick=PICKS, description=TEXTS, number=st.integers(0, 2))
    def edit(self, name, pick, description, number):
        _, version, view = self._pick(name, pick)
        metadata = canonical_json({"n": number})
        if version is not None and self._live_or_refused(
            version,
            lambda: lifecycle.edit(self.store, view, description=description, metadata=metadata),
        ):
            version.description, version.metadata = description, metadata

    @rule(name=NAMES, pick=PICKS)
    def get(self, name, pick):
        _, version, view = self._pick(name, pick)
        if version is None:
            return
        self.laid_out += 1
        folder = self.base / f"out{self.laid_out}"
        checkout(self.store, view, folder)
        assert _files_below(folder) == version.files

    # The process and the index

    @rule(without_index=st.booleans())
    def close_and_open(self, without_index):
        close_store(self.store)
        if without_index:
            shutil.rmtree(self.base / "store" / "db")
        self.store = open_store(self.base / "store")

    @rule()
    def reindex(self):
        self.store.index.rebuild()

    # What must hold

    @invariant()
    def the_store_says_what_the_model_says(self):
        for name, versions in self.versions.items():
            for number, version in enumerate(versions):
                view = self._find(name, f"v{number}")
                got = (view.number, view.deleted, view.description, view.tags, view.metadata)
                said = (version.description, version.tags, version.metadata)
                assert got == (number, version.deleted, *said)
            latest = self._latest(name)
            assert self._number_of(name, "latest") == latest
            for alias in ("best", "prod"):
                assert self._number_of(name, alias) == self.aliases[name].get(alias)
            assert self._number_of(name, f"v{len(versions)}") is None
            with self.store.index.read() as reader:
                listed = [view.number for view in queries.versions(reader, PROJECT, name)]
                following = queries.next_number(reader, PROJECT, name, self.store.numbering)
            assert listed == [n for n, version in enumerate(versions) if not version.deleted]
            assert following == len(versions)

    def everything_is_there_byte_for_byte(self):
        report = verify_store(self.store)
        live = [v for versions in self.versions.values() for v in versions if not v.deleted]
        assert (report.problems, report.versions) == ([], len(live))
        for name, versions in self.versions.items():
            for number, version in enumerate(versions):
                assert self._contents(self._find(name, f"v{number}")) == version.files

    def _contents(self, view):
        return {
            entry.path: (b"".join(map(bytes, read_entry(self.store, entry))), entry.executable)
            for entry in self.store.manifest(view.manifest)
        }

    def _find(self, name, label, *, deleted=True):
        reference = parse_reference(f"{name}:{label}")
        return find_version(self.store, reference, PROJECT, deleted=deleted)

    def _number_of(self, name, label):
        try:
            return self._find(name, label, deleted=False).number
        except NotFound:
            return None

    def _latest(self, name):
        live = [n for n, version in enumerate(self.versions[name]) if not version.deleted]
        return live[-1] if live else None

    def _pick(self, name, pick):
        versions = self.versions[name]
        if not versions:
            return None, None, None
        number = pick % len(versions)
        return number, versions[number], self._find(name, f"v{number}")

    def _live_or_refused(self, version, call):
        """Make a call that only a version that is not removed allows; returns whether it is."""
        if not version.deleted:
            call()
            return True
        with pytest.raises(NotFound):
            call()
        return False


def _files_below(folder):
    root = os.fsencode(folder)
    found = {}
    for where, _, names in os.walk(root):
        for name in names:
            path = os.path.join(where, name)
            executable = bool(os.stat(path).st_mode & 0o100)
            content = Path(os.fsdecode(path)).read_bytes()
            found[os.path.relpath(path, root)] = (content, executable)
    return found


def test_a_store_does_what_a_dict_would(tmp_path, monkeypatch):
    """Numbers, ``latest``, aliases, tags, edits, removals and every byte, through any history."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run_state_machine_as_test(
        StoreMachine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=True,
            deadline=None,
            print_blob=False,
        ),
    )
