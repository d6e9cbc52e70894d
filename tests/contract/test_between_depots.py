"""Versions go from any kind of place to any other, through this machine, and nothing stays here."""

import json
import random

import pytest

from casstore.cli.main import main

PAIRS = [
    *(("folder", "moto"), ("moto", "memory"), ("moto", "folder"), ("memory", "gcs")),
    *(("nginx", "sshd"), ("sshd", "rclone-s3")),
]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_version_goes_from_one_place_to_another(
    source, target, place_of, opened, tmp_path, monkeypatch, capsys
):
    """Its files come out whole there; the same push again sends nothing; nothing stays here."""
    monkeypatch.chdir(tmp_path)
    draw = random.Random(5)
    files = {"a.bin": draw.randbytes(700_000), "d/b.txt": b"line\n" * 5000, "empty": b""}
    for name, data in files.items():
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_bytes(data)
    one, two = place_of(source).url, place_of(target).url
    assert main(["put", "data", "--name", "net", "--store", "far", "--json"]) == 0
    commit = json.loads(capsys.readouterr().out)["version"]["commit_id"]
    assert main(["push", "--to", one, "--store", "far"]) == 0
    before = set(opened(one).listing(""))
    assert main(["push", "net:v0", "--from", one, "--to", two]) == 0
    assert set(opened(one).listing("")) == before
    made = set(opened(two).listing(""))
    assert main(["push", "net:v0", "--from", one, "--to", two]) == 0
    assert set(opened(two).listing("")) == made
    assert {path.name for path in tmp_path.iterdir()} == {"data", "far"}
    assert main(["pull", "net:v0", "--from", two, "--store", "near"]) == 0
    assert main(["verify", "--store", "near"]) == 0
    assert main(["diff", f"net@{commit}", "data/", "--store", "near", "--exit-code"]) == 0
