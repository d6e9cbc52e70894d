"""Verification: whatever is broken on purpose is found, and named."""

import os
import random
import shutil
from array import array

import pytest

from casstore.digest import digest_of
from casstore.flows import lifecycle
from casstore.flows.verify import Difference, drift, verify_folder, verify_store, verify_version
from casstore.flows.verify import problems as problems_module
from casstore.flows.verify.files import check_pack
from casstore.flows.verify.problems import MAX_PROBLEMS, Problem, Problems
from casstore.journal.bodies import ManifestRef, VersionBody
from casstore.journal.subjects import CommitSubject
from casstore.manifests import Entry, EntryKind, layout_nodes
from casstore.packs import PackKind, read_rows
from casstore.packs.format import FOOTER_ROW, RECORD, TRAILER
from casstore.references import Referent
from casstore.store import Commit, close_store, commit, live_versions, open_store

LARGE = b"large.bin"  # more than 16 chunks: its list of frames is a frame of its own
WAVES = b"waves.f32"
TEXT = b"folder/text.txt"


def contents():
    seeded = random.Random(1)
    waves = array("f", (seeded.gauss(0, 1) for _ in range(8000)))
    return {
        LARGE.decode(): seeded.randbytes(3_000_000),
        WAVES.decode(): waves.tobytes(),
        TEXT.decode(): b"the same line again\n" * 500,
        "folder/empty": b"",
        "other.bin": seeded.randbytes(5000),
    }


@pytest.fixture
def folder(write, tmp_path):
    """Make a folder with files for every codec."""
    return write(tmp_path / "in", contents())


@pytest.fixture
def version(store, log, folder):
    """``x:v0``, in one data pack or two and one metadata pack."""
    return log(store, folder, "x")


def packs_of(store, kind):
    with store.index.read() as reader:
        packs = [pack for _, pack in reader.packs() if pack.kind == kind]
    return [store.packs.path(pack.pack_id) for pack in packs]


def place_of(store, digest):
    """Return (path of the pack, offset of the record, stored bytes) of a frame."""
    place = store.frames.locate([digest])[0]
    return store.packs.path(place.pack_id), place.offset, place.stored_bytes


def frame_of(store, view, path):
    """Return the digest of a file's only frame, or of its list of frames."""
    entry = store.manifest(view.manifest).get(path)
    return next(layout_nodes(entry.layout, store.frames.metadata), entry.content)


def flip(path, offset, bit=1):
    data = bytearray(path.read_bytes())
    data[offset] ^= bit
    path.write_bytes(data)


def both(store, view, **options):
    """Return the problems of the store and those of the version."""
    return verify_store(store, **options).problems, verify_version(store, view, **options)


@pytest.mark.parametrize("quick", [True, False])
def test_a_sound_store_has_no_problems(store, version, folder, log, quick):
    """The report counts versions, files, bytes and packs, and progress adds up to them."""
    log(store, folder, "y")
    done = []
    report = verify_store(store, quick=quick, progress=lambda *step: done.append(step))
    size = sum(map(len, contents().values()))
    assert report.problems == []
    assert (report.versions, report.files, report.size_bytes) == (2, 10, 2 * size)
    packs = packs_of(store, PackKind.DATA) + packs_of(store, PackKind.METADATA)
    assert report.packs == len(packs)
    stored = sum(path.stat().st_size for path in packs)
    assert [sum(column) for column in zip(*done, strict=True)] == [10, stored]


@pytest.mark.parametrize("quick", [True, False])
def test_a_sound_version_has_no_problems(store, version, quick):
    """Progress adds up to the version's files and bytes."""
    done = []
    progress = lambda *step: done.append(step)  # noqa: E731 - one line says it
    assert verify_version(store, version, quick=quick, progress=progress) == []
    total = [sum(column) for column in zip(*done, strict=True)]
    assert total == [version.manifest.entries, version.manifest.size]


@pytest.mark.parametrize("quick", [True, False])
def test_an_empty_version_and_an_empty_store_are_sound(store, log, tmp_path, quick):
    """Nothing is wrong where nothing is."""
    assert verify_store(store, quick=quick).problems == []
    (tmp_path / "empty").mkdir()
    view = log(store, tmp_path / "empty", "x")
    assert both(store, view, quick=quick) == ([], [])


@pytest.mark.parametrize("name", [WAVES, TEXT, b"other.bin"])
@pytest.mark.parametrize("where", ["first", "middle", "last"])
def test_a_flipped_bit_of_a_payload_names_version_path_and_pack(store, version, name, where):
    """Whatever the codec; a quick look does not read it."""
    pack, offset, stored = place_of(store, frame_of(store, version, name))
    within = {"first": 0, "middle": stored // 2, "last": stored - 1}[where]
    flip(pack, offset + RECORD.size + within)
    of_store, of_version = both(store, version)
    expected = ("file", "p", "x:v0", name, pack.name)
    assert expected in {fields(problem) for problem in of_store}
    assert expected in {fields(problem) for problem in of_version}
    assert {problem.path for problem in of_store + of_version} <= {name, None}
    assert both(store, version, quick=True) == ([], [])


def fields(problem):
    return problem.kind, problem.project, problem.reference, problem.path, problem.pack


def test_a_flipped_bit_of_a_large_file_is_one_problem_of_that_file(store, version):
    """One of its many frames is damaged: the file is named once, and no other is."""
    pack = max(packs_of(store, PackKind.DATA), key=lambda path: path.stat().st_size)
    rows = [row for row in read_rows(pack)[2] if row.size_bytes > 100_000]
    flip(pack, rows[0].offset + RECORD.size + 5)
    flip(pack, rows[1].offset + RECORD.size + 5)
    of_store, of_version = both(store, version)
    files = [problem for problem in of_store if problem.kind == "file"]
    assert [fields(problem) for problem in files] == [("file", "p", "x:v0", LARGE, pack.name)]
    assert [p for p in of_version if p.kind == "file"] == files


RECORD_FIELDS = {
    "magic": 0,
    "codec": 4,
    "zero": 5,
    "zeros": 6,
    "stored": 8,
    "size": 12,
    "digest": 16,
}


@pytest.mark.parametrize("field", RECORD_FIELDS)
def test_a_flipped_bit_of_a_records_head_is_found(store, version, field):
    """A record's head is compared with the footer, the fields that nobody reads among them."""
    pack, offset, _ = place_of(store, frame_of(store, version, TEXT))
    flip(pack, offset + RECORD_FIELDS[field])
    found = {fields(problem) for problem in verify_store(store).problems}
    assert ("pack", None, None, None, pack.name) in found
    assert ("file", "p", "x:v0", TEXT, pack.name) in found


HEADER_FIELDS = {"magic": 0, "format": 8, "kind": 10, "zero": 11, "reserved": 13, "random": 20}
TRAILER_FIELDS = {"bytes": 0, "rows": 4, "id": 10, "tail": 43}


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("kind", [PackKind.DATA, PackKind.METADATA])
@pytest.mark.parametrize("field", [*HEADER_FIELDS, "footer", "padding", *TRAILER_FIELDS])
def test_a_flipped_bit_outside_the_records_names_the_pack(store, version, kind, field, quick):
    """Header, footer and trailer are checked even quickly; the version can still be read."""
    pack = packs_of(store, kind)[0]
    size = pack.stat().st_size
    if field in HEADER_FIELDS:
        offset = HEADER_FIELDS[field]
    elif field in TRAILER_FIELDS:
        offset = size - TRAILER.size + TRAILER_FIELDS[field]
    else:
        back = FOOTER_ROW.size if field == "footer" else 1
        offset = size - TRAILER.size - back
    flip(pack, offset)
    of_store, of_version = both(store, version, quick=quick)
    assert [fields(problem) for problem in of_store] == [("pack", None, None, None, pack.name)]
    assert [fields(problem) for problem in of_version] == [("pack", "p", "x:v0", None, pack.name)]


@pytest.mark.parametrize("kind", [PackKind.DATA, PackKind.METADATA])
def test_every_flipped_bit_of_a_pack_of_raw_frames_is_found(store, log, write, tmp_path, kind):
    """Byte by byte through a whole pack: there is no byte that nobody checks."""
    log(store, write(tmp_path / "in", {"b": os.urandom(40), "c": b"x"}), "x")
    pack = packs_of(store, kind)[0]
    assert {row.codec for row in read_rows(pack)[2]} == {0}
    data = pack.read_bytes()
    for offset in range(len(data)):
        flip(pack, offset, 1 << offset % 8)
        assert check_pack(pack, quick=False).message, f"byte {offset} of {len(data)}"
        pack.write_bytes(data)
    assert not check_pack(pack, quick=False).message


def test_every_flipped_bit_of_a_compressed_frame_is_found_or_means_nothing(
    store, log, write, tmp_path
):
    """A few bits of a zstd frame are not used: whatever they are, the bytes are the same."""
    text = "".join(f"{number} and {number * number}\n" for number in range(60)).encode()
    log(store, write(tmp_path / "in", {"a": text}), "x")
    pack, offset, stored = place_of(store, digest_of(text))
    data = pack.read_bytes()
    unused = 0
    for bit in range(8 * stored):
        flip(pack, offset + RECORD.size + bit // 8, 1 << bit % 8)
        if not check_pack(pack, quick=False).message:
            unused += 1
            assert store.frames.read([digest_of(text)]) == [text]
        pack.write_bytes(data)
    assert unused < stored / 10


@pytest.mark.parametrize("cut", ["one byte", "half", "everything"])
@pytest.mark.parametrize("quick", [True, False])
def test_a_truncated_pack_names_the_files_that_it_held(store, version, cut, quick):
    """What lay behind the cut is lost, what lay before it is not."""
    pack = max(packs_of(store, PackKind.DATA), key=lambda path: path.stat().st_size)
    size = pack.stat().st_size
    os.truncate(pack, {"one byte": size - 1, "half": size // 2, "everything": 0}[cut])
    of_store, of_version = both(store, version, quick=quick)
    for problems in (of_store, of_version):
        assert any(p.kind == "pack" and p.pack == pack.name for p in problems)
        files = {p.path for p in problems if p.kind == "file" and p.pack == pack.name}
        assert (LARGE in files) == (cut != "one byte")


def test_bytes_that_were_added_to_a_pack_are_found(store, version):
    """A pack has exactly the bytes that were written, even if its tail is in place."""
    pack = packs_of(store, PackKind.DATA)[0]
    data = pack.read_bytes()
    rows = read_rows(pack)[2]
    end = len(data) - TRAILER.size - len(rows) * FOOTER_ROW.size
    pack.write_bytes(data[:end] + b"\0" * 8 + data[end:])
    assert [p.pack for p in verify_store(store, quick=True).problems] == [pack.name]


@pytest.mark.parametrize("quick", [True, False])
def test_a_deleted_pack_names_version_and_paths(store, version, quick):
    """Each file that needs it is named."""
    pack, _, _ = place_of(store, frame_of(store, version, TEXT))
    pack.unlink()
    of_store, of_version = both(store, version, quick=quick)
    for problems in (of_store, of_version):
        assert any(p.kind == "pack" and "is gone" in p.message for p in problems)
        assert ("file", "p", "x:v0", TEXT, pack.name) in map(fields, problems)


@pytest.mark.parametrize("quick", [True, False])
def test_a_deleted_pack_of_metadata_names_the_version(store, version, quick):
    """Without its list of files nothing else can be said about a version."""
    pack = packs_of(store, PackKind.METADATA)[0]
    pack.unlink()
    for problems in both(store, version, quick=quick):
        assert ("manifest", "p", "x:v0", None, pack.name) in map(fields, problems)


@pytest.mark.parametrize("quick", [True, False])
def test_a_damaged_list_of_files_is_found_behind_the_cache(store, version, quick):
    """The nodes of a version are read from their packs, however lately they were read before."""
    assert len(list(store.manifest(version.manifest))) == 5
    pack, offset, _ = place_of(store, version.manifest.root)
    flip(pack, offset + RECORD.size + 3)
    of_store, of_version = both(store, version, quick=quick)
    for problems in (of_store, of_version):
        assert ("manifest", "p", "x:v0", None, pack.name) in map(fields, problems)


@pytest.mark.parametrize("quick", [True, False])
def test_a_damaged_list_of_frames_names_its_file(store, version, quick):
    """A long list of frames is a frame itself."""
    pack, offset, _ = place_of(store, frame_of(store, version, LARGE))
    assert pack in packs_of(store, PackKind.METADATA)
    flip(pack, offset + RECORD.size + 50)
    for problems in both(store, version, quick=quick):
        assert ("file", "p", "x:v0", LARGE, pack.name) in map(fields, problems)


def test_damage_is_traced_to_every_version_that_needs_it(store, log, write, folder):
    """Versions that share a damaged frame are all named, others are not."""
    first = log(store, folder, "x")
    log(store, folder, "same")
    log(store, write(folder, {"more": b"more"}), "x")
    log(store, write(folder.parent / "alone", {"else": b"something else"}), "alone")
    pack, offset, _ = place_of(store, frame_of(store, first, TEXT))
    flip(pack, offset + RECORD.size)
    files = [p for p in verify_store(store).problems if p.kind == "file"]
    assert {p.reference for p in files} == {"x:v0", "x:v1", "same:v0"}
    assert {p.path for p in files} == {TEXT}


def test_damage_that_no_version_needs_is_a_problem_of_the_pack_alone(store, version):
    """Removed versions are not checked; their packs are, as long as they are there."""
    lifecycle.remove(store, lifecycle.plan_removal(store, [version], with_aliases=False))
    pack, offset, _ = place_of(store, frame_of(store, version, TEXT))
    flip(pack, offset + RECORD.size)
    report = verify_store(store)
    assert [fields(p) for p in report.problems] == [("pack", None, None, None, pack.name)]
    assert report.versions == 0


def test_many_versions_of_many_files_are_sound_and_told_apart(store, log, write, tmp_path):
    """Trees of several segments are walked once where they are shared, and damage is found."""
    files = {f"{number % 7}/{number}": b"%d" % number for number in range(3000)}
    first = log(store, write(tmp_path / "in", files), "x")
    assert first.manifest.level > 0
    log(store, write(tmp_path / "in", {"3/3": b"changed"}), "x")
    assert verify_store(store).problems == []
    assert verify_version(store, first) == []
    pack, offset, _ = place_of(store, frame_of(store, first, b"3/3"))
    flip(pack, offset + RECORD.size)
    found = {fields(p) for p in verify_store(store).problems}
    assert found == {
        ("pack", None, None, None, pack.name),
        ("file", "p", "x:v0", b"3/3", pack.name),
    }
    nodes = list(store.manifest(first.manifest).nodes())
    pack, offset, _ = place_of(store, nodes[len(nodes) // 2])
    flip(pack, offset + RECORD.size)
    kinds = [p.kind for p in verify_version(store, first)]
    assert kinds.count("manifest") == 1
    assert kinds.count("file") == 1


def event_files(store):
    return [
        store.root / "journal" / month / name
        for month, _ in store.journal.months()
        for name in store.journal.names(month)
    ]


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("part", ["first", "middle", "last"])
def test_a_damaged_event_is_named(store, version, part, quick):
    """Every bit of an event is under its digest, and its digest in its name."""
    event = event_files(store)[0]
    size = event.stat().st_size
    flip(event, {"first": 0, "middle": size // 2, "last": size - 1}[part])
    problems = verify_store(store, quick=quick).problems
    assert [p.kind for p in problems] == ["event"]
    assert event.name in problems[0].message


def test_a_missing_event_is_named(store, version):
    """The index has applied it, so it is missed."""
    event = event_files(store)[0]
    event.unlink()
    problems = verify_store(store).problems
    assert [p.kind for p in problems] == ["event"]
    assert f"{event.parent.name}/{event.name}: it is gone" in problems[0].message


def test_a_damaged_event_and_pack_are_named_after_the_index_was_made_again(store, version):
    """What the index could not take up is still read and named."""
    lifecycle.set_aliases(store, version, ["best"])
    pack = packs_of(store, PackKind.DATA)[0]
    made = next(path for path in event_files(store) if b"environment" in path.read_bytes())
    flip(made, 40)
    flip(pack, pack.stat().st_size - 1)
    close_store(store)
    shutil.rmtree(store.index_folder / "db")
    again = open_store(store.root)
    problems = verify_store(again).problems
    close_store(again)
    assert any(p.kind == "pack" and p.pack == pack.name for p in problems)
    assert any(p.kind == "event" and made.name in p.message for p in problems)
    lost = f"events name commit {version.commit.hex()}"
    assert any(p.kind == "event" and p.message.startswith(lost) for p in problems)


def test_a_pack_under_another_name_is_found(store, version):
    """A pack's name is bound to what it holds."""
    pack = packs_of(store, PackKind.DATA)[0]
    other = store.root / "packs" / "00"
    other.mkdir(exist_ok=True)
    shutil.copy(pack, other / ("0" * 64))
    problems = verify_store(store, quick=True).problems
    assert [(p.kind, p.pack) for p in problems] == [("pack", "0" * 64)]


def say(store, name, **changes):
    """Append a version event whose manifest says something else than the one of ``x:v0``."""
    view = live_versions(store, "p", "x")[0]
    ref = view.manifest
    told = {"digest": ref.digest, "root": ref.root, "level": ref.level}
    told |= {"entries": ref.entries, "size": ref.size, **changes}
    body = VersionBody("dataset", "local", ManifestRef(**told), 0, store.numbering)
    store.events.append(CommitSubject("p", name, os.urandom(16)), body)
    return live_versions(store, "p", name)[0]


@pytest.mark.parametrize("changes", [{"size": 7}, {"entries": 4}, {"level": 5}])
@pytest.mark.parametrize("quick", [True, False])
def test_sizes_that_do_not_add_up_are_found(store, version, changes, quick):
    """What an event says of a version is compared with the version's tree."""
    view = say(store, "told", **changes)
    for problems in both(store, view, quick=quick):
        assert {fields(p) for p in problems} == {("manifest", "p", "told:v0", None, None)}


@pytest.mark.parametrize("quick", [True, False])
def test_a_manifest_digest_that_is_not_that_of_the_files_is_found(store, version, quick):
    """A version's digest is computed again from its entries."""
    view = say(store, "told", digest=digest_of(b"other"))
    found = {fields(p) for p in verify_version(store, view, quick=quick)}
    assert found == {("manifest", "p", "told:v0", None, None)}


def made_by_hand(store, *entries):
    draft = store.draft()
    for entry in entries:
        draft.put(entry)
    view = commit(store, draft, Commit(project="p", name="hand", type="dataset")).version
    draft.close()
    return view


@pytest.mark.parametrize("quick", [True, False])
def test_a_frame_that_is_in_no_pack_is_found(store, quick):
    """The closure of every version is looked up."""
    view = made_by_hand(store, Entry(b"a", 10, EntryKind.FILE, digest_of(b"nowhere")))
    for problems in both(store, view, quick=quick):
        assert {fields(p) for p in problems} == {("file", "p", "hand:v0", b"a", None)}


def test_a_file_whose_frames_are_not_its_bytes_is_found(store, version):
    """Whole files are hashed again: sound frames in a wrong list do not pass."""
    entry = store.manifest(version.manifest).get(LARGE)
    view = made_by_hand(store, entry._replace(content=digest_of(b"other")))
    found = {fields(p) for p in verify_version(store, view)}
    assert found == {("file", "p", "hand:v0", LARGE, None)}


@pytest.mark.parametrize("quick", [True, False])
def test_a_list_of_frames_that_is_too_short_is_found(store, version, quick):
    """The frames of a file add up to its size."""
    entry = store.manifest(version.manifest).get(LARGE)
    view = made_by_hand(store, entry._replace(size_bytes=entry.size_bytes + 1))
    for problems in both(store, view, quick=quick):
        assert {fields(p) for p in problems} == {("file", "p", "hand:v0", LARGE, None)}


def test_packs_are_named_however_many_files_suffer(store, version, monkeypatch):
    """The cause stands first, and the limit on problems does not cut it off."""
    monkeypatch.setattr(problems_module, "MAX_PROBLEMS", 1)
    for pack in packs_of(store, PackKind.DATA):
        pack.unlink()
    lost = {pack.name for pack in packs_of(store, PackKind.DATA)}
    listed = verify_version(store, version)
    assert {problem.pack for problem in listed[: len(lost)]} == lost
    assert [problem.kind for problem in listed[len(lost) :]] == ["file", "file"]
    assert listed[-1].message.endswith("more problems")


def test_problems_are_kept_up_to_a_limit_and_counted_beyond():
    """A list of problems stays small however much is broken."""
    problems = Problems()
    for number in range(MAX_PROBLEMS + 5):
        problems.add(Problem("file", "p", "x:v0", b"%d" % number, None, "broken"))
    listed = problems.listed()
    assert len(listed) == MAX_PROBLEMS + 1
    assert listed[-1].message == "5 more problems"


# Folders


@pytest.fixture
def laid_out(folder, tmp_path, version):
    """Make a copy of what was logged."""
    return shutil.copytree(folder, tmp_path / "out")


def test_a_folder_that_is_as_the_version_has_no_differences(store, version, laid_out):
    """Every file is read, and a store inside the folder is left out."""
    done = []
    (laid_out / ".casstore").mkdir()
    (laid_out / ".casstore" / "x").touch()
    progress = lambda *step: done.append(step)  # noqa: E731 - one line says it
    assert verify_folder(store, version, laid_out, progress) == []
    total = [sum(column) for column in zip(*done, strict=True)]
    assert total == [version.manifest.entries, version.manifest.size]


def test_every_kind_of_difference_of_a_folder_is_told(store, version, laid_out):
    """In path order; a link to nothing is missing, a folder or link in a file's place a change."""
    (laid_out / TEXT.decode()).unlink()
    flip(laid_out / LARGE.decode(), 1_500_000)
    (laid_out / WAVES.decode()).chmod(0o755)
    (laid_out / "folder" / "empty").unlink()
    (laid_out / "folder" / "empty").symlink_to("nothing")
    (laid_out / "folder.more").write_bytes(b"more")
    (laid_out / "a link").symlink_to("nothing")
    assert verify_folder(store, version, laid_out) == [
        Difference(b"a link", "extra"),
        Difference(b"folder.more", "extra"),
        Difference(b"folder/empty", "missing"),
        Difference(TEXT, "missing"),
        Difference(LARGE, "changed"),
        Difference(WAVES, "mode"),
    ]


def test_a_folder_in_the_place_of_a_file_is_a_missing_file(store, version, laid_out):
    """What lies in that folder is extra."""
    (laid_out / TEXT.decode()).unlink()
    (laid_out / TEXT.decode()).mkdir()
    (laid_out / TEXT.decode() / "inside").touch()
    assert verify_folder(store, version, laid_out) == [
        Difference(TEXT, "missing"),
        Difference(TEXT + b"/inside", "extra"),
    ]


def test_a_link_to_a_file_with_the_same_bytes_is_no_difference(store, version, laid_out, folder):
    """Links to files are followed."""
    (laid_out / LARGE.decode()).unlink()
    (laid_out / LARGE.decode()).symlink_to(folder / LARGE.decode())
    assert verify_folder(store, version, laid_out) == []


def test_a_folder_that_is_not_there_is_an_error(store, version, tmp_path):
    """It is not taken for a folder without files."""
    with pytest.raises(FileNotFoundError):
        verify_folder(store, version, tmp_path / "absent")


def test_references_are_compared_only_where_they_are(store, tmp_path):
    """One that was not downloaded is no difference; another size is, and other bytes if known."""
    referent = Referent("https://h/ref", 3, etag="etag")
    entry = Entry(b"ref", 3, EntryKind.REFERENCE, b"etag", b"", referent.fields())
    view = made_by_hand(store, entry)
    out = tmp_path / "out"
    out.mkdir()
    assert verify_folder(store, view, out) == []
    (out / "ref").write_bytes(b"abc")
    assert verify_folder(store, view, out) == []
    (out / "ref").write_bytes(b"abcd")
    assert verify_folder(store, view, out) == [Difference(b"ref", "changed")]
    known = referent._replace(blake3=digest_of(b"abc").hex())
    view = made_by_hand(store, entry._replace(content=b"e", extra=known.fields()))
    for body, found in ((b"abc", []), (b"xyz", [Difference(b"ref", "changed")])):
        (out / "ref").write_bytes(body)
        assert verify_folder(store, view, out) == found


def test_a_damaged_reference_is_told_and_the_others_are_looked_at(store, tmp_path):
    """What was recorded of one cannot be read."""
    (tmp_path / "x").write_bytes(b"abc")
    referent = Referent((tmp_path / "x").as_uri(), 3, blake3=digest_of(b"other").hex())
    damaged = Entry(b"a", 3, EntryKind.REFERENCE, b"etag", b"", b"\x80")
    changed = Entry(b"b", 3, EntryKind.REFERENCE, b"etag", b"", referent.fields())
    found = list(drift(store, made_by_hand(store, damaged, changed)))
    assert [(item.path, item.kind, item.uri) for item in found] == [
        (b"a", "unknown", ""),
        (b"b", "changed", referent.uri),
    ]
