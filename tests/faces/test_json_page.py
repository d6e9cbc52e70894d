"""``casstore/cli/JSON.md`` says what ``--json`` prints: every line of it is run."""

import json
import re
from pathlib import Path

import pytest

import casstore.cli
from casstore.cli.table import VERBS

PAGE = (Path(casstore.cli.__file__).parent / "JSON.md").read_text()
RECORDS, CALLS = (
    dict(re.findall(r"^\| `?([^|`]+?)`? \| ([a-z_ ]+) \|$", part, re.MULTILINE))
    for part in PAGE.split("| call |")
)

TYPED = {
    "alias ls": "alias ls data",
    "alias rm": "alias rm data best",
    "alias set": "alias set data:v0 best",
    "bundle apply": "bundle apply b.zip",
    "bundle create": "bundle create b.zip data",
    "bundle verify": "bundle verify b.zip",
    "completion": "completion bash",
    "diff": "diff data:v0 data:v1",
    "get": "get data -o out",
    "init": "init other",
    "inventory export": "inventory export inventory",
    "lineage": "lineage data",
    "ls NAME": "ls data",
    "ls REF": "ls data:v1",
    "numbers accept": "numbers accept data",
    "put": "put data",
    "put -n": "put data -n",
    "remote add": "remote add hub place --upstream",
    "remote check": "remote check hub",
    "remote compact": "remote compact hub",
    "remote rm": "remote rm hub",
    "restore": "restore data:v0",
    "rm": "rm data:v0",
    "show": "show data",
    "tag ls": "tag ls data:v0",
    "tag rm": "tag rm data:v0 gold",
    "tag set": "tag set data:v0 gold",
    "verify --remote": "verify --remote hub",
    "verify REF": "verify data",
    "verify REF DIR": "verify data out",
}
"""What is typed for a line of the page, where it is not the line itself."""

FIRST = (
    "put",
    "remote add",
    "push",
    "bundle create",
    "alias set",
    "tag set",
    "get",
    "remote check",
)
LAST = ("alias rm", "tag rm", "rm", "restore", "remote rm")


@pytest.fixture
def page(cli, monkeypatch):
    """Run every line, in an order in which each finds what it needs; give the documents."""
    monkeypatch.setenv("CASSTORE_HOME", str(cli.folder / "s"))
    cli("put", "data")
    cli.write("data/a.txt", "changed\n")
    given = sorted(CALLS.keys() - set(FIRST) - set(LAST))
    return {line: cli(*TYPED.get(line, line).split(), "--json") for line in (*FIRST, *given, *LAST)}


def test_every_verb_is_on_the_page():
    """All but ``cat``, which writes bytes."""
    assert {line.split()[0] for line in CALLS} == VERBS.keys() - {"cat"}
    assert len(CALLS) > 40


def test_every_call_prints_one_document_with_the_keys_of_the_page(page):
    """In that order, ``schema`` first, and nothing else on standard output."""
    printed = {line: json.loads(result.raw) for line, result in page.items()}
    assert {line: " ".join(document) for line, document in printed.items()} == {
        line: f"schema {keys}" for line, keys in CALLS.items()
    }
    assert {document["schema"] for document in printed.values()} == {1}


def test_records_have_the_keys_of_the_page(page, cli):
    """Wherever they stand."""
    records = {
        "a version": page["show"].json["version"],
        "a file": page["ls REF"].json["files"][0],
        "a name": page["ls"].json["artifacts"][0],
        "a change": page["diff"].json["changes"][0],
        "a remote": page["remote ls"].json["remotes"][0],
        "an error": cli("show", "nope", "--json", code=10).error,
    }
    pack = max((cli.folder / "s" / "packs").rglob("*/*"), key=lambda path: path.stat().st_size)
    pack.chmod(0o644)
    pack.write_bytes(bytes(pack.stat().st_size))
    damaged = cli("verify", "--json", code=4)
    records["a problem"] = damaged.json["problems"][0]
    assert damaged.json["ok"] is False
    with casstore.init(store=cli.folder / "runs"):
        pass
    records["a run"] = cli("runs", "--store", "runs", "--json").json["runs"][0]
    assert {name: " ".join(record) for name, record in records.items()} == RECORDS
