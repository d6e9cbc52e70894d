"""Refer to objects that lie elsewhere, without copying them: an HTTP server, a folder, a version.

    python examples/references.py

`s3://bucket/prefix`, `gs://bucket/prefix` and `az://container/prefix` work the same way, with
`pip install 'casstore[s3]'`, `[gcs]` or `[azure]`. This example starts a small server of its own.
"""

import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import casstore


def main() -> None:
    work = Path(tempfile.mkdtemp(prefix="casstore-references-"))
    (work / "web").mkdir()
    (work / "web/labels.csv").write_text("cat,1\ndog,2\n")
    (work / "images").mkdir()
    for name in ("cat.png", "dog.png"):
        (work / "images" / name).write_bytes(name.encode() * 1000)

    pages = partial(SimpleHTTPRequestHandler, directory=work / "web")  # has no ETags, but dates
    server = ThreadingHTTPServer(("127.0.0.1", 0), pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/labels.csv"

    with casstore.init(project="references", job_type="collect") as run:
        raw = casstore.Artifact("raw", type="dataset")
        raw.add_reference(url)  # tracked by ETag, here by date and size: the bytes stay there
        raw.add_reference((work / "images").as_uri(), name="images")  # every file, by BLAKE3
        run.log_artifact(raw).wait()
        train = casstore.Artifact("train", type="dataset")
        train.add_reference("casstore://raw:v0/images/cat.png")
        run.log_artifact(train).wait()
    for entry in raw.manifest:
        print(f"{entry.path}: {entry.size} bytes at {entry.ref.partition(':')[0]}")

    folder = Path(train.download(work / "train"))
    print(f"fetched and checked: {[path.name for path in folder.iterdir()]}")
    (work / "images/cat.png").write_bytes(b"another picture")
    try:
        train.download(work / "again")
    except casstore.errors.ReferenceChanged as error:
        print(f"refused: {error.message}")
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    main()
