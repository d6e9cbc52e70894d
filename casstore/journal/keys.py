r"""The keys of the state table, all of them.

Knows: key bytes.  Never: what a row holds, tables.  ``0`` is a NUL byte, P a project, N a name,
C a commit id (16 bytes), E an event id (16 bytes), R a run id, # a number (8 bytes, big endian)::

    version 0 C                   facts, registers, links of one commit
    keeper 0 C E                  an event that keeps C alive
    seen 0 C E                    an event that a delete of C has named
    producer 0 C E                a run that logged the same content again
    use 0 C E                     a run that read C
    manifest 0 <digest> C         which commits have a manifest
    replaced 0 E <register>       E is no head of that register, whether it has arrived or not
    project 0 P                   every project that an event named
    collection 0 P 0 N            registers, clock, counters of one name
    called 0 P 0 <label> 0 N      names that are called otherwise now, by what they are called
    alias 0 P 0 N 0 <alias>       heads of one alias
    number 0 P 0 N 0 # C          numberings that gave C the number by a version or link event
    unnumbered 0 P 0 N 0 C        members whose event gives none
    sealed 0 P 0 N 0 <authority> # C
    run 0 P 0 R                   fields of one run
    input 0 P 0 R 0 <clock> E     what it read, in order
    output 0 P 0 R 0 C            what it made
    round 0 P 0 N 0 <id> 0 #      one round of parallel writers
    finished 0 P 0 N 0 <id>       the highest round that was finished
    part 0 P 0 N 0 <id> 0 E       one share that no finish has settled
    settled 0 P 0 N 0 <id> 0 E    one that a finish has named, whether it has arrived or not
    card 0 <node>                 how a version or run is listed: see ``cards``

A text of more than 128 bytes of UTF-8 stands as 0x01 and the hex of its BLAKE3, so that no key has
more than 511 bytes (LMDB's limit); rows repeat the text wherever it is needed.
"""

from casstore.digest import digest_of

__all__ = [
    "MAX_KEY_BYTES",
    "MAX_TEXT_BYTES",
    "NIL",
    "alias",
    "aliases",
    "all_parts",
    "called",
    "card",
    "collection",
    "collections",
    "edit_register",
    "finished",
    "input_",
    "inputs",
    "keeper",
    "keepers",
    "label_register",
    "link_register",
    "manifest",
    "manifests",
    "number",
    "numbers",
    "numbers_of",
    "output",
    "outputs",
    "part",
    "parts",
    "place",
    "producer",
    "producers",
    "project",
    "projects",
    "replaced",
    "round_",
    "run",
    "runs",
    "sealed",
    "sealed_numbers",
    "seen",
    "settled",
    "unnumbered",
    "unnumbereds",
    "unnumbereds_of",
    "use",
    "uses",
    "version",
    "versions",
]

NIL = b"\xc0"
"""The value of a row that only has to be there: msgpack's nil."""

MAX_TEXT_BYTES = 128
MAX_KEY_BYTES = 511


def card(node: bytes) -> bytes:
    """Return the key of a node's card."""
    return b"card\0" + node


def text(value: str) -> bytes:
    """Return a text as it stands in keys: without NUL, at most 128 bytes."""
    raw = value.encode()
    return raw if len(raw) <= MAX_TEXT_BYTES else b"\x01" + digest_of(raw).hex().encode()


def place(project: str, name: str) -> bytes:
    """Return the part of a key that names a collection, or a run of a project."""
    return b"%s\0%s" % (text(project), text(name))


def _be64(value: int) -> bytes:
    return value.to_bytes(8, "big")


def version(commit: bytes) -> bytes:
    """Return the key of a commit's row."""
    return b"version\0" + commit


def versions(prefix: bytes = b"") -> bytes:
    """Return the prefix of all commits whose id begins with ``prefix``."""
    return b"version\0" + prefix


def keepers(commit: bytes) -> bytes:
    """Return the prefix of the events that keep a commit alive."""
    return b"keeper\0" + commit


def keeper(commit: bytes, event: bytes) -> bytes:
    """Return the key of one such event."""
    return b"keeper\0" + commit + event


def seen(commit: bytes, event: bytes) -> bytes:
    """Return the key of an event that a delete has named."""
    return b"seen\0" + commit + event


def producers(commit: bytes) -> bytes:
    """Return the prefix of a commit's producers."""
    return b"producer\0" + commit


def producer(commit: bytes, event: bytes) -> bytes:
    """Return the key of one producer event."""
    return b"producer\0" + commit + event


def uses(commit: bytes) -> bytes:
    """Return the prefix of a commit's uses."""
    return b"use\0" + commit


def use(commit: bytes, event: bytes) -> bytes:
    """Return the key of one use."""
    return b"use\0" + commit + event


def manifests(prefix: bytes) -> bytes:
    """Return the prefix of manifest digests that begin with ``prefix``."""
    return b"manifest\0" + prefix


def manifest(digest: bytes, commit: bytes) -> bytes:
    """Return the key that says that a commit has a manifest."""
    return b"manifest\0" + digest + commit


def replaced(event: bytes, register: bytes) -> bytes:
    """Return the key that says that an event is no head of a register."""
    return b"replaced\0" + event + register


def edit_register(commit: bytes, field: str) -> bytes:
    """Return the name of one register of a version."""
    return b"edit\0" + commit + field.encode()


def link_register(commit: bytes) -> bytes:
    """Return the name of the register of a version's links."""
    return b"link\0" + commit


def label_register(project: str, name: str, field: str) -> bytes:
    """Return the name of one register of a collection."""
    return b"label\0%s\0%s" % (place(project, name), field.encode())


def projects() -> bytes:
    """Return the prefix of all projects."""
    return b"project\0"


def project(name: str) -> bytes:
    """Return the key of one project."""
    return b"project\0" + text(name)


def collections(project: str | None = None) -> bytes:
    """Return the prefix of all collections, or of those of one project."""
    return b"collection\0" if project is None else b"collection\0" + text(project) + b"\0"


def collection(project: str, name: str) -> bytes:
    """Return the key of one collection's row."""
    return b"collection\0" + place(project, name)


def called(project: str, label: str, name: str | None = None) -> bytes:
    """Return the key that says that a renamed collection is called ``label``, or their prefix."""
    return b"called\0%s\0%s" % (place(project, label), b"" if name is None else text(name))


def aliases(project: str, name: str) -> bytes:
    """Return the prefix of a collection's aliases."""
    return b"alias\0%s\0" % place(project, name)


def alias(project: str, name: str, value: str) -> bytes:
    """Return the key of one alias; also the name of its register."""
    return aliases(project, name) + text(value)


def numbers(project: str, name: str) -> bytes:
    """Return the prefix of a collection's numbered members."""
    return b"number\0%s\0" % place(project, name)


def numbers_of(project: str) -> bytes:
    """Return the prefix of the numbered members of all collections of a project."""
    return b"number\0%s\0" % text(project)


def unnumbereds_of(project: str) -> bytes:
    """Return the prefix of the members without a number of all collections of a project."""
    return b"unnumbered\0%s\0" % text(project)


def number(project: str, name: str, value: int, commit: bytes = b"") -> bytes:
    """Return the key of one numbered member, or the prefix of all that have the number."""
    return numbers(project, name) + _be64(value) + commit


def unnumbereds(project: str, name: str) -> bytes:
    """Return the prefix of a collection's members without a number."""
    return b"unnumbered\0%s\0" % place(project, name)


def unnumbered(project: str, name: str, commit: bytes) -> bytes:
    """Return the key of one member without a number."""
    return unnumbereds(project, name) + commit


def sealed_numbers(project: str, name: str, authority: bytes) -> bytes:
    """Return the prefix of the numbers that an authority has sealed, in order."""
    return b"sealed\0%s\0%s" % (place(project, name), authority)


def sealed(project: str, name: str, authority: bytes, value: int, commit: bytes = b"") -> bytes:
    """Return the key of one sealed number, or without a commit the prefix of its claimants."""
    return sealed_numbers(project, name, authority) + _be64(value) + commit


def runs(project: str | None = None) -> bytes:
    """Return the prefix of all runs, or of those of one project."""
    return b"run\0" if project is None else b"run\0" + text(project) + b"\0"


def run(project: str, run_id: str) -> bytes:
    """Return the key of one run's row."""
    return b"run\0" + place(project, run_id)


def inputs(project: str, run_id: str) -> bytes:
    """Return the prefix of what a run read."""
    return b"input\0%s\0" % place(project, run_id)


def input_(project: str, run_id: str, clock: int, event: bytes) -> bytes:
    """Return the key of one thing that a run read."""
    return inputs(project, run_id) + _be64(clock) + event


def outputs(project: str, run_id: str) -> bytes:
    """Return the prefix of what a run made."""
    return b"output\0%s\0" % place(project, run_id)


def output(project: str, run_id: str, commit: bytes) -> bytes:
    """Return the key of one thing that a run made."""
    return outputs(project, run_id) + commit


def _writers(project: str, name: str, distributed_id: str) -> bytes:
    return b"%s\0%s" % (place(project, name), text(distributed_id))


def round_(project: str, name: str, distributed_id: str, value: int) -> bytes:
    """Return the key of one round's row."""
    return b"round\0%s\0%s" % (_writers(project, name, distributed_id), _be64(value))


def finished(project: str, name: str, distributed_id: str) -> bytes:
    """Return the key of the highest round that was finished."""
    return b"finished\0" + _writers(project, name, distributed_id)


def all_parts() -> bytes:
    """Return the prefix of every part that no finish has settled."""
    return b"part\0"


def parts(project: str, name: str, distributed_id: str) -> bytes:
    """Return the prefix of the parts of some writers that no finish has settled."""
    return b"part\0%s\0" % _writers(project, name, distributed_id)


def part(project: str, name: str, distributed_id: str, event: bytes) -> bytes:
    """Return the key of one such part."""
    return parts(project, name, distributed_id) + event


def settled(project: str, name: str, distributed_id: str, event: bytes) -> bytes:
    """Return the key of a part that a finish has named."""
    return b"settled\0%s\0%s" % (_writers(project, name, distributed_id), event)
