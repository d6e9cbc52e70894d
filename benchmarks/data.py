"""The seeded data sets: ckpt, small and text, each with a second version edited by 1 %.

Knows: what the bytes are, where they lie, what was edited.  Never: casstore, timing.

A set is written once into ``DIR/sets/NAME-SCALE/{v1,v2}`` and is reused while its ``complete.json``
(written last) says that it was made by this recipe. A set that was cut short is written over.
"""

import argparse
import itertools
import json
import random
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["NAMES", "DataSet", "ensure", "names_of"]

RECIPE = 1  # raise it when the bytes of any set change
SEED = 20_260

CKPT_FILES = 4
CKPT_FILE_BYTES = 256 * 2**20
CKPT_RUNS = 5  # contiguous runs overwritten in each file, one in each fifth of it
FLOATS_PER_BLOCK = 2**20

SMALL_FILES = 50_000
SMALL_FOLDERS = 50
SMALL_LEAST_BYTES, SMALL_MOST_BYTES = 4_096, 16_384

TEXT_BYTES = 500_000_000
TEXT_BLOCK_LINES = 50_000  # each block of lines has one cluster of edited lines
VOCABULARY = 5_000
WORDS_PER_LINE = 20

EDITED_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class DataSet:
    """One set on disk: two full trees, and the paths (relative, POSIX) at which they differ."""

    name: str
    first: Path
    second: Path
    changed: tuple[str, ...]
    file_count: int
    size_bytes: int


def ensure(name: str, folder: Path, *, scale: float) -> DataSet:
    """Return the set ``name`` below ``folder``, made if absent; ``scale`` 1.0 is the full size."""
    root = folder / "sets" / f"{name}-{scale:g}"
    marker = root / "complete.json"
    if not _is_complete(marker):
        for version in ("v1", "v2"):
            (root / version).mkdir(parents=True, exist_ok=True)
        changed = _WRITERS[name](root / "v1", root / "v2", scale)
        marker.write_text(json.dumps({"recipe": RECIPE, "changed": sorted(changed)}))
    facts = json.loads(marker.read_text())
    sizes = [path.stat().st_size for path in (root / "v1").rglob("*") if path.is_file()]
    return DataSet(
        name=name,
        first=root / "v1",
        second=root / "v2",
        changed=tuple(facts["changed"]),
        file_count=len(sizes),
        size_bytes=sum(sizes),
    )


def _is_complete(marker: Path) -> bool:
    return marker.exists() and json.loads(marker.read_text())["recipe"] == RECIPE


def _write_ckpt(first: Path, second: Path, scale: float) -> list[str]:
    """Write float32 normals; edit five contiguous runs, together 1 %, in each file."""
    floats = max(1_000, round(CKPT_FILE_BYTES * scale) // 4)
    names = [f"shard-{number}.bin" for number in range(CKPT_FILES)]
    for number, name in enumerate(names):
        with (first / name).open("wb") as file:
            for block in _normals(floats, stream=number):
                file.write(block)
        shutil.copyfile(first / name, second / name)
        _overwrite_runs(second / name, floats, stream=CKPT_FILES + number)
    return names


def _normals(count: int, *, stream: int) -> Iterator[bytes]:
    generator = np.random.default_rng((SEED, stream))
    for start in range(0, count, FLOATS_PER_BLOCK):
        size = min(FLOATS_PER_BLOCK, count - start)
        yield generator.standard_normal(size, dtype=np.float32).tobytes()


def _overwrite_runs(path: Path, floats: int, *, stream: int) -> None:
    length = max(1, round(floats * EDITED_SHARE / CKPT_RUNS))
    part = floats // CKPT_RUNS
    places = random.Random(SEED + stream)
    fresh = b"".join(_normals(length * CKPT_RUNS, stream=stream))
    with path.open("r+b") as file:
        for run in range(CKPT_RUNS):
            file.seek(4 * (run * part + places.randrange(part - length)))
            file.write(fresh[4 * length * run : 4 * length * (run + 1)])


def _write_small(first: Path, second: Path, scale: float) -> list[str]:
    """Write random bytes in many files; rewrite 1 % of the files, with new sizes too."""
    count = max(SMALL_FOLDERS, round(SMALL_FILES * scale))
    draw, redraw = random.Random(SEED), random.Random(SEED + 1)
    names = [f"{n % SMALL_FOLDERS:02d}/{n:05d}.bin" for n in range(count)]
    changed = set(redraw.sample(names, max(1, round(count * EDITED_SHARE))))
    for tree, number in itertools.product((first, second), range(SMALL_FOLDERS)):
        (tree / f"{number:02d}").mkdir(exist_ok=True)
    for name in names:
        body = _some_bytes(draw)
        (first / name).write_bytes(body)
        (second / name).write_bytes(_some_bytes(redraw) if name in changed else body)
    return list(changed)


def _some_bytes(draw: random.Random) -> bytes:
    return draw.randbytes(draw.randint(SMALL_LEAST_BYTES, SMALL_MOST_BYTES))


def _write_text(first: Path, second: Path, scale: float) -> list[str]:
    """Write JSON lines; draw one cluster of lines, 1 % of each block of 50,000, anew."""
    name, wanted = "events.jsonl", max(100_000, round(TEXT_BYTES * scale))
    places = random.Random(SEED + 2)
    ids = itertools.count()
    old, new = _Lines(SEED), _Lines(SEED + 1)
    with (first / name).open("wb") as before, (second / name).open("wb") as after:
        while (missing := wanted - before.tell()) > 0:
            numbers = list(itertools.islice(ids, TEXT_BLOCK_LINES))
            lines = list(_up_to(missing, map(old.line, numbers)))
            before.writelines(lines)
            length = max(1, round(len(lines) * EDITED_SHARE))
            start = places.randrange(len(lines) - length + 1)
            lines[start : start + length] = map(new.line, numbers[start : start + length])
            after.writelines(lines)
    return [name]


class _Lines:
    """A stream of event records in JSON, their words drawn by Zipf's law."""

    def __init__(self, seed: int) -> None:
        letters = random.Random(SEED)  # the same vocabulary for both versions
        alphabet = "eeeetttaaooiinnsshhrrdlcumwfgypbvk"
        self.words = ["".join(letters.choices(alphabet, k=2 + n % 9)) for n in range(VOCABULARY)]
        self.weights = list(itertools.accumulate(1 / (n + 1) for n in range(VOCABULARY)))
        self.draw = random.Random(seed)

    def line(self, number: int) -> bytes:
        draw = self.draw
        text = " ".join(draw.choices(self.words, cum_weights=self.weights, k=WORDS_PER_LINE))
        event = {
            "id": number,
            "user": draw.randrange(10**6),
            "score": round(draw.random(), 6),
            "label": draw.choice(("train", "validation", "test")),
            "text": text,
        }
        return json.dumps(event).encode() + b"\n"


def _up_to(size_bytes: int, lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines until ``size_bytes`` are reached; the last one may pass it."""
    for line in lines:
        yield line
        size_bytes -= len(line)
        if size_bytes <= 0:
            return


_WRITERS = {"ckpt": _write_ckpt, "small": _write_small, "text": _write_text}
NAMES = tuple(_WRITERS)


def names_of(text: str) -> list[str]:
    """Parse a list like ``ckpt,small``; raises ``ArgumentTypeError`` on a set there is not."""
    names = text.split(",")
    if unknown := [name for name in names if name not in NAMES]:
        raise argparse.ArgumentTypeError(f"no set {unknown[0]!r}: choose from {','.join(NAMES)}")
    return names


def main() -> None:
    """Write the sets and say where they are."""
    parser = argparse.ArgumentParser(description="Write the benchmark data sets.")
    parser.add_argument("--sets", type=names_of, default=list(NAMES), help="default: all")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full size")
    parser.add_argument("--dir", type=Path, default=Path("benchmark-data"))
    arguments = parser.parse_args()
    for name in arguments.sets:
        made = ensure(name, arguments.dir, scale=arguments.scale)
        print(f"{name}: {made.file_count} files, {made.size_bytes / 1e6:.1f} MB, {made.first}")


if __name__ == "__main__":
    main()
