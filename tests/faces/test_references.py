"""References to files of this machine, to other versions, to what is only tracked; bad input."""

from pathlib import Path

import fsspec
import pytest
from referring import draft, log

import casstore
from casstore.errors import Corrupt, FileMissing, Invalid, NotFound, ReferenceChanged, Unsupported
from casstore.manifests import Entry, EntryKind
from casstore.references import Referent
from casstore.store import Commit, commit


def base(desk, name="base", **files):
    """Log an artifact of some files."""
    artifact = casstore.Artifact(name, type="dataset")
    for path, text in files.items():
        with artifact.new_file(path.replace("_", "/")) as stream:
            stream.write(text)
    artifact.save()
    return artifact.wait()


# Files


def test_a_file_is_tracked_by_its_blake3(desk):
    """It is not copied; the bytes are compared when they are fetched."""
    path = desk.write("in/x y%20.txt", "hello")
    artifact = log(path.as_uri())
    entry = artifact.get_entry("x y%20.txt")
    assert entry.digest == "ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f"
    assert (entry.size, entry.ref) == (5, path.as_uri())
    assert (Path(artifact.download("out")) / "x y%20.txt").read_text() == "hello"
    path.write_text("other")
    with pytest.raises(ReferenceChanged, match=r"BLAKE3 ea8f.*now BLAKE3"):
        artifact.download("new")
    artifact.download("out")  # what lies there is right
    path.unlink()
    with pytest.raises(FileMissing):
        artifact.download("new")


def test_a_folder_is_expanded_as_a_prefix_is(desk):
    """Relative URIs and those with ``localhost`` mean the same; ``.casstore`` is left out."""
    for name in ("a.txt", "sub/b.txt", ".casstore/c"):
        desk.write(f"in/{name}", name)
    folder = desk.folder / "in"
    for uri in (folder.as_uri(), f"file://localhost{folder}", "file://in", f"file://{folder}/"):
        assert list(draft(uri).manifest.entries) == ["a.txt", "sub/b.txt"]
    artifact = draft("file://in", name="raw")
    assert list(artifact.manifest.entries) == ["raw/a.txt", "raw/sub/b.txt"]
    assert artifact.get_entry("raw/a.txt").ref == (folder / "a.txt").as_uri()
    with pytest.raises(ValueError, match="more than 1 "):
        draft("file://in", max_objects=1)
    (desk.folder / "empty").mkdir()
    with pytest.raises(FileMissing, match="holds no file"):
        draft("file://empty")


def test_a_folder_added_unchecked_is_one_entry(desk):
    """It cannot be fetched as a file, and that is said."""
    desk.write("in/a.txt")
    artifact = log("file://in", checksum=False)
    assert list(artifact.manifest.entries) == ["in"]
    with pytest.raises(Invalid, match="is a folder"):
        artifact.download("out")


# Other versions


def test_another_version_is_referred_to_by_commit(desk):
    """Whatever is logged later, the entry is the one that there was; no byte is stored again."""
    first = base(desk, x_y="one")
    artifact = log("casstore://base:latest/x/y")
    base(desk, x_y="two")
    entry = artifact.get_entry("y")
    assert entry.ref == f"casstore://{first.project}/base@{first.id}/x/y"
    assert entry.digest == first.get_entry("x/y").digest
    assert Path(artifact.download("out"), "y").read_text() == "one"
    assert Path(entry.download("alone")).read_text() == "one"
    again = log(first.get_entry("x/y"))  # an entry stands for its URL, as in W&B
    assert (again.version, again.digest) == (artifact.version, artifact.digest)


def test_a_url_names_a_version_to_use(desk):
    """With its version, and no path."""
    first = base(desk, x="one")
    with casstore.init() as run:
        assert run.use_artifact("casstore://base:v0").id == first.id
        assert run.use_artifact(f"casstore://{first.project}/base@{first.id}").id == first.id
        with pytest.raises(Invalid, match="names a file"):
            run.use_artifact("casstore://base:v0/x")
        with pytest.raises(Invalid, match="names no version"):
            run.use_artifact("casstore://base")


def test_a_draft_for_another_store_may_not_refer_to_what_is_not_there(desk):
    """It is said when it is logged, and the draft stays as it was."""
    base(desk, x="one")
    artifact = draft("casstore://base:v0/x")
    other = desk.folder / "other"
    with pytest.raises(NotFound, match="other"), casstore.init(store=other) as run:
        run.log_artifact(artifact)
    again = draft("casstore://base:v0/x")
    again.save()
    assert again.wait().version == "v0"


def test_a_folder_of_another_version_is_expanded(desk):
    """And a whole version; more than allowed is an error."""
    base(desk, x_y="1", x_z="2", w="3")
    assert list(draft("casstore://base:v0/x").manifest.entries) == ["y", "z"]
    assert list(draft("casstore://base:v0/x", name="n").manifest.entries) == ["n/y", "n/z"]
    assert list(draft("casstore://base:v0").manifest.entries) == ["w", "x/y", "x/z"]
    with pytest.raises(ValueError, match="more than 2"):
        draft("casstore://base:v0", max_objects=2)


def test_a_reference_to_a_reference_is_followed(desk):
    """What is kept names the entry that has the bytes."""
    first = base(desk, x="one")
    log("casstore://base:v0/x")
    second = casstore.Artifact("second", type="dataset")
    second.add_reference("casstore://data:v0/x")
    assert second.get_entry("x").ref == f"casstore://{first.project}/base@{first.id}/x"


def test_a_reference_to_what_lies_elsewhere_keeps_what_was_recorded(desk):
    """A file of this machine, by way of another version."""
    path = desk.write("in/x", "abc")
    log(path.as_uri())
    second = casstore.Artifact("second", type="dataset")
    second.add_reference("casstore://data:v0/x")
    second.save()
    assert Path(second.wait().download("out"), "x").read_text() == "abc"
    path.write_text("xyz")
    with pytest.raises(ReferenceChanged):
        second.download("new")


def test_a_version_that_is_gone_is_named(desk):
    """When it is added, when it is fetched, and where drift is asked for."""
    first = base(desk, x="one")
    artifact = log("casstore://base:v0/x")
    first.delete()
    with pytest.raises(NotFound, match=r"base:v0.*was removed"):
        draft("casstore://base:v0/x")
    with pytest.raises(FileMissing, match="data:v0: x: base:v0"):
        artifact.download("out")
    artifact.download("out", allow_missing_references=True)
    assert list(Path("out").iterdir()) == []
    for missing in ("casstore://nope:v0/x", "casstore://data:v7/x", "casstore://data:v0/nope"):
        with pytest.raises(NotFound):
            draft(missing)


def test_a_circle_of_references_is_an_error(desk):
    """Nothing here writes one; a version that names itself by number could be made by another."""
    base(desk, x="one")
    store = casstore.open_store().store
    made = store.draft()
    referent = Referent("casstore://default/loop:v0/x", blake3="00")
    kind = EntryKind.REFERENCE
    made.put(Entry(b"x", 1, kind, b"00", b"", referent.fields()))
    request = Commit(project="default", name="loop", type="dataset", entity="local")
    commit(store, made, request)
    with pytest.raises(Corrupt, match=r"circle: .*loop:v0/x -> .*loop:v0/x"):
        draft("casstore://loop:v0/x")
    with pytest.raises(Corrupt, match="circle"):
        casstore.Api().artifact("loop:v0").download("out")


# Anything else


def test_any_scheme_is_tracked_by_uri_if_it_is_named(desk, capsys):
    """It is fetched by fsspec where that can; nothing was checked, and that is said."""
    fsspec.filesystem("memory").pipe_file("/refs/x", b"abc")
    artifact = log("memory://refs/x", name="sub/x")
    entry = artifact.get_entry("sub/x")
    assert (entry.digest, entry.size) == ("memory://refs/x", 0)
    assert Path(artifact.download("out"), "sub/x").read_bytes() == b"abc"
    assert "nothing was checked" in capsys.readouterr().err
    fsspec.filesystem("memory").rm("/refs/x")
    with pytest.raises(FileMissing):
        artifact.download("new")


def test_a_scheme_that_nothing_reads_can_be_tracked_but_not_fetched(desk):
    """The error names it."""
    artifact = log("warp://drive/x", name="x")
    with pytest.raises(Unsupported, match=r"data:v0: x: .*warp://"):
        artifact.download("out")
    artifact.download("out", allow_missing_references=True)
    assert list(Path("out").iterdir()) == []


@pytest.mark.parametrize(
    ("uri", "options", "match"),
    [
        ("data/x", {}, "no scheme.*add_file"),
        ("/data/x", {}, "no scheme"),
        ("", {}, "no scheme"),
        (7, {}, "no scheme"),
        ("s3://", {}, "names nothing"),
        ("warp://drive/x", {}, "pass name="),
        ("memory://x", {}, "pass name="),
        ("https://ada:word@example.org/x", {}, "never stored"),
        ("https://example.org/x?X-Amz-Signature=0", {}, "signed"),
        ("https://example.org/", {"checksum": False}, "pass name="),
        ("casstore://base/x", {}, "names no version"),
        ("file:///nowhere", {"max_objects": 0}, "1 or more"),
        ("memory://x", {"name": "../x"}, "cannot be a path"),
        ("memory://\udcff", {"name": "x"}, "not UTF-8"),
        ("x://" + "y" * 5000, {"name": "x"}, "at most 4096"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_added(desk, uri, options, match):
    """One clear line, a ``ValueError``, and no word of a password."""
    artifact = casstore.Artifact("data", type="dataset")
    with pytest.raises(ValueError, match=match) as caught:
        artifact.add_reference(uri, **options)
    assert isinstance(caught.value, Invalid)
    assert "word@" not in str(caught.value)
    assert len(artifact.manifest) == 0


def test_a_missing_file_is_missing(desk):
    """As ``add_file`` says it."""
    with pytest.raises(FileNotFoundError):
        draft("file:///nowhere/x")


def test_other_content_at_a_path_is_refused_as_a_whole(desk):
    """Nothing of a folder is added if one of its paths is taken."""
    for name in ("a", "b"):
        desk.write(f"in/{name}", name)
    artifact = casstore.Artifact("data", type="dataset")
    with artifact.new_file("b") as stream:
        stream.write("mine")
    with pytest.raises(Invalid, match="'b' was added already"):
        artifact.add_reference("file://in")
    assert list(artifact.manifest.entries) == ["b"]
    artifact.remove("b")
    artifact.add_reference("file://in")
    artifact.add_reference("file://in")
    assert list(artifact.manifest.entries) == ["a", "b"]


def test_a_disabled_run_asks_nobody(desk):
    """Like every other call."""
    with casstore.init(mode="disabled") as run:
        artifact = casstore.Artifact("data", type="dataset")
        assert artifact.add_reference("s3://nowhere/x") == []
        run.log_artifact(artifact)


def test_a_missing_extra_is_one_line_that_names_it(desk):
    """And nothing of any backend is loaded before a reference of its kind is used."""
    script = """
        import sys

        import casstore

        loaded = {"fsspec", "s3fs", "gcsfs", "adlfs", "aiohttp", "urllib.request"}
        artifact = casstore.Artifact("x", type="dataset")
        artifact.add_file(__file__, name="f")
        assert not loaded & set(sys.modules), loaded & set(sys.modules)
        for module in ("s3fs", "gcsfs", "adlfs"):
            sys.modules[module] = None
        for scheme in ("s3", "gs", "az"):
            try:
                artifact.add_reference(scheme + "://bucket/x")
            except casstore.Unsupported as error:
                print(error)
    """
    lines = desk.run(script).splitlines()
    assert [line.partition("pip install ")[2] for line in lines] == [
        "'casstore[s3]')",
        "'casstore[gcs]')",
        "'casstore[azure]')",
    ]
