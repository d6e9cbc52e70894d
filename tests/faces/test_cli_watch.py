"""``casstore verify --remote`` and ``casstore repair``: damage that is named, and healed."""

import random
import shutil
from pathlib import Path

import pytest

from casstore.packs import PackKind, read_rows
from casstore.packs.format import RECORD
from casstore.remotes.configuration import keep_probe
from casstore.remotes.probing import Probe

FOUND = Probe(True, True, True, True, writers=2, rounds=20, checked_at="2026-11-25T12:00:00Z")


@pytest.fixture
def pushed(cli):
    """Give the command line in a store that has pushed ``net:v0`` to its upstream ``hub``."""
    cli("init")
    cli.write("data/large.bin", bytes(range(256)) * 40 + bytes(1_000_000))
    cli("put", "data", "--name", "net")
    cli("remote", "add", "hub", str(cli.folder / "hub"), "--upstream")
    keep_probe(cli.folder / ".casstore", "hub", FOUND)
    cli("push")
    return cli


def damage(root):
    """Flip a bit in each frame of a depot's packs of data."""
    for path in (path for path in (root / "packs").rglob("*") if path.is_file()):
        _, kind, rows = read_rows(path)
        if kind is PackKind.DATA:
            data = bytearray(path.read_bytes())
            for row in rows:
                data[row.offset + RECORD.size] ^= 1
            path.write_bytes(data)


def test_a_sound_depot_is_ok(pushed):
    """All of it, a sample, or a version."""
    assert pushed("verify", "--remote", "hub").lines[-1].endswith("ok")
    assert "(50% of the frames)" in pushed("verify", "--remote", "hub", "--sample", "50%").text
    assert "hub: net:v0" in pushed("verify", "--remote", "hub", "net:v0").text
    assert pushed("verify", "--remote", "hub", "net:v0", "--sample", "0.5").code == 0
    told = pushed("verify", "--remote", str(pushed.folder / "hub"), "--json").json
    assert (told["ok"], told["versions"], told["problems"], told["sample"]) == (True, 1, [], 1.0)


@pytest.mark.parametrize("words", [[], ["net"], ["--sample", "50%"]])
def test_a_depot_is_verified_without_a_store(pushed, words):
    """By its URL, from a machine that has nothing; none is made."""
    call = ("verify", "--remote", str(pushed.folder / "hub"), "--store", "none", *words)
    assert pushed(*call).lines[-1].endswith("ok")
    damage(pushed.folder / "hub")
    pushed(*call[:5], code=4)
    assert "hub" in pushed("verify", "--remote", "hub2", "--store", "none", code=10).errors
    assert not (pushed.folder / "none").exists()


@pytest.mark.parametrize("words", [[], ["net"]])
def test_lost_packs_of_a_depot_are_no_matter_of_an_index(pushed, words):
    """What helps is told: repairing the depot, or taking it from another; not a new index here."""
    hub = pushed.folder / "hub"
    shutil.rmtree(hub / "packs")
    told = pushed("verify", "--remote", "hub", *words, code=4).errors
    assert "`casstore repair --to hub`" in told
    assert "repair --from" in told
    assert "reindex" not in told
    assert f"--to {hub}`" in pushed("verify", "--remote", hub, "--store", "none", code=4).errors
    came = pushed("pull", "--store", "other", "--from", hub, code=4).errors
    assert "repair --to" in came
    assert "reindex" not in came
    pushed("repair", "--to", "hub")
    assert pushed("verify", "--remote", "hub", *words).errors == ""


def test_a_damaged_bundle_is_not_to_be_repaired(pushed):
    """It is written once: another copy is what helps."""
    pushed("bundle", "create", "all.bundle")
    path = pushed.folder / "all.bundle"
    data = bytearray(path.read_bytes())
    data[data.index(b"CASPACK") + 200] ^= 1
    path.write_bytes(data)
    told = pushed("verify", "--remote", str(path), code=4).errors
    assert "another copy of the bundle" in told
    assert "repair" not in told


def test_lost_packs_of_a_store_are_to_be_had_from_another_place(pushed):
    """Where a new index does not help, the repair that does is named."""
    for pack in (pushed.folder / ".casstore" / "packs").glob("*/*"):
        pack.unlink()
    assert "`casstore repair --from NAME`" in pushed("get", "net", "-o", "out", code=4).errors
    pushed("repair", "--from", "hub")
    pushed("get", "net", "-o", "out")


@pytest.mark.parametrize(
    "words",
    ["--sample 1%", "--remote hub --sample 0%", "--remote hub --sample x", "--remote hub --quick"],
)
def test_what_makes_no_sense_is_refused(pushed, words):
    """One line, exit code 2."""
    assert pushed("verify", *words.split(), code=2).errors.count("\n") >= 1


def test_a_damaged_depot_is_told_and_healed(pushed):
    """Exit code 4 names version and path; ``repair --to`` heals; nothing damaged is ever served."""
    damage(pushed.folder / "hub")
    told = pushed("verify", "--remote", "hub", "--json", code=4).json
    named = {(one["reference"], one["path"]) for one in told["problems"] if one["path"]}
    assert ("net:v0", "sub/numbers.bin") in named
    assert pushed("verify", "--remote", "hub", "net:v0", code=4).lines
    pushed("pull", "--store", "other", "--from", str(pushed.folder / "hub"), code=4)
    assert pushed("ls", "--store", "other").text == ""
    planned = pushed("repair", "--to", "hub", "--dry-run", code=4)
    assert "would be healed" in planned.text
    healed = pushed("repair", "--to", "hub", "--json").json
    assert (healed["ok"], healed["problems"], len(healed["set_aside"])) == (True, [], 1)
    assert pushed("verify", "--remote", "hub").lines[-1].endswith("ok")
    pushed("pull", "--store", "other", "--from", str(pushed.folder / "hub"))
    pushed("verify", "--store", "other")
    assert pushed("repair", "--to", "hub").text == "nothing to heal\n"


def largest(root, folder):
    """Return the largest object of a depot below a folder."""
    return max((root / folder).rglob("*"), key=lambda path: path.is_file() and path.stat().st_size)


@pytest.mark.parametrize("left", [0, 40, -1])
def test_a_short_index_hides_nothing(pushed, left):
    """The packs say themselves what they hold; it is named, and healed."""
    short = largest(pushed.folder / "hub", "index")
    short.write_bytes(short.read_bytes()[:left])
    came = pushed("pull", "--store", "other", "--from", str(pushed.folder / "hub"))
    assert "cannot be read" in came.errors
    assert short.name in came.errors
    pushed("verify", "--store", "other", "net")
    assert short.name in pushed("verify", "--remote", "hub", code=4).text
    pushed("repair", "--to", "hub")
    pushed("verify", "--remote", "hub")


@pytest.mark.parametrize("left", [0, 1000])
def test_a_short_pack_is_damage_that_is_named(pushed, left):
    """Exit code 4 and the version, not a network that failed; the others come."""
    pushed.write("data/noise.bin", random.Random(7).randbytes(300_000))
    pushed("put", "data", "--name", "net")
    pushed("push")
    short = largest(pushed.folder / "hub", "packs")
    short.write_bytes(short.read_bytes()[:left])
    told = pushed("pull", "net", "--store", "other", "--from", str(pushed.folder / "hub"), code=4)
    assert short.name in told.errors
    assert "cut short" in told.errors
    assert told.errors.startswith("casstore: net:v1 cannot come: ")
    assert len(pushed("ls", "net", "--json", "--store", "other").json["versions"]) == 1
    pushed("verify", "--store", "other")


@pytest.mark.parametrize("change", ["flip", "cut", "empty"])
def test_an_event_that_was_healed_is_no_problem_any_more(pushed, change):
    """What a repair made again is not reported as missing by the same repair."""
    path = largest(pushed.folder / "hub", "journal")
    data = path.read_bytes()
    path.write_bytes({"flip": data[:60] + b"?" + data[61:], "cut": data[:60], "empty": b""}[change])
    came = pushed("pull", "--store", "other", "--from", str(pushed.folder / "hub"), code=4)
    assert path.name in came.errors
    assert "up to date" not in came.text
    pushed("verify", "--remote", "hub", code=4)
    assert "1 event" in pushed("repair", "--to", "hub").text
    pushed("verify", "--remote", "hub")
    assert pushed("pull", "--store", "other", "--from", str(pushed.folder / "hub")).errors == ""


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("folder", "change", "told", "key"),
    [
        ("index", cut, "1 damaged index replaced", "damaged_lists"),
        ("index", Path.unlink, "packs named by an index again", "packs_named"),
        ("roots", cut, "1 damaged root list set aside", "damaged_lists"),
        ("claims", Path.unlink, "1 claim made again", "claims"),
    ],
)
def test_a_repair_there_tells_all_that_it_did(pushed, folder, change, told, key):
    """Also where no chunk and no event was brought; a dry run foretells it."""
    change(next(path for path in (pushed.folder / "hub" / folder).rglob("*") if path.is_file()))
    assert pushed("verify", "--remote", "hub", code=4).lines
    planned = pushed("repair", "--to", "hub", "-n", code=4).lines[-1]
    assert pushed("repair", "--to", "hub", "-n", "--json", code=4).json[key]
    done = pushed("repair", "--to", "hub").text
    assert told in done
    assert planned == f"would be {done.strip()}"
    assert pushed("verify", "--remote", "hub").lines[-1].endswith("ok")
    assert pushed("repair", "--to", "hub").text == "nothing to heal\n"


@pytest.mark.parametrize("source", ["default", "name", "store", "folder", "bundle"])
def test_a_damaged_store_is_told_and_healed(pushed, source):
    """From the upstream, by name, from another store, from the folder it is in, from a bundle."""
    pushed("pull", "--store", "b/.casstore", "--from", str(pushed.folder / "hub"))
    pushed("bundle", "create", "all.bundle")
    damage(pushed.folder / ".casstore")
    pushed("verify", code=4)
    where = {"name": "hub", "store": "b/.casstore", "folder": "b", "bundle": "all.bundle"}
    words = [] if source == "default" else ["--from", where[source]]
    pushed("repair", "-n", *words, code=4)
    pushed("verify", code=4)
    told = pushed("repair", *words).text
    assert "1 damaged pack set aside" in told
    assert pushed("verify").lines[-1].endswith("ok")
    pushed("get", "net", "-o", "out")
    assert (pushed.folder / "out" / "large.bin").stat().st_size == 1_010_240


def test_what_nobody_has_ends_with_four(pushed):
    """And is named; what could be healed is."""
    pushed.write("more/a.txt", "only here, and nowhere else\n")
    pushed("put", "more", "--name", "lonely")
    damage(pushed.folder / ".casstore")
    told = pushed("repair", "--from", "hub", code=4)
    assert "lonely:v0" in told.text
    assert "net:v0" not in told.text
    pushed("get", "net", "-o", "out")
    pushed("get", "lonely", "-o", "out2", code=4)


def test_a_repair_from_nowhere_is_one_line(pushed):
    """No such remote, no depot there, two directions at once."""
    assert pushed("repair", "--from", "nope", code=10).errors.count("\n") == 1
    (pushed.folder / "empty").mkdir()
    assert pushed("repair", "--from", "empty", code=10).errors.count("\n") == 1
    assert pushed("repair", "--from", "hub", "--to", "hub", code=2).errors.count("\n") == 1


def test_a_store_that_knows_no_remote_is_healed_by_what_is_logged_again(cli):
    """Repair sets the damaged pack aside; the same files, logged again, make old versions whole."""
    data = random.Random(3).randbytes(500_000)
    cli.write("alone/a", data)
    cli.write("alone/b", b"sound" * 9_000)
    cli("put", "alone", "--name", "old", "--store", "s", "-q")
    packs = sorted((cli.folder / "s" / "packs").glob("*/*"), key=lambda path: path.stat().st_size)
    with packs[-1].open("r+b") as file:
        file.seek(300)
        byte = file.read(1)[0]
        file.seek(300)
        file.write(bytes([byte ^ 4]))
    assert cli("verify", "--store", "s", code=4).lines
    told = cli("repair", "--store", "s", code=4)
    assert "1 damaged pack set aside" in told.lines[-1]
    assert any("old:v0" in line for line in told.lines)
    cli("put", "alone", "--name", "new", "--no-cache", "--store", "s", "-q")
    assert cli("verify", "--store", "s", "--json").json["ok"]
    shutil.rmtree(cli.folder / "s" / "db")
    cli("get", "old", "-o", "out", "--store", "s")
    assert (cli.folder / "out" / "a").read_bytes() == data
