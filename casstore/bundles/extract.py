"""Write the files of a casstore bundle into folders: python3 extract.py OUT [FOLDER...].

Each FOLDER holds the unpacked members of one part; by default, of the one that this lies in.
Knows: packs, codecs, manifests, chunk lists (FORMAT.md); Python 3.9 and the command zstd are all
it needs.  Never: BLAKE3; members are compared with their SHA-256 before anything is written.
"""

import hashlib
import io
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["main"]

UNSAFE = re.compile(rb"\0|\A[A-Za-z]:|(?:\A|/)\.{0,2}(?:/|\Z)")  # NUL; a drive; "", ".", ".."
WIDTHS = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xDC: 2, 0xDD: 4}


class Extraction:
    """The frames of some folders (digest: pack, offset, stored bytes, size, codec)."""

    def __init__(self) -> None:
        self.rows: dict[bytes, tuple[Path, int, int, int, int]] = {}
        self.absent: list[str] = []

    def add(self, folder: str) -> list[dict[str, Any]]:
        """Check a folder's members and take in its packs; returns the versions that it lists."""
        for line in Path(folder, "SHA256SUMS").read_text("ascii").splitlines():
            digest, name = line.split("  ", 1)
            data = Path(folder, name).read_bytes()
            if hashlib.sha256(data).hexdigest() != digest:
                raise ValueError(f"{name} in {folder} is damaged: get the bundle again")
            if name.startswith("packs/"):
                start = len(data) - 48 - struct.unpack("<I", data[-48:-44])[0]
                for frame, *row in struct.iter_unpack("<32sIIIB3x", data[start:-48]):
                    self.rows[frame] = (Path(folder, name), *row)
        return list(json.loads(Path(folder, "bundle.json").read_text("ascii"))["versions"])

    def planes(self, digest: bytes) -> list[tuple[bytes, int, bool]]:
        """Read a frame's planes: of each its bytes, its size, whether it is compressed."""
        path, offset, stored, size, codec = self.rows[digest]
        with path.open("rb") as pack:
            pack.seek(offset + 48)
            data = pack.read(stored)
        if codec < 2:  # raw or zstd
            return [(data, size, codec == 1)]
        planes, at = [], 4 * {2: 2, 3: 4}[codec]
        for number, length in enumerate(struct.unpack_from(f"<{at // 4}I", data)):
            plane_size = len(range(number, size, {2: 2, 3: 4}[codec]))
            planes.append((data[at : at + length], plane_size, length != plane_size))
            at += length
        return planes

    def frames(self, digests: list[bytes]) -> Iterator[bytes]:
        """Yield frames, decoded: what is compressed goes through one call of zstd."""
        frames = [self.planes(digest) for digest in digests]
        packed = [plane for planes in frames for plane in planes if plane[2]]
        size = sum(size for _, size, _ in packed)
        with tempfile.TemporaryFile() as file:
            file.writelines(data for data, _, _ in packed)
            file.seek(0)
            with subprocess.Popen(["zstd", "-dcqq"], stdin=file, stdout=subprocess.PIPE) as zstd:
                plain = io.BytesIO(zstd.stdout.read(size + 1) if zstd.stdout and packed else b"")
        if plain.seek(0, 2) != size or plain.seek(0):
            raise ValueError("a compressed frame does not hold what it should")
        for planes in frames:
            frame = bytearray(sum(size for _, size, _ in planes))
            for number, (data, size, compressed) in enumerate(planes):
                frame[number :: len(planes)] = plain.read(size) if compressed else data
            yield bytes(frame)

    def entries(self, digest: bytes, level: int) -> Iterator[list[Any]]:
        """Yield the entries below a node of a manifest: path, size, kind, content, layout."""
        if digest in self.rows:
            for row in unpack(io.BytesIO(next(self.frames([digest]))))[1]:
                yield from self.entries(row[1], level - 1) if level else [row]
        elif any(digest):  # of a version without files all bytes are zero
            self.absent.append("a list of files")

    def chunks(self, rows: bytes, level: int) -> Iterator[bytes]:
        """Yield the digests in rows of a chunk list; of a node that is not here, its own."""
        for at in range(0, len(rows), 40 if level else 36):
            digest = rows[at : at + 32]
            node = next(self.frames([digest])) if level and digest in self.rows else b""
            yield from self.chunks(node[8:], level - 1) if node else [digest]

    def files(self, folder: bytes, entries: Iterator[list[Any]]) -> Iterator[tuple[bytes, bytes]]:
        """Make the files of a version, empty; yields where which chunk goes."""
        for path, size, kind, content, *rest in entries:
            rows = (rest or [b""])[0]  # of 33 bytes: the level of a list's top node, and its digest
            top, rows = (rows[0] + 1, rows[1:]) if len(rows) == 33 else (0, rows)
            digests = list(self.chunks(rows, top)) if rows else [content] * (size > 0)
            if kind == 2 or not self.rows.keys() >= set(digests):
                self.absent.append(f"{path!r}{', a reference to elsewhere' * (kind == 2)}")
            elif UNSAFE.search(path) or size != sum(self.rows[digest][3] for digest in digests):
                raise ValueError(f"{path!r} has a path or a size that no file of a version has")
            else:
                os.makedirs(os.path.dirname(target := os.path.join(folder, path)), exist_ok=True)
                os.close(os.open(target, os.O_CREAT | os.O_EXCL, 0o777 if kind else 0o666))
                yield from ((target, digest) for digest in digests)


def unpack(data: BinaryIO) -> Any:
    """Return the msgpack value that comes next: a list, bytes or a number."""
    if (tag := data.read(1)[0]) < 0x80:
        return tag
    count = tag & 15 if tag < 0xA0 else int.from_bytes(data.read(WIDTHS[tag]), "big")
    if 0xA0 <= tag < 0xC7:
        return data.read(count)
    return count if 0xC7 < tag < 0xD0 else [unpack(data) for _ in range(count)]


def main(out: str = "-", *folders: str) -> list[str]:
    """Write all versions into OUT/PROJECT/NAME-VERSION; returns what is in none of the folders."""
    if out.startswith("-"):
        raise ValueError(__doc__)
    extraction, found = Extraction(), {}
    for folder in folders or (os.path.dirname(os.path.abspath(__file__)),):
        found.update({version["commit_id"]: version for version in extraction.add(folder)})
    for commit, version in found.items():
        label = f"{version['project']}/{version['name']}-{version['version'] or commit[:12]}"
        if UNSAFE.search(label.encode()):
            raise ValueError(f"{label!r} is no name of a version")
        if os.path.lexists(place := os.path.join(out, label)):
            raise ValueError(f"{place!r} is there already and stays as it is: name another OUT")
        print(label)
        os.makedirs(place)
        entries = extraction.entries(bytes.fromhex(version["root"]), version["level"])
        chunks = extraction.files(os.fsencode(place), entries)
        while batch := [each for _, each in zip(range(64), chunks)]:
            for number, frame in enumerate(extraction.frames([digest for _, digest in batch])):
                with open(batch[number][0], "ab") as file:
                    file.write(frame)
    return extraction.absent


if __name__ == "__main__":
    try:
        sys.exit("\n  not in the folders: ".join(["", *main(*sys.argv[1:])]) or 0)
    except (ValueError, LookupError, TypeError, struct.error, OSError, RecursionError) as error:
        sys.exit(f"extract.py: {error}")
