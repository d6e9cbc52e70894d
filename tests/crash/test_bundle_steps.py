"""Writing a bundle: a crash at any step leaves no file under its name, or a whole one."""

import shutil

from replay import Outcome, Recording

from casstore import durable
from casstore.bundles import BundleReader, BundleWriter, Contents

OBJECTS = {f"packs/{number:02}/x": bytes([number]) * 30_000 for number in range(4)}


def write_bundle(folder):
    """Write a bundle in several parts; returns their names."""
    contents = Contents((), "2026-01-01T00:00:00Z")
    with BundleWriter(folder / "b.zip", contents, part_bytes=90_000) as writer:
        writer.create("FORMAT", b"{}\n")
        for name, data in OBJECTS.items():
            writer.create(name, data)
        return [path.name for path in writer.publish()]


def test_a_crash_at_any_step_leaves_whole_parts_or_none(tmp_path):
    """Names come after bytes, in each of the ways in which power can be lost."""
    made = tmp_path / "made"
    made.mkdir()
    recording = Recording(made, made / "no index")
    with durable.observe(recording):
        names = write_bundle(made)
    assert len(names) > 1
    for outcome in Outcome:
        counts = []
        for done in range(len(recording.steps) + 1):
            folder = tmp_path / f"{done}-{outcome.name}"
            folder.mkdir()
            recording.rebuild(folder, done, outcome)
            left = [name for name in names if (folder / name).exists()]
            counts.append(len(left))
            for name in left:
                with BundleReader([folder / name]) as reader:
                    packs = [reader.read(one.name) for one in reader.listing("packs/")]
                assert packs
            shutil.rmtree(folder)
        assert (counts[0], counts[-1]) == (0, len(names)), outcome
