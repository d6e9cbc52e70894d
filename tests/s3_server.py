"""moto's S3 server, with buckets of many objects put into it before it listens."""

import sys
from threading import Event

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
for bucket, count in (("many", 10_001), ("some", 2500), ("some-versioned", 600)):
    backend.create_bucket(bucket, "us-east-1")
    if bucket == "some-versioned":
        backend.put_bucket_versioning(bucket, "Enabled")
        for number in range(count):
            backend.put_object(bucket, f"images/{number:05}.png", b"old")
    for number in range(count):
        backend.put_object(bucket, f"images/{number:05}.png", b"%d" % number)
server = ThreadedMotoServer("127.0.0.1", int(sys.argv[1]), verbose=True)
server.start()
Event().wait()
