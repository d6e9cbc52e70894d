"""Prove that memory does not grow with what is stored: one huge file, very many entries.

Knows: how to make both up without a disk that holds them.  Never: timing targets.

``file``: the chunk list of a file of 1 TB (13 million chunks, made up) is built, stored, and read
back from the middle and whole.  ``entries``: a draft of 10 million entries is filled in random
order, becomes a manifest, is stored, iterated and looked up.  Both use a real store; chunk bytes
are not stored, since packs do not hold more in memory for more of them.  The peak of the process's
own anonymous memory is printed; above 300 MB the exit code is 1.
"""

import argparse
import hashlib
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from casstore.digest import Digest
from casstore.manifests import ChunkListBuilder, Entry, Manifest, chunk_refs
from casstore.packs import PackKind
from casstore.store import close_store, create_store

LIMIT_BYTES = 300 * 1000 * 1000
CHUNK_BYTES = 80_000
SAMPLE_SECONDS = 0.02
LOOKUPS = 1000


class Peak:
    """Samples this process's anonymous memory until it is stopped."""

    def __init__(self) -> None:
        self.bytes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            self.bytes = max(self.bytes, anonymous_bytes())


def anonymous_bytes() -> int:
    """Return the anonymous memory of this process now (Linux)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def digest(number: int) -> Digest:
    """Return a made-up digest, the same for the same number."""
    return Digest(hashlib.blake2b(number.to_bytes(8, "little"), digest_size=32).digest())


def huge_file(folder: Path, size_bytes: int) -> str:
    """Build, store and read the chunk list of one file; returns what was seen."""
    store = create_store(folder)
    session = store.session()
    chunks = size_bytes // CHUNK_BYTES

    def add(data: bytes) -> Digest:
        return session.add_metadata(data)[0]

    builder = ChunkListBuilder(add)
    for number in range(chunks):
        builder.add(digest(number), CHUNK_BYTES)
    layout = builder.finish()
    session.flush()
    size = chunks * CHUNK_BYTES
    middle = next(chunk_refs(layout, digest(0), size, store.frames.metadata, start=size // 2))
    assert middle[1].digest == digest(size // 2 // CHUNK_BYTES)
    count = 0
    for offset, ref in chunk_refs(layout, digest(0), size, store.frames.metadata):
        assert offset == count * CHUNK_BYTES
        assert ref.size_bytes == CHUNK_BYTES
        count += 1
    assert count == chunks
    close_store(store)
    return f"{size / 1e12:.3f} TB in {chunks:,} chunks, layout of {len(layout)} bytes"


def many_entries(folder: Path, count: int) -> str:
    """Fill a draft, make its manifest, read it back; returns what was seen."""
    store = create_store(folder)
    draft = store.draft()
    step = 7_368_787  # a prime: every number once, in no order
    for turn in range(count):
        number = turn * step % count
        draft.put(Entry(b"d%04d/file-%08d" % (number % 5000, number), 1, 0, digest(number)))
    top = draft.finish()
    assert top.entries == count
    manifest = Manifest(top, store.frames.metadata)
    assert sum(1 for _ in manifest) == count
    chooser = random.Random(1)
    for _ in range(LOOKUPS):
        number = chooser.randrange(count)
        entry = manifest.get(b"d%04d/file-%08d" % (number % 5000, number))
        assert entry is not None
        assert entry.content == digest(number)
    draft.close()
    with store.index.read() as reader:
        packs = [pack for _, pack in reader.packs() if pack.kind is PackKind.METADATA]
    stored = sum(pack.size_bytes for pack in packs)
    close_store(store)
    return f"{count:,} entries, {stored / 1e6:.0f} MB of manifest in {len(packs)} packs"


def prove(name: str, work: Callable[[Path], str]) -> bool:
    """Run one proof in a fresh folder, print its line, and return whether memory held."""
    with tempfile.TemporaryDirectory(dir=".") as folder, Peak() as peak:
        begun = time.perf_counter()
        seen = work(Path(folder) / "store")
        seconds = time.perf_counter() - begun
    good = peak.bytes <= LIMIT_BYTES
    verdict = "ok" if good else "MISS"
    print(f"{name}: {seen}; {seconds:.0f} s; peak anonymous {peak.bytes / 1e6:.0f} MB  {verdict}")
    return good


def main() -> int:
    """Run the proofs that were asked for; 1 if memory went over the limit."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--file-bytes", type=int, default=10**12)
    parser.add_argument("--entries", type=int, default=10**7)
    parser.add_argument("--only", choices=["file", "entries"])
    given = parser.parse_args()
    good = True
    if given.only != "entries":
        good &= prove("file", lambda folder: huge_file(folder, given.file_bytes))
    if given.only != "file":
        good &= prove("entries", lambda folder: many_entries(folder, given.entries))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
