"""Event files: what is written is read, and nothing else is."""

import pytest

from casstore.digest import digest_of
from casstore.encoding import decode, encode
from casstore.errors import Corrupt, Invalid, Unsupported
from casstore.journal import bodies, subjects, wire

WRITER = bytes(range(16))
SUBJECT = subjects.CommitSubject("vision", "resnet", bytes(16))


def written(body=None, *, subject=SUBJECT, seq=7, clock=9, time=11):
    body = bodies.RestoreBody() if body is None else body
    return wire.write_event(subject, body, writer=WRITER, seq=seq, clock=clock, time=time)


def sealed(message):
    """Return name and bytes of any message, right or wrong, as a careless writer would."""
    packed = message if isinstance(message, bytes) else encode(message)
    digest = digest_of(packed)
    return f"{WRITER.hex()}-{7:012d}-{digest[:8].hex()}", packed + digest


def changed(**changes):
    return sealed({**decode(written().data[:-32]), **changes})


def test_an_event_is_read_as_it_was_written():
    """Every field survives, and the name is bound to the content."""
    file = written()
    event = wire.read_event(file.name, file.data)
    assert event == file.event
    assert event.name == file.name
    assert file.name == f"{WRITER.hex()}-000000000007-{digest_of(file.data[:-32])[:8].hex()}"
    assert len(file.name) == wire.NAME_CHARS
    assert wire.is_event_name(file.name)


def test_a_flipped_bit_anywhere_is_corrupt():
    """The trailer covers the message, and the message the trailer."""
    file = written()
    for at in range(len(file.data)):
        damaged = bytearray(file.data)
        damaged[at] ^= 1
        with pytest.raises(Corrupt):
            wire.read_event(file.name, damaged)


def test_a_renamed_event_is_corrupt():
    """Another writer, another sequence or another digest in the name is refused."""
    file = written()
    for name in ("f" + file.name[1:], file.name.replace("07-", "08-"), file.name[:-1] + "g"):
        with pytest.raises(Corrupt):
            wire.read_event(name, file.data)
    other = written(seq=8)
    with pytest.raises(Corrupt, match="renamed"):
        wire.read_event(other.name, file.data)


def test_a_cut_event_is_corrupt():
    """A file that lost its end, or everything, is refused."""
    file = written()
    for size in (0, 31, 32, len(file.data) - 1):
        with pytest.raises(Corrupt):
            wire.read_event(file.name, file.data[:size])


def test_a_message_that_is_not_canonical_is_corrupt():
    """Long integers, keys out of order and trailing bytes have right digests and are refused."""
    packed = written().data[:-32]
    long_integer = packed.replace(b"\xa3seq\x07", b"\xa3seq\xcc\x07")
    assert long_integer != packed
    swapped = b"\x82\xa1b\x01\xa1a\x01"
    mixed_keys = b"\x82\xa1b\x01\xc4\x01a\x01"
    deep = b"\x91" * 600 + b"\xc0"
    for message in (long_integer, swapped, mixed_keys, deep, packed + b"\xc0"):
        with pytest.raises(Corrupt):
            wire.read_event(*sealed(message))


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 0},
        {"v": True},
        {"v": "1"},
        {"kind": 3},
        {"kind": ""},
        {"writer": bytes(15)},
        {"seq": -1},
        {"seq": 10**12},
        {"clock": (1 << 48) + 1},
        {"clock": 1.0},
        {"time": "now"},
        {"subject": ["commit", "vision", "resnet"]},
        {"subject": ["commit", "vision", "../x", bytes(16)]},
        {"subject": ["run", "vision", "r"]},
        {"subject": []},
        {"body": []},
        {"kind": "delete", "body": {}},
        {"kind": "delete", "body": {"seen": [bytes(15)]}},
        {"kind": "edit", "body": {"field": "ttl", "value": "x", "replaces": []}},
        {"kind": "edit", "body": {"field": "metadata", "value": '{"a": 1}', "replaces": []}},
    ],
    ids=str,
)
def test_a_wrong_field_is_corrupt(changes):
    """Each field is checked, although its digest is right."""
    with pytest.raises(Corrupt):
        wire.read_event(*changed(**changes))


def test_a_later_format_is_unsupported_and_says_what_is_needed():
    """A reader of format 1 does not guess at format 2."""
    with pytest.raises(Unsupported, match="journal format 2"):
        wire.read_event(*changed(v=2))


def test_an_unknown_kind_is_kept():
    """A kind and a subject of a later release come as they are, marked as not understood."""
    event = wire.read_event(*changed(kind="sparkle", subject=["galaxy", 1], body={"a": [1]}))
    assert not event.known
    assert event.body == bodies.UnknownBody({"a": [1]})
    assert event.subject == subjects.UnknownSubject(("galaxy", 1))


def test_an_unknown_register_is_kept():
    """An edit of a field that a later release added is not an error."""
    event = wire.read_event(
        *changed(kind="edit", body={"field": "mood", "value": 1, "replaces": []})
    )
    assert not event.known


def test_unknown_fields_are_passed_over():
    """Later releases may add fields to the envelope and to bodies."""
    event = wire.read_event(*changed(extra=1, body={"more": 2}))
    assert event.body == bodies.RestoreBody()


def test_what_reading_refuses_is_not_written():
    """The checks come in pairs; the writer's say that the call is wrong."""
    for body in (
        bodies.AliasBody("a/b", set=True),
        bodies.DeleteBody((b"short",)),
        bodies.EditBody("mood", 1),
        bodies.ProducerBody("run1", metadata="[1]"),
        bodies.ProducerBody("run1", metadata='{"b":1,"a":1}'),
        bodies.ProducerBody("run1", metadata='{"a":NaN}'),
    ):
        with pytest.raises(Invalid):
            written(body)
    for wrong in ({"seq": 10**12}, {"clock": (1 << 48) + 1}, {"time": -1}, {"time": 1 << 70}):
        with pytest.raises(Invalid):
            written(**wrong)
    with pytest.raises(Invalid, match="subject"):
        written(subject=subjects.CollectionSubject("vision", "resnet"))


def test_an_alias_claimed_twice_in_one_event_is_refused():
    """One event is one head of an alias."""
    claims = (bodies.AliasClaim("best"), bodies.AliasClaim("best"))
    with pytest.raises(Invalid, match="twice"):
        written(bodies.LinkBody("vision", "zoo", aliases=claims))


def test_an_event_over_the_limit_is_refused():
    """16 MiB with the trailer: one byte more is Invalid when written, Corrupt when read."""
    spare = wire.MAX_EVENT_BYTES - len(written(bodies.EditBody("description", "x" * 70_000)).data)
    exact = written(bodies.EditBody("description", "x" * (70_000 + spare)))
    assert len(exact.data) == wire.MAX_EVENT_BYTES
    assert wire.read_event(exact.name, exact.data) == exact.event
    with pytest.raises(Invalid, match="limit"):
        written(bodies.EditBody("description", "x" * (70_001 + spare)))
    with pytest.raises(Corrupt):
        wire.read_event(exact.name, exact.data + b"x")


def test_events_and_bodies_cannot_be_changed():
    """Records are frozen: an event is what its name says."""
    with pytest.raises(AttributeError):
        written().event.clock = 3
