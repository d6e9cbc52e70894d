"""Several hosts in one store at once, killed at random: nothing is lost, all end in one state."""

import random
import time

import pytest
from hosts import Host
from test_kill import go, told

ROUNDS = 3
LONGEST_PAUSE_SECONDS = 0.3


@pytest.fixture
def root(tmp_path):
    (tmp_path / "shared").mkdir()
    return tmp_path / "shared" / "store"


def killed_at_random(hosts, draw, number):
    """Let every host log until it is killed; returns {number: commit} that was promised."""
    processes = [host.log(f"{host.name} {number}", 1000) for host in hosts]
    for process in processes:
        go(process)
    promised = {}
    for process in processes:
        version, commit = told(process.stdout.readline())
        assert version not in promised
        promised[version] = commit.hex()
    time.sleep(draw.random() * LONGEST_PAUSE_SECONDS)
    draw.shuffle(processes)
    for process in processes:
        process.kill()
    for process in processes:
        rest = [told(line) for line in process.communicate(timeout=60)[0].splitlines()]
        for version, commit in rest:
            assert version not in promised
            promised[version] = commit.hex()
    return promised


def agreed(hosts):
    """Return the versions that every host sees, after seeing that all see the same."""
    seen = [host.look() for host in hosts]
    assert all(one["problems"] == {} and one["lost"] == 0 for one in seen), seen
    assert [one["state"] for one in seen] == [seen[0]["state"]] * len(seen)
    return {int(number): commit for number, (commit, _) in seen[0]["versions"].items()}


def test_hosts_that_are_killed_lose_no_version_and_give_no_number_twice(root, tmp_path):
    """Three hosts and the one that has the disk; an index made anew says the same."""
    hosts = [Host(tmp_path, f"host-{number}", root) for number in range(3)]
    hosts.append(Host(tmp_path, "owner", root, owner=True))
    draw, promised = random.Random(6), {}
    for number in range(ROUNDS):
        more = killed_at_random(hosts, draw, number)
        assert not more.keys() & promised.keys()
        promised |= more
        found = agreed(hosts)
        assert promised.items() <= found.items()
    assert agreed([*hosts, Host(tmp_path, "newcomer", root)]) == found
    assert len(promised) > ROUNDS * len(hosts)
    assert not (root / "db").exists()
    assert not (root / "db.lock").exists()
    assert all(len(host.indexes) == 1 for host in hosts)


def test_a_host_removes_what_its_own_dead_left_and_nothing_of_others(root, tmp_path):
    """A lease is a mark with the machine's name; its lock lies on the host."""
    one, other = Host(tmp_path, "one", root), Host(tmp_path, "other", root)
    alive, dead = other.log("alive", 1000), one.log("dead", 1000)
    for process in alive, dead:
        go(process)
        process.stdout.readline()
    dead.kill()
    dead.communicate(timeout=60)
    assert sorted(machine(lease) for lease in leases(root)) == ["one", "other"]
    other.casstore("put", tmp_path / "one", "--name", "x")
    assert sorted(machine(lease) for lease in leases(root)) == ["one", "other"]
    one.casstore("put", tmp_path / "other", "--name", "y")
    (left,) = leases(root)
    assert machine(left) == "other"
    assert [path.name for path in (root / "tmp").iterdir()] == [left.partition("@")[0]]
    alive.kill()
    alive.communicate(timeout=60)


def leases(root):
    return sorted(path.name for path in (root / "leases").iterdir())


def machine(lease):
    return lease.rpartition("-")[2]
