"""A process that contributes to a version or finishes it, as a worker of a job does.

    python contributor.py upsert|finish WHERE RUN FILES [DIES]

WHERE is JSON, keywords of ``init``; FILES is JSON, {path: text}.  It prints ``ready``, waits for a
line, and prints JSON: the version, its commit and files, or the error.  With DIES it ends at once
after that step of a finish.
"""

import json
import os
import sys

import casstore
from casstore.errors import Conflict
from casstore.exchange import RemoteDepot
from casstore.flows.transfer import rounds
from casstore.store import finishing, meeting

GROUP, NAME = "job-7", "data"

STEPS = {
    "settled": (meeting.SharedFolder, "settle"),
    "settled there": (rounds.Depot, "settle"),
    "made": (finishing, "publish"),
    "told who": (finishing, "_name_producers"),
    "pushed": (rounds, "push"),
    "one event there": (RemoteDepot, "publish"),
}


def die_after(owner, name):
    really = getattr(owner, name)

    def last(*arguments, **options):
        really(*arguments, **options)
        os._exit(9)

    setattr(owner, name, last)


def artifact_of(files):
    artifact = casstore.Artifact(NAME, "dataset")
    for path, text in files.items():
        with artifact.new_file(path) as stream:
            stream.write(text)
    return artifact


def contents(artifact):
    found = {}
    for path in artifact.manifest.entries:
        with casstore.open(artifact.name, path, "r") as stream:
            found[path] = stream.read()
    return found


def main(verb, where, run_id, files, dies=""):
    if dies:
        die_after(*STEPS[dies])
    with casstore.init(**json.loads(where), group=GROUP, id=run_id) as run:
        artifact = artifact_of(json.loads(files))
        print("ready", flush=True)
        sys.stdin.readline()
        if verb == "upsert":
            run.upsert_artifact(artifact).wait()
            print(json.dumps({}))
            return
        if verb == "await":
            run.upsert_artifact(artifact).wait()
            print("added", flush=True)
            version = artifact.wait(timeout=100, finished=True)
            said = {"version": version.version, "commit": version.id, "files": contents(version)}
            print(json.dumps(said))
            return
        try:
            version = run.finish_artifact(artifact).wait()
        except Conflict as error:
            print(json.dumps({"conflict": str(error)}), flush=True)
            os._exit(0)
        said = {"version": version.version, "commit": version.id, "files": contents(version)}
        print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
