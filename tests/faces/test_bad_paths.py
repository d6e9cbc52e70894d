"""Names that are odd are kept byte for byte; paths that leave the tree are refused.

On the way in by every call that takes a name, on the way out from a forged manifest too.
"""

import os
from pathlib import Path

import pytest
from hostile import one_line, tree_of

import casstore
from casstore.digest import Digest, digest_of, random_commit_id
from casstore.encoding import encode_ordered
from casstore.errors import Invalid
from casstore.journal.bodies import ManifestRef, VersionBody
from casstore.journal.subjects import CommitSubject
from casstore.manifests import EntryKind
from casstore.store import close_store, open_store

ODD_NAMES = [
    b"caf\xe9",
    b"\xff\xfe",
    b"a\nb",
    b"tab\there",
    b"-n",
    b"--force",
    b" ",
    b"a b ",
    b"...",
    b"back\\slash",
    b"C:",
    b"name:v1@x",
    b"'\"$(x)`*?[]{}~#!",
    b"x" * 255,
    "e\u0301".encode(),
    "é".encode(),
    b"con",
    b"A",
    b"a",
]


def write_odd_tree(folder):
    """Make ``odd``, a folder of files with odd names and a folder of such; returns its files."""
    root = os.fsencode(folder) + b"/odd"
    content = {}
    for number, name in enumerate(ODD_NAMES):
        if name == b"C:":
            continue  # a drive at the front of a path is refused
        for path in (name, b"d\xe9p\xf4t/" + name):
            content[path] = b"file %d" % number
    for path, data in content.items():
        os.makedirs(os.path.dirname(root + b"/" + path), exist_ok=True)
        Path(os.fsdecode(root + b"/" + path)).write_bytes(data)
    return content


def test_odd_names_are_kept_byte_for_byte(cli):
    """Names that are not UTF-8, control characters, both forms of an accent, two cases."""
    odd_tree = write_odd_tree(cli.folder)
    cli("put", "odd", "--no-cache")
    cli("get", "odd", "-o", "out")
    assert tree_of(cli.folder / "out") == odd_tree
    assert cli("verify", "odd", "./out", "--json").json["changes"] == []
    assert cli("diff", "odd", "./odd", "--json").json["changes"] == []
    for path, content in odd_tree.items():
        assert cli("cat", "odd", "--", os.fsdecode(path)).raw == content
    assert cli("put", "odd", "-q").lines == ["odd:v0"]
    assert len(cli("ls", "odd:v0", "-q").lines) == len(odd_tree)


def test_python_keeps_odd_names_byte_for_byte(desk):
    """``add_dir``, entries, ``download``."""
    odd_tree = write_odd_tree(desk.folder)
    with casstore.init(project="p") as run:
        artifact = casstore.Artifact("odd", "dataset")
        artifact.add_dir("odd")
        run.log_artifact(artifact).wait()
        assert sorted(map(os.fsencode, artifact.manifest.entries)) == sorted(odd_tree)
        assert tree_of(artifact.download("out")) == odd_tree


# Paths that leave the tree

LEAVING = [
    b"../evil",
    b"a/../../evil",
    b"/tmp/casstore-evil",
    b"..",
    b".",
    b"",
    b"C:/evil",
    b"a\0b",
]
MISSPELLED = [b"a//evil", b"a/./evil", b"evil/"]  # on the way in they are spelled right (W&B)


@pytest.mark.parametrize("path", LEAVING)
def test_a_path_that_leaves_the_tree_is_refused_on_the_way_in(desk, path):
    """By every call that takes a name; the draft stays empty and can still be logged."""
    desk.write("f", "x")
    desk.write("d/f", "x")
    artifact = casstore.Artifact("a", "dataset")
    name = os.fsdecode(path)
    if path:  # an empty name means the file's own
        with pytest.raises(Invalid, match="cannot be a path"):
            artifact.add_file("f", name=name)
    if path not in {b"", b"."}:  # a folder's name may mean the top
        with pytest.raises(Invalid, match="cannot be a path"):
            artifact.add_dir("d", name=name)
    with pytest.raises(Invalid, match="cannot be a path"), artifact.new_file(name) as stream:
        stream.write("x")
    assert list(artifact.manifest.entries) == []
    artifact.add_file("f")
    artifact.save()
    assert artifact.wait().file_count == 1


REFUSED_PATH = 2  # as on the way in: nobody but a forger writes such a path


def forge(root, rows, name="evil"):
    """Write a version whose manifest holds hand-made rows of (path, content)."""
    store = open_store(root)
    try:
        session = store.session()
        entries = []
        for path, content in rows:
            digest = digest_of(content)
            session.add([(digest, content)])
            entries.append([path, len(content), int(EntryKind.FILE), bytes(digest)])
        node, _ = session.add_metadata(encode_ordered([0, entries]))
        session.flush()
        size = sum(len(content) for _, content in rows)
        ref = ManifestRef(Digest(bytes(range(32))), node, 0, len(rows), size)
        body = VersionBody("dataset", "local", ref, number=0, numbering=store.numbering)
        store.events.append(CommitSubject("default", name, random_commit_id()), body)
    finally:
        close_store(store)


@pytest.mark.parametrize("path", LEAVING + MISSPELLED)
def test_a_path_that_leaves_the_tree_is_refused_on_the_way_out(before, path):
    """A forged manifest writes nothing anywhere, by whichever verb it is laid out."""
    forge(before.folder / "s", [(path, b"evil")])
    before.write("out/old", "old")
    outside = tree_of(before.folder.parent)
    for call in (
        ("get", "evil", "-o", "new/er"),
        ("get", "evil", "-o", "out"),
        ("get", "evil", "-o", "out", "--force"),
        ("cat", "evil", "evil"),
        ("ls", "evil:v0"),
        ("diff", "evil", "before"),
    ):
        result = before(*call, code=REFUSED_PATH)
        assert "cannot be a path" in one_line(result.errors)
    assert "evil" in before("verify", code=4).text
    python = casstore.Api().artifact
    with pytest.raises(casstore.Error):
        python("default/evil:v0").download("out")
    assert not (before.folder / "new" / "er").exists()
    found = tree_of(before.folder.parent)
    assert not [path for path in found.keys() - outside.keys() if not path.startswith(b"work/s/")]
    assert found[b"work/out/old"] == b"old"
    assert not Path("/tmp/casstore-evil").exists()
    before("get", "before", "-o", "whole")


def test_a_forged_manifest_cannot_put_a_file_where_it_has_a_folder(before):
    """``a`` and ``a/b`` in one manifest: no file is written under either name."""
    forge(before.folder / "s", [(b"a", b"file"), (b"a/b", b"below")])
    result = before("get", "evil", "-o", "new", code=1)
    one_line(result.errors)
    assert not (before.folder / "new").exists()
