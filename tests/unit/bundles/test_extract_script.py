"""The script of a bundle against bundles that lie: one line, and nothing outside of its folder."""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import casstore.bundles
from casstore.bundles import Contents, Listing
from casstore.bundles.about import About, sums_line, write_about
from casstore.chunks import Encoder
from casstore.digest import digest_of
from casstore.encoding import encode_ordered
from casstore.packs import PackBuffer, PackKind

SCRIPT = Path(casstore.bundles.__file__).with_name("extract.py")
TEXT = b"text " * 1000


def pack_of(frames):
    """Return a pack of (digest, codec, size, payload): its name and bytes."""
    pack = PackBuffer(PackKind.DATA)
    for frame in frames:
        pack.append(*frame)
    pack_id, data, _ = pack.seal()
    return f"packs/{pack_id.hex()[:2]}/{pack_id.hex()}", bytes(data)


def frame_of(data, size=None):
    codec, payload = Encoder().encode(data)
    return digest_of(data), codec, len(data) if size is None else size, bytes(payload)


@pytest.fixture
def extract(tmp_path):
    """Run the script over a folder that holds a version with these entries."""
    if shutil.which("zstd") is None:
        pytest.skip("zstd is not installed: apt-get install zstd")

    def run(entries, frames=(), **fields):
        node = encode_ordered([0, entries])
        listing = Listing(
            "p", "data", "v0", "ab" * 16, "cd" * 32, digest_of(node).hex(), 0, 1, 1, "2026-01-01"
        )
        about = About(
            "01" * 16, 1, 1, Contents((replace(listing, **fields),), "2026-01-01T00:00:00Z")
        )
        name, data = pack_of([frame_of(node), *frames])
        members = {name: data, "bundle.json": write_about(about)}
        for path, content in members.items():
            target = tmp_path / "in" / "unpacked" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        sums = [sums_line(hashlib.sha256(data).digest(), name) for name, data in members.items()]
        (tmp_path / "in" / "unpacked" / "SHA256SUMS").write_bytes(b"".join(sums))
        command = [sys.executable, "-I", str(SCRIPT), "in/out/deep", "in/unpacked"]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def files_in(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "unpacked" not in path.parts
    }


@pytest.mark.parametrize("found", ["the same", "another", "a file"])
def test_what_is_there_already_stays_as_it_is(extract, tmp_path, found):
    """A second run into the same folder is told in one line, whatever lies there."""
    sound = [[b"a.txt", len(TEXT), 1, digest_of(TEXT)]], [frame_of(TEXT)]
    place = tmp_path / "in/out/deep/p/data-v0"
    if found == "the same":
        assert extract(*sound).returncode == 0
    elif found == "another":
        place.mkdir(parents=True)
        (place / "a.txt").write_text("mine")
    else:
        place.parent.mkdir(parents=True)
        place.write_text("mine")
    before = files_in(tmp_path)
    done = extract(*sound)
    assert done.returncode == 1
    assert done.stdout == ""
    told = (
        "extract.py: 'in/out/deep/p/data-v0' is there already and stays as it is: name another OUT"
    )
    assert done.stderr == f"{told}\n"
    assert files_in(tmp_path) == before


def test_the_script_is_short():
    """A person can read it before running it."""
    assert len(SCRIPT.read_text().splitlines()) < 150


def test_a_sound_folder_is_written(extract, tmp_path):
    """So that what is refused below is refused for what it is."""
    done = extract([[b"a/b.txt", len(TEXT), 1, digest_of(TEXT)]], [frame_of(TEXT)])
    assert done.returncode == 0, done.stderr
    assert files_in(tmp_path) == {"in/out/deep/p/data-v0/a/b.txt": TEXT}


@pytest.mark.parametrize(
    "path", [b"../x", b"a/../../x", b"/tmp/casstore-x", b"a//x", b"./x", b"", b"C:x", b"a\0b"]
)
def test_paths_that_escape_are_refused(extract, tmp_path, path):
    """As casstore itself refuses them."""
    done = extract([[path, len(TEXT), 0, digest_of(TEXT)]], [frame_of(TEXT)])
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert files_in(tmp_path) == {}
    assert not Path("/tmp/casstore-x").exists()


@pytest.mark.parametrize("fields", [{"project": ".."}, {"project": "/tmp"}, {"name": "../../x"}])
def test_names_that_escape_are_refused(extract, tmp_path, fields):
    """Of projects and versions too."""
    done = extract([[b"x", len(TEXT), 0, digest_of(TEXT)]], [frame_of(TEXT)], **fields)
    assert done.returncode == 1
    assert "no name of a version" in done.stderr
    assert files_in(tmp_path) == {}


@pytest.mark.parametrize("size", [len(TEXT) - 1, len(TEXT) + 1])
def test_a_frame_of_another_size_than_it_says_is_refused(extract, size):
    """No more than was announced is ever decompressed."""
    done = extract([[b"x", size, 0, digest_of(TEXT)]], [frame_of(TEXT, size)])
    assert done.returncode == 1
    assert "does not hold what it should" in done.stderr


def test_a_file_of_another_size_than_its_chunks_is_refused(extract):
    """Its entry says so."""
    done = extract([[b"x", len(TEXT) + 1, 0, digest_of(TEXT)]], [frame_of(TEXT)])
    assert done.returncode == 1
    assert "size" in done.stderr


def test_a_damaged_member_stops_before_anything_is_written(extract, tmp_path):
    """It is named."""
    extract([[b"x", len(TEXT), 0, digest_of(TEXT)]], [frame_of(TEXT)])
    shutil.rmtree(tmp_path / "in" / "out")
    (pack,) = (tmp_path / "in" / "unpacked" / "packs").glob("*/*")
    data = bytearray(pack.read_bytes())
    data[100] ^= 1
    pack.write_bytes(data)
    command = [sys.executable, "-I", str(SCRIPT), "in/out", "in/unpacked"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert f"{pack.name} in in/unpacked is damaged" in done.stderr
    assert files_in(tmp_path) == {}


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_without_a_folder_it_says_how_to_call_it(tmp_path, words):
    """A word that begins with a dash is none; nothing is made."""
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "python3 extract.py OUT [FOLDER...]" in done.stderr
    assert list(tmp_path.iterdir()) == []
