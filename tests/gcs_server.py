"""gcp-storage-emulator in memory, with what it lacks: generations, conditions, listings by pages.

Buckets whose name begins with ``versioned`` keep every generation; others only the newest, and an
old one is not found.  A page holds at most 100 objects, as the protocol allows.
``ifGenerationMatch`` is heeded by uploads; the server has one thread, so nothing comes between.
"""

import sys
from http import HTTPStatus
from socketserver import TCPServer

from gcp_storage_emulator import server
from gcp_storage_emulator.exceptions import NotFound
from gcp_storage_emulator.handlers import objects
from gcp_storage_emulator.storage import Storage

PAGE_OBJECTS = 100

TCPServer.request_queue_size = 128  # of five, others wait a second for their next try

kept = {}
wanted_generation = []


class PreconditionFailed(Exception):
    """The object has another generation than was asked for."""


create_file = Storage.create_file


def create_and_keep(self, bucket, name, content, described, file_id=None):
    if wanted_generation:
        newest = self.objects.get(bucket, {}).get(name, {}).get("generation", "0")
        if str(newest) != wanted_generation[0]:
            raise PreconditionFailed
    create_file(self, bucket, name, content, described, file_id)
    if bucket.startswith("versioned"):
        kept[bucket, name, described["generation"]] = described, content


def get(request, response, storage, *_args, **_named):
    """Serve the generation that is asked for, the newest if none is."""
    bucket, name = request.params["bucket_name"], request.params["object_id"]
    wanted = request.query.get("generation", [None])[0]
    newest = storage.objects.get(bucket, {}).get(name)
    if wanted is None or (newest and newest["generation"] == wanted):
        objects.get(request, response, storage)
    elif (bucket, name, wanted) not in kept:
        response.status = HTTPStatus.NOT_FOUND
    elif request.query.get("alt", [None])[0] == "media":
        _, content = kept[bucket, name, wanted]
        first, last = request.get_header("range").removeprefix("bytes=").split("-")
        response.status = HTTPStatus.PARTIAL_CONTENT
        response.write_file(content[int(first) : int(last) + 1])
    else:
        response.json(kept[bucket, name, wanted][0])


def listing(request, response, storage, *_args, **_named):
    """List by pages; a token is the position in the whole list."""
    prefix = request.query.get("prefix", [None])[0]
    try:
        found, _ = storage.get_file_list(request.params["bucket_name"], prefix)
    except NotFound:
        response.status = HTTPStatus.NOT_FOUND
        return
    start = int(request.query.get("pageToken", ["0"])[0])
    end = start + min(PAGE_OBJECTS, int(request.query.get("maxResults", ["1000"])[0]))
    more = {"nextPageToken": str(end)} if end < len(found) else {}
    response.json({"kind": "storage#objects", "items": found[start:end], **more})


def insert(request, response, storage, *arguments, **named):
    """Upload, if the condition holds that the request may name."""
    wanted_generation[:] = request.query.get("ifGenerationMatch", [])
    try:
        return objects_insert(request, response, storage, *arguments, **named)
    except PreconditionFailed:
        response.status = HTTPStatus.PRECONDITION_FAILED
        response.json({"error": {"code": 412}})
    finally:
        wanted_generation.clear()


objects_insert = objects.insert
Storage.create_file = create_and_keep
Storage._write_config_to_file = lambda _: None  # everything, again at every upload
body_of = server.Request.data.fget
server.Request.data = property(lambda request: body_of(request) or b"")  # empty ones are None
ours = {objects.get: get, objects.ls: listing, objects.insert: insert}
server.HANDLERS = tuple(
    (pattern, {method: ours.get(handler, handler) for method, handler in handlers.items()})
    for pattern, handlers in server.HANDLERS
)
server.create_server("127.0.0.1", int(sys.argv[1]), in_memory=True).run()
