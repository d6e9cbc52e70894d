"""Files are hashed as their frames come, and only what was seen whole is not read again."""

import os

import pytest

from casstore.digest import digest_of
from casstore.flows.transfer import witnessing
from casstore.flows.transfer.witnessing import Witness
from casstore.manifests import ChunkRef
from casstore.manifests.chunklists import LEAF_ROW
from casstore.manifests.entries import Entry
from casstore.packs import Encoded


def a_file(*chunks, content=None):
    """Return the entry of a file of these chunks, and their references."""
    data = b"".join(chunks)
    refs = [ChunkRef(digest_of(chunk), len(chunk)) for chunk in chunks]
    layout = b"".join(LEAF_ROW.pack(*ref) for ref in refs) if len(refs) > 1 else b""
    return Entry(b"path", len(data), 0, content or digest_of(data), layout), refs


def show(witness, files, come, *, coming=None, ends=True):
    """Show a witness files, then frames as they come, up to the end of a batch or within it."""
    for entry, refs in files:
        for ref in refs:
            witness.expect(entry, ref)
        witness.expect(entry, None)
    frames = [(digest_of(chunk), Encoded(0, len(chunk), memoryview(chunk))) for chunk in come]
    witness.begin(frozenset(coming or [digest for digest, _ in frames]))
    for frame in frames:
        witness.see([frame])
    if ends:
        witness.end()


def witnessed(files, come, **more):
    """Show a witness files, then frames as they come; returns which of the files it has seen."""
    witness = shown(files, come, **more)
    return [witness.has_seen(entry) for entry, _ in files]


def shown(files, come, *, coming=None):
    """Return a witness that was shown files, then frames as they came."""
    witness = Witness()
    show(witness, files, come, coming=coming)
    witness.close()
    return witness


def test_what_was_given_up_in_the_middle_of_a_file_leaves_the_next_ones_alone(chunks):
    """What was seen before it stays known, and what lacks a frame is not."""
    before, broken, after = a_file(chunks[0]), a_file(*chunks[1:4]), a_file(*chunks[2:6])
    witness = Witness()
    show(witness, [before], chunks[:1])
    show(witness, [broken], chunks[1:3], coming=map(digest_of, chunks[1:4]), ends=False)
    witness.give_up()
    show(witness, [after], chunks[2:6])
    witness.close()
    assert [witness.has_seen(entry) for entry, _ in (before, broken, after)] == [True, False, True]


@pytest.fixture
def chunks():
    return [os.urandom(1000 + number) for number in range(6)]


def test_a_file_whose_frames_come_in_order_is_seen(chunks):
    """One of several chunks, then one of a single chunk."""
    files = [a_file(*chunks[:4]), a_file(chunks[4])]
    assert witnessed(files, chunks[:5]) == [True, True]


def test_frames_that_come_early_wait_for_those_before_them(chunks):
    """The order is turned round, across files."""
    files = [a_file(*chunks[:3]), a_file(*chunks[3:])]
    assert witnessed(files, chunks[::-1]) == [True, True]


def test_large_frames_are_hashed_in_the_background_in_order():
    """Each is more than is hashed at once in the thread that gives it."""
    large = [os.urandom(2 * 1024 * 1024) for _ in range(4)]
    assert witnessed([a_file(*large)], large) == [True]


def test_a_file_that_is_not_its_digest_is_not_seen(chunks):
    """The frames are right, the file's own digest is another file's."""
    files = [a_file(*chunks[:3], content=digest_of(b"other")), a_file(*chunks[3:])]
    assert witnessed(files, chunks) == [False, True]


def test_a_file_of_another_size_than_its_chunk_is_not_seen(chunks):
    """The entry says one byte more than the frame has."""
    entry, (ref,) = a_file(chunks[0])
    longer = entry._replace(size_bytes=entry.size_bytes + 1)
    assert witnessed([(longer, [ref._replace(size_bytes=ref.size_bytes + 1)])], chunks[:1]) == [
        False
    ]


def test_a_file_of_which_a_frame_does_not_come_is_not_seen(chunks):
    """It was here before; the files before and after it are seen."""
    files = [a_file(*chunks[:2]), a_file(*chunks[2:4]), a_file(*chunks[4:])]
    come = [*chunks[:2], chunks[3], *chunks[4:]]
    assert witnessed(files, come) == [True, False, True]


def test_a_frame_that_was_to_come_and_did_not_leaves_its_file_unseen(chunks):
    """It is waited for until the end of the batch."""
    coming = [digest_of(chunk) for chunk in chunks]
    files = [a_file(*chunks[:3]), a_file(*chunks[3:])]
    assert witnessed(files, chunks[1:], coming=coming) == [False, True]


def test_a_chunk_that_files_repeat_comes_once_and_counts_each_time(chunks):
    """In one file, and in the next."""
    one, two = chunks[:2]
    files = [a_file(one, two, one, one), a_file(two, one), a_file(one)]
    assert witnessed(files, [one, two]) == [True, True, True]


def test_another_list_of_chunks_for_a_file_that_was_seen_is_not_seen(chunks):
    """What was seen is that those chunks are that file."""
    entry, refs = a_file(*chunks[:3])
    witness = shown([(entry, refs)], chunks[:3])
    assert witness.has_seen(entry)
    assert not witness.has_seen(entry._replace(layout=entry.layout[::-1]))
    assert not witness.has_seen(entry._replace(size_bytes=entry.size_bytes + 1))


def test_empty_files_and_references_are_neither_seen_nor_remembered():
    """They have no frames, and there may be millions."""
    witness = Witness()
    empty = Entry(b"path", 0, 0, digest_of(b""))
    for _ in range(3):
        witness.expect(empty, None)
    witness.begin(())
    witness.end()
    assert not witness.has_seen(empty)


def test_too_much_that_waits_gives_up_the_file_that_it_waits_for(monkeypatch, chunks):
    """The next file, of which all is there, is seen."""
    monkeypatch.setattr(witnessing, "MAX_WAITING_BYTES", 2500)
    files = [a_file(*chunks[:4]), a_file(*chunks[4:])]
    come = [*chunks[1:4], chunks[0], *chunks[4:]]
    assert witnessed(files, come) == [False, True]


def test_no_more_files_are_remembered_than_the_limit(monkeypatch, chunks):
    """The others are read again, as if they had not been seen."""
    monkeypatch.setattr(witnessing, "MAX_FILES", 2)
    assert witnessed([a_file(chunk) for chunk in chunks[:3]], chunks[:3]) == [True, True, False]


def test_files_that_go_over_batches_are_seen(chunks):
    """A file begins in one batch and ends in the next."""
    entry, refs = a_file(*chunks)
    witness = Witness()
    for some in (slice(0, 2), slice(2, 6)):
        for ref in refs[some]:
            witness.expect(entry, ref)
        witness.begin(frozenset(ref.digest for ref in refs[some]))
        its = chunks[some]
        witness.see([(digest_of(one), Encoded(0, len(one), one)) for one in its])
    witness.expect(entry, None)
    witness.begin(())
    witness.end()
    assert witness.has_seen(entry)


@pytest.mark.parametrize("size", [1000, 1_500_000])
def test_batches_may_begin_before_the_frames_of_those_before_have_come(size):
    """A chunk that both have, and that is asked for twice, too; large ones go to the background."""
    chunks = [os.urandom(size + number) for number in range(6)]
    files = [a_file(*chunks[:3]), a_file(chunks[1], *chunks[3:])]
    witness = Witness()
    for entry, refs in files:
        for ref in refs:
            witness.expect(entry, ref)
        witness.expect(entry, None)
        witness.begin([ref.digest for ref in refs])
    for chunk in [*chunks[:3], chunks[1], *chunks[3:]]:
        witness.see([(digest_of(chunk), Encoded(0, len(chunk), memoryview(chunk)))])
    witness.end()
    witness.close()
    assert [witness.has_seen(entry) for entry, _ in files] == [True, True]


def test_a_chunk_that_came_in_a_batch_and_not_in_the_next_is_not_waited_for(chunks):
    """It is here by then: the file that has it is read again, those after it are seen."""
    files = [a_file(*chunks[:2]), a_file(chunks[0], chunks[2]), a_file(*chunks[3:])]
    witness = Witness()
    for (entry, refs), come in zip(files, (chunks[:2], chunks[2:3], chunks[3:]), strict=True):
        for ref in refs:
            witness.expect(entry, ref)
        witness.expect(entry, None)
        witness.begin([digest_of(chunk) for chunk in come])
        for chunk in come:
            witness.see([(digest_of(chunk), Encoded(0, len(chunk), chunk))])
    assert [witness.has_seen(entry) for entry, _ in files] == [True, False, True]
    witness.end()
