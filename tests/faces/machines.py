"""Machines of people who share a place: a store each, with a folder ``hub`` as its upstream."""

from casstore.remotes.configuration import keep_probe
from casstore.remotes.probing import Probe

FOUND = Probe(True, True, True, True, writers=2, rounds=20, checked_at="2026-11-25T12:00:00Z")
"""What trying a folder finds, which takes seconds each time: the contract's tests do it."""


class Machine:
    """``casstore`` as somebody types it on one of them."""

    def __init__(self, cli, name):
        self.cli = cli
        self.name = name
        self("remote", "add", "hub", str(cli.folder / "hub"), "--upstream")
        keep_probe(cli.folder / name, "hub", FOUND)

    def __call__(self, *words, code=0):
        return self.cli(*words, "--store", self.name, code=code)

    def put(self, text, name="net", *more):
        self.cli.write(f"{self.name}-data/file.txt", text)
        return self("put", f"{self.name}-data", "--name", name, "-q", *more).lines[0]

    def listed(self, name="net"):
        versions = self("ls", name, "--json").json["versions"]
        return {
            (one["version"] + "*" * one["provisional"]): one for one in versions if one["version"]
        }
