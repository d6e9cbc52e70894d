"""Hosts that share only a folder, or only a bucket, contribute to one version."""

import json
import random
import re
import time

import pytest
from contributor import STEPS
from hosts import HERE, Host
from places import moto
from policies import moto_with_policies

SHARES = {"w0": {"p/0": "zero", "same": "s"}, "w1": {"p/1": "one", "same": "s"}}
PAIRS = (("h0", "w0"), ("h1", "w1"))
WHOLE = {**SHARES["w0"], **SHARES["w1"]}
HERE_ONLY, THERE_ONLY = {"settled"}, {"settled there", "pushed", "one event there"}
WAYS = ("folder", "file", "s3")
BY_DEFAULT = {
    *(("folder", step) for step in ("settled", "made", "told who")),
    *(("file", step) for step in ("settled there", "made", "pushed")),
}
LONGEST_PAUSE_SECONDS = 1.0


class Job:
    """A job over several hosts; ``where`` says what a host gives to ``init``."""

    def __init__(self, folder, where, prepare=None, **environment):
        self._prepare = prepare
        self._folder = folder
        self._where = where
        self._environment = environment
        self._hosts = {}

    def host(self, name):
        if name not in self._hosts:
            self._hosts[name] = Host(self._folder, name, self._folder / "shared")
            if self._prepare is not None:
                self._prepare(self._hosts[name])
        return self._hosts[name]

    def start(self, host, verb, run, files=(), dies=""):
        """Start a worker on a host and wait until it is about to call."""
        where = json.dumps(self._where(self.host(host)))
        arguments = [verb, where, run, json.dumps(dict(files)), dies]
        script = HERE / "contributor.py"
        worker = self.host(host).start(script, *arguments, **self._environment)
        assert worker.stdout.readline() == "ready\n"
        return worker

    def upsert(self, host, run, files):
        return ended(self.start(host, "upsert", run, files))

    def finish(self, host, run="finisher", files=()):
        return ended(self.start(host, "finish", run, files))


def ended(worker):
    """Let a worker go on; returns what it said."""
    out, _ = worker.communicate("go\n", timeout=120)
    assert worker.returncode == 0, out
    return json.loads(out)


def died(worker):
    worker.communicate("go\n", timeout=120)
    return worker.returncode == 9


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    """Start an S3 server."""
    with moto(tmp_path_factory.mktemp("moto")) as place:
        yield place


@pytest.fixture(params=["folder", "file", pytest.param("s3", marks=pytest.mark.slow)])
def job(request, tmp_path):
    """Give a shared folder; or stores of their own and a depot in a folder, or in a bucket."""
    shared = tmp_path / "shared"
    if request.param == "folder":
        return Job(tmp_path, lambda _: {"store": str(shared)})
    if request.param == "file":
        url = f"file://{shared}"
        shared.mkdir()

        def prepare(host):
            add = ("remote", "add", "job", url, "--upstream")
            host.run("-m", "casstore", "--store", host.folder / "own", *add)

        return Job(
            tmp_path, lambda host: {"store": str(host.folder / "own"), "remote": "job"}, prepare
        )
    bucket = request.getfixturevalue("bucket")
    url = f"{bucket.url}/{tmp_path.name}"
    return Job(tmp_path, lambda _: {"store": url}, **bucket.environment)


@pytest.mark.parametrize("job", WAYS, indirect=True)
def test_parts_of_several_hosts_make_one_version(job):
    """And the next round the next; asked again, a finish answers the same on every host."""
    for number, (run, files) in enumerate(SHARES.items()):
        job.upsert(f"h{number}", run, files)
    made = job.finish("h2", files={"index": "i"})
    assert made["files"] == {**WHOLE, "index": "i"}
    assert made["version"] == "v0"
    assert job.finish("h3", run="another") == made
    job.upsert("h1", "w1", {"p/2": "two"})
    more = job.finish("h0", run="w0")
    assert (more["version"], more["files"]) == ("v1", {"p/2": "two"})
    assert job.finish("h1", run="w9") == more


def test_hosts_that_may_not_list_the_bucket_make_one_version(tmp_path, tmp_path_factory):
    """Each sees by the roll what the others contributed, as soon as they have."""
    with moto_with_policies(tmp_path_factory.mktemp("moto")) as place:
        url = f"{place.url}/{tmp_path.name}"
        job = Job(tmp_path, lambda _: {"store": url}, **place.unlisted)
        test_parts_of_several_hosts_make_one_version(job)


@pytest.mark.parametrize("job", WAYS, indirect=True)
def test_finishes_of_two_hosts_at_once_end_in_one_version(job):
    """Whoever is second makes or finds the very version that was settled."""
    for number, (run, files) in enumerate(SHARES.items()):
        job.upsert(f"h{number}", run, files)
    workers = [job.start(host, "finish", f"f-{host}") for host in ("h0", "h2", "h3")]
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    made = [json.loads(worker.communicate(timeout=120)[0]) for worker in workers]
    assert made == [made[0]] * len(made)
    assert made[0]["files"] == WHOLE


@pytest.mark.parametrize("job", WAYS, indirect=True)
def test_a_worker_may_wait_for_a_finish_on_another_host(job):
    """Through a folder and through a bucket: it gets the version, and reads every file of it."""
    workers = [job.start(host, "await", run, SHARES[run]) for host, run in PAIRS]
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
        assert worker.stdout.readline() == "added\n"
    made = job.finish("h2", files={"index": "i"})
    said = [json.loads(worker.communicate(timeout=120)[0]) for worker in workers]
    assert said == [made, made]
    assert made["files"] == {**WHOLE, "index": "i"}


def test_a_conflict_names_both_writers_and_is_settled_by_what_is_right(job):
    """Nothing is finished, every part is kept."""
    job.upsert("h0", "w0", {"a": "1"})
    job.upsert("h1", "w1", {"a": "2"})
    said = job.finish("h2")["conflict"]
    assert re.search("'a' differs between (w0 and w1|w1 and w0)", said)
    job.upsert("h1", "w1", {"a": "1"})
    assert job.finish("h3", run="f")["files"] == {"a": "1"}


def test_a_worker_that_is_killed_is_in_the_version_whole_or_not_at_all(job):
    """At random moments of its upsert."""
    draw = random.Random(3)
    job.upsert("h0", "w0", SHARES["w0"])
    killed = {f"k/{number}": str(number) for number in range(20)}
    worker = job.start("h1", "upsert", "w1", killed)
    worker.stdin.write("go\n")
    worker.stdin.flush()
    time.sleep(draw.random() * LONGEST_PAUSE_SECONDS)
    worker.kill()
    worker.communicate(timeout=60)
    assert job.finish("h2")["files"] in (SHARES["w0"], {**SHARES["w0"], **killed})


@pytest.mark.parametrize(
    ("job", "step"),
    [
        pytest.param(way, step, marks=[] if (way, step) in BY_DEFAULT else [pytest.mark.slow])
        for way in WAYS
        for step in STEPS
        if step not in (THERE_ONLY if way == "folder" else HERE_ONLY)
    ],
    indirect=["job"],
)
def test_a_finish_that_died_after_any_step_is_ended_by_another_host(job, step):
    """One version, of the parts that it had settled; what it does not settle is not lost."""
    for number, (run, files) in enumerate(SHARES.items()):
        job.upsert(f"h{number}", run, files)
    assert died(job.start("h2", "finish", "f", {"index": "i"}, step))
    made = job.finish("h3", run="f", files={"index": "i"})
    assert made["files"] == {**WHOLE, "index": "i"}
    assert made["version"] == "v0"
    again = job.finish("h2", run="f", files={"index": "i"})
    assert again == made
