"""The union of parts against plain dicts: what each writer holds, and what conflicts."""

import itertools
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casstore.digest import digest_of
from casstore.errors import Conflict, Invalid
from casstore.manifests import Entry, EntryKind, Manifest
from casstore.store import Commit, add_part, close_store, create_store, finish_round
from casstore.store import union as union_module
from casstore.store.union import Share, union

WRITERS = ("one", "two", "three")
PATHS = st.sampled_from([b"a", b"a-", b"a.b/c", b"a/b", b"a/b/c", b"a0", b"b", b"\xff"])
CONTENTS = st.tuples(st.sampled_from([b"x", b"y"]), st.booleans())
FILES = st.dictionaries(PATHS, CONTENTS, max_size=5)
PARTS = st.lists(st.tuples(st.sampled_from(WRITERS), FILES), max_size=6)


def entry_of(path, content):
    data, executable = content
    kind = EntryKind.EXECUTABLE if executable else EntryKind.FILE
    return Entry(path, len(data), kind, digest_of(data))


def entries_of(files):
    return [entry_of(path, files[path]) for path in sorted(files)]


def is_under(path, others):
    return any(path.startswith(other + b"/") for other in others)


def joined(parts, base):
    """Return the union as the rules say it, or None for a conflict."""
    held = {}
    for writer, files in parts:
        held.setdefault(writer, {}).update(files)
    whole = {}
    for files in held.values():
        for path, content in files.items():
            if whole.setdefault(path, content) != content:
                return None
    whole = {**base, **whole}
    return None if any(is_under(path, whole) for path in whole) else whole


def found(call):
    """Return what a union came to, or None for a conflict."""
    try:
        return call()
    except Conflict:
        return None


@settings(max_examples=400)
@given(parts=PARTS, base=FILES, streams=st.sampled_from([2, 3, 256]))
def test_a_union_is_what_dicts_say(parts, base, streams):
    """Of one writer the later part holds, two must agree, a base gives way.

    Also when there are more parts than are read at once.
    """
    shares = [Share("base", entries_of(base), base=True)]
    shares += [Share(writer, entries_of(files)) for writer, files in parts]
    expected = joined(parts, base)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(union_module, "MAX_STREAMS", streams)
        names = (Path(folder) / str(number) for number in itertools.count())
        result = found(lambda: list(union(shares, "hint", lambda: next(names))))
        assert result == (None if expected is None else entries_of(expected))
        assert result is None or os.listdir(folder) == []


def files_of(store, view):
    """Return {path: (bytes, executable)}, every byte read from the store."""
    return {
        entry.path: (bytes(store.frames.read([entry.content])[0]), entry.executable)
        for entry in Manifest(store.manifest(view.manifest).top, store.frames.metadata)
    }


def draft_of(store, files):
    draft = store.draft()
    for entry in entries_of(files):
        data = files[entry.path][0]
        draft.put(entry, draft.session.add([(entry.content, data)]))
    return draft


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("part"), st.sampled_from(WRITERS), FILES, st.booleans()),
        st.tuples(st.just("finish"), st.sampled_from(WRITERS), FILES, st.booleans()),
    ),
    max_size=8,
)


@settings(max_examples=40)
@given(acts=ACTS)
def test_rounds_in_a_store_are_what_dicts_say(acts):
    """Parts, attempts that replace earlier ones, finishes and conflicts, in any order."""
    with tempfile.TemporaryDirectory() as folder:
        store = create_store(Path(folder) / "store")
        try:
            check(store, [act for act in acts if joined([act[1:3]], {}) is not None])
        finally:
            close_store(store)


def check(store, acts):
    """Do what is said to a store and to a list of parts, and compare them after each finish."""
    parts, last, versions = [], None, []
    for number, (act, writer, files, flag) in enumerate(acts):
        draft = draft_of(store, files)
        request = Commit(project="p", name="n", type="t", run=f"{writer}-run")
        if act == "part":
            add_part(store, draft, request, "job", writer=writer, replaces=flag)
            if flag:
                parts = [part for part in parts if part[0] != writer]
            parts.append((writer, files))
            continue
        if not parts and last is not None and (not files or files in last[1]):
            done = finish_round(store, draft, request, "job", writer=writer)
            assert done.again
            assert done.committed.version.commit == last[0]
            continue
        base = versions[-1] if flag and versions else {}
        if not (parts or files or base):
            with pytest.raises(Invalid):
                finish_round(store, draft, request, "job", writer=writer, incremental=flag)
            continue
        own = [(writer, files)] if files and files not in [part[1] for part in parts] else []
        expected = joined([*parts, *own], base)
        result = found(
            lambda draft=draft, request=request, writer=writer, flag=flag: finish_round(
                store, draft, request, "job", writer=writer, incremental=flag
            )
        )
        assert (result is None) == (expected is None), number
        if result is None:
            continue
        view = result.committed.version
        assert files_of(store, view) == expected
        runs = {view.run, *(producer.run for producer in view.producers)}
        assert {f"{name}-run" for name, _ in [*parts, (writer, files)]} <= runs
        last = (view.commit, [part[1] for part in [*parts, *own]])
        versions.append(expected)
        parts = []
