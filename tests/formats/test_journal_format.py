"""The journal's format is frozen: bytes, names and constants that no release may move."""

import re
from pathlib import Path

import pytest

import casstore.journal
from casstore.digest import digest_of
from casstore.journal import bodies, events, fields, kinds, subjects, wire

FORMAT = (Path(casstore.journal.__file__).parent / "FORMAT.md").read_text()
WRITER = bytes(range(16))
COMMIT = bytes(range(0x10, 0x20))
EVENT = bytes(range(0x20, 0x30))
NUMBERING = bytes(range(0x30, 0x40))
MANIFEST = bodies.ManifestRef(bytes([1]) * 32, bytes([2]) * 32, 1, 3, 4096)
CLAIM = bodies.AliasClaim("best", (EVENT,))

ABOUT_COMMIT = subjects.CommitSubject("vision", "resnet", COMMIT)
ABOUT_RUN = subjects.RunSubject("vision", "a1b2c3d4")
ABOUT_NAME = subjects.CollectionSubject("vision", "resnet")
ABOUT_ROUND = subjects.RoundSubject("vision", "resnet", "job-7", 0)

VERSION = bodies.VersionBody(
    "model",
    "local",
    MANIFEST,
    3,
    NUMBERING,
    "a1b2c3d4",
    "Größe",
    '{"lr":0.1}',
    (CLAIM,),
    ("a tag",),
    3600,
    (COMMIT,),
    '{"python":"3.11"}',
)
RUN_START = bodies.RunStartBody("a-b-1", "g", "train", "local", "n", ("t",), '{"a":1}', "{}")
RUN_UPDATE = bodies.RunUpdateBody('{"a":2}', '{"loss":0.5}', None, "", (), None, "eval", None)

# What is written, the 16 hexadecimal characters that its name ends in, and its size in bytes.
GOLDEN = {
    "alias": (
        ABOUT_COMMIT,
        bodies.AliasBody("best", set=True, replaces=(EVENT,)),
        "bb2b2d87a1155fee",
        196,
    ),
    "delete": (
        ABOUT_COMMIT,
        bodies.DeleteBody((EVENT,)),
        "735036e067d824a5",
        177,
    ),
    "edit description": (
        ABOUT_COMMIT,
        bodies.EditBody("description", None, (EVENT,)),
        "40027ce60ff9b479",
        204,
    ),
    "edit metadata": (
        ABOUT_COMMIT,
        bodies.EditBody("metadata", "{}", (EVENT,)),
        "46790b6f43ca29b3",
        203,
    ),
    "edit tags": (
        ABOUT_COMMIT,
        bodies.EditBody("tags", ("b", "a"), ()),
        "1f5e23b9b6441959",
        183,
    ),
    "edit ttl": (
        ABOUT_COMMIT,
        bodies.EditBody("ttl", -1, (EVENT,)),
        "2681fb86f9c7d750",
        196,
    ),
    "finish": (
        ABOUT_ROUND,
        bodies.FinishBody(COMMIT, (EVENT,), "a1b2c3d4"),
        "71c8d637a2dbf158",
        204,
    ),
    "label": (
        ABOUT_NAME,
        bodies.LabelBody("name", "convnet", (EVENT,)),
        "7b9ba81fecd32c24",
        191,
    ),
    "link": (
        ABOUT_COMMIT,
        bodies.LinkBody("zoo", "nets", 0, NUMBERING, (CLAIM,), (EVENT,)),
        "5c371a81c5ab85ce",
        271,
    ),
    "part": (
        ABOUT_ROUND,
        bodies.PartBody(
            *("rank-0", 1, MANIFEST, "model", "a1b2c3d4"),
            *("d", '{"a":1}', ("best",), ("b", "a")),
        ),
        "d5ac632705ca41d0",
        360,
    ),
    "producer": (
        ABOUT_COMMIT,
        bodies.ProducerBody("a1b2c3d4", "again", '{"a":1}'),
        "fb213ecdaa278a72",
        203,
    ),
    "restore": (
        ABOUT_COMMIT,
        bodies.RestoreBody(),
        "f0a92925c734657e",
        154,
    ),
    "run-finish": (
        ABOUT_RUN,
        bodies.RunFinishBody("crashed", -15),
        "761c39c201f0589b",
        163,
    ),
    "run-start": (
        ABOUT_RUN,
        RUN_START,
        "c0896406f4dc6e29",
        230,
    ),
    "run-update": (
        ABOUT_RUN,
        RUN_UPDATE,
        "a7c4e562d6fc35af",
        222,
    ),
    "run-use": (
        ABOUT_RUN,
        bodies.RunUseBody(COMMIT, "vision", "data", "train"),
        "64e68862c26a7d21",
        194,
    ),
    "same-as": (
        ABOUT_COMMIT,
        bodies.SameAsBody(COMMIT),
        "d71d28997dc55e04",
        179,
    ),
    "sealed": (
        ABOUT_COMMIT,
        bodies.SealedBody(12, NUMBERING),
        "fd15159aa8bef743",
        189,
    ),
    "unlink": (
        ABOUT_COMMIT,
        bodies.UnlinkBody((EVENT,)),
        "28a91a74e0e5ab10",
        181,
    ),
    "version": (
        ABOUT_COMMIT,
        VERSION,
        "f89eb08f32314b7b",
        489,
    ),
    "version bare": (
        ABOUT_COMMIT,
        bodies.VersionBody("model", "local", MANIFEST),
        "c7982b222ff70fb0",
        383,
    ),
}


def written(kind):
    subject, body, _, _ = GOLDEN[kind]
    return wire.write_event(
        subject, body, writer=WRITER, seq=7, clock=9, time=1_700_000_000_000_000
    )


@pytest.mark.parametrize("kind", sorted(GOLDEN))
def test_the_bytes_of_every_kind_stay_what_they_were(kind):
    """A name holds 64 bits of the digest of the bytes, so an equal name is equal bytes."""
    file = written(kind)
    assert file.event.kind == kind.partition(" ")[0]
    assert (file.name[-16:], len(file.data)) == GOLDEN[kind][2:]


@pytest.mark.parametrize("kind", sorted(GOLDEN))
def test_every_kind_is_read_as_it_was_written(kind):
    """No field is lost, swapped or changed between record and bytes."""
    subject, body, _, _ = GOLDEN[kind]
    file = written(kind)
    event = wire.read_event(file.name, file.data)
    assert (event.subject, event.body, event.known) == (subject, body, True)


def test_every_kind_has_golden_bytes():
    """A kind that is added brings its golden bytes along."""
    assert {kind.partition(" ")[0] for kind in GOLDEN} == set(kinds.KINDS)


def worked_example():
    block = FORMAT.split("## Worked example")[1].split("```")[1].removeprefix("text\n")
    name, *lines = block.strip().splitlines()
    return name, bytes.fromhex("".join(line.partition("  ")[0] for line in lines))


def test_the_worked_example_is_what_the_code_writes_and_reads():
    """The page shows real bytes."""
    name, data = worked_example()
    file = written("alias")
    assert (name, data) == (file.name, file.data)
    assert wire.read_event(name, data) == file.event
    assert data[-32:] == digest_of(data[:-32])


def stated(label):
    found = re.search(rf"^\| {re.escape(label)} \| ([0-9,]+)", FORMAT, re.MULTILINE)
    assert found, label
    return int(found[1].replace(",", ""))


def test_the_page_states_the_constants_of_the_code():
    """Sizes and limits are the same in both."""
    assert stated("format version") == wire.WIRE_VERSION
    assert stated("trailer, bytes") == wire.TRAILER_SIZE
    assert stated("event file, at most, bytes") == wire.MAX_EVENT_BYTES
    assert stated("name, characters") == wire.NAME_CHARS
    assert stated("event id, bytes") == fields.EVENT_ID_SIZE
    assert stated("sequence, at most") == events.MAX_SEQ
    assert stated("clock, at most") == events.MAX_CLOCK
    assert stated("label, at most, characters") == fields.MAX_LABEL_CHARS


def test_the_page_lists_the_fields_of_every_kind():
    """Each kind has one line that names its subject and all its fields in their order."""
    words = {record: word for word, (record, _) in subjects._SHAPES.items()}
    for kind, codec in kinds.KINDS.items():
        row = re.search(rf"^\| `{kind}` \| (\w+) \| (.*) \|$", FORMAT, re.MULTILINE)
        assert row, kind
        assert row[1] == words[codec.subject]
        assert re.findall(r"`([\w-]+)`", row[2]) == list(codec.readers)


def test_the_clock_stays_at_its_limit():
    """A broken writer's clock stops everybody at the limit and harms nobody."""
    assert events.next_clock(0) == 1
    assert events.next_clock(events.MAX_CLOCK) == events.MAX_CLOCK
