"""The index is compared with the journal: what it does not show is found though nobody can ask."""

import os
import random
import struct
import subprocess
import sys
from functools import partial
from itertools import combinations
from pathlib import Path

import pytest

import casstore
from casstore.catalog import Writer
from casstore.flows import lifecycle
from casstore.flows.verify import indexed, verify_store
from casstore.store import close_store, live_versions, open_store

PAGE_BYTES = 4096
LEAF = 0x02  # LMDB's mdb.c: P_LEAF, in the flags of a page's header
PAIRS = 6


@pytest.fixture
def many(store, write, log, tmp_path):
    """Log versions of several names, with aliases; some are removed."""
    for number in range(12):
        folder = write(tmp_path / "in", {"a": b"%d" % number})
        view = log(store, folder, f"n{number % 4}", aliases=(f"alias{number}",))
        if number < 2:
            lifecycle.remove(store, lifecycle.plan_removal(store, [view], with_aliases=True))
    return store


def problems_of(store, **how):
    return [(problem.kind, problem.message) for problem in verify_store(store, **how).problems]


def test_an_index_that_shows_what_the_journal_says_is_no_problem(many):
    """Also one that was made anew, in whatever order events came."""
    assert not problems_of(many)
    many.index.rebuild()
    assert not problems_of(many)


@pytest.mark.parametrize("quick", [False, True])
def test_every_row_of_the_state_that_is_lost_is_noticed(many, quick):
    """One after the other; nothing else tells, for versions that do not show are not verified."""
    with many.index.read() as reader:
        rows = list(reader.scan(b""))
    assert len(rows) > 50
    for key, value in rows[:: 1 if quick else 9]:
        many.index.write(partial(Writer.delete, key=key))
        assert problems_of(many, quick=quick)[0][0] == "index", key
        many.index.write(partial(Writer.put, key=key, value=value))
    assert not problems_of(many)


def test_a_member_of_a_set_that_should_not_be_there_is_noticed(many):
    """The sets that lineage walks are part of the state."""
    many.index.write(lambda writer: writer.join("sources", bytes(16), bytes(17)))
    (problem,) = problems_of(many)
    assert problem[0] == "index"
    assert "reindex" in problem[1]


def test_events_that_come_while_the_index_is_compared_are_no_problem(
    many, write, log, tmp_path, monkeypatch
):
    """They are looked for, and the comparison begins anew."""
    really = indexed._apart
    looks = []

    def apart(left, right):
        looks.append(1)
        if len(looks) == 1:
            log(many, write(tmp_path / "in", {"a": b"late"}), "late")
            left = iter([*left, "late"])
        return really(left, right)

    monkeypatch.setattr(indexed, "_apart", apart)
    assert not problems_of(many)
    assert len(looks) > 2


def call(root, *arguments):
    """Run ``casstore`` apart: a damaged index may end who reads it."""
    return subprocess.run(
        [sys.executable, "-m", "casstore", "--store", str(root), "--project", "p", *arguments],
        env={**os.environ, "PYTHONPATH": str(Path(casstore.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_pages_that_lie_in_each_others_place_are_noticed_and_reindex_heals(many):
    """Pages of one file, each whole and with its own number, as a misdirected write leaves them."""
    root, rows = many.root, {}
    with many.index.read() as reader:
        rows = dict(reader.scan(b""))
    close_store(many)
    file = root / "db" / "data.mdb"
    sound = file.read_bytes()
    pages = [sound[at : at + PAGE_BYTES] for at in range(0, len(sound), PAGE_BYTES)]
    keys = [key for key in rows if len(key) > 8]
    state = [
        number
        for number, page in enumerate(pages)
        if struct.unpack_from("<H", page, 10)[0] == LEAF and any(key in page for key in keys)
    ]
    pairs = list(combinations(state, 2))
    noticed = 0
    for first, second in random.Random(1).sample(pairs, min(PAIRS, len(pairs))):
        mixed = list(pages)
        for place, other in ((first, second), (second, first)):
            mixed[place] = struct.pack("<Q", place) + pages[other][8:]
        file.write_bytes(b"".join(mixed))
        shown = call(root, "ls", "n0", "--json")
        found = call(root, "verify", "--json")
        hidden = shown.returncode != 0 or shown.stdout != sound_listing(root, file, sound)
        noticed += found.returncode == 4
        assert found.returncode == 4 or not hidden, (first, second, found)
    assert noticed
    file.write_bytes(b"".join(mixed))
    assert call(root, "reindex").returncode == 0
    assert call(root, "verify").returncode == 0
    assert len(live_versions(open_store(root), "p", "n0")) == 2


def sound_listing(root, file, sound):
    """Return what is listed with the sound index, which stays in its place."""
    file.write_bytes(sound)
    return call(root, "ls", "n0", "--json").stdout
