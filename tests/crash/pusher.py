"""A process that logs versions of one name and pushes each, as somebody on another machine does.

    python pusher.py STORE FOLDER NAME COUNT

Versions that it logged before it was killed are not logged again, and all of them are pushed.
"""

import sys
from pathlib import Path

import worker

from casstore.exchange import connect, find_remote, merging
from casstore.flows.transfer import push
from casstore.store import create_store, live_versions


def own_versions(store, name):
    """Return {seed: version} of what this store logged itself."""
    found = {}
    for view in live_versions(store, worker.PROJECT, worker.NAME):
        seed = worker.contents(store, view)["seed"].decode()
        if seed.startswith(f"{name}-"):
            found[seed] = view
    return found


def main(root, folder, name, count):
    """Log and push until ``count`` versions are there."""
    merging.MAX_UNMERGED, merging.LEAST_MERGED = 1, 2  # so that each push merges indexes too
    store = create_store(Path(root))
    print("ready", flush=True)
    for number in range(int(count)):
        seed = f"{name}-{number}"
        known = own_versions(store, name)
        if seed not in known:
            known[seed] = worker.log(store, Path(folder), worker.files_of(seed))
        connection = connect(store, find_remote(store, None), create=True)
        push(store, connection, [view.commit for view in known.values()])
        connection.close()
        print("pushed", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
