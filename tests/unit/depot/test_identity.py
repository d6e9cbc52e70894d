"""What makes a folder a depot."""

import os

import pytest

from casstore import durable
from casstore.depot import create_identity, read_identity
from casstore.depot.identity import FOLDERS
from casstore.errors import NotFound

CREATE = """
from casstore.depot import create_identity
print(create_identity(root / "new").store_id)
"""


def test_processes_that_create_a_depot_at_once_agree_on_one_identity(tmp_path, together):
    """The first one's FORMAT holds for all."""
    (tmp_path / "new").mkdir()
    outputs = together(CREATE, tmp_path, 4)
    assert len(set(outputs)) == 1
    assert read_identity(tmp_path / "new").store_id == outputs[0].strip()
    assert list((tmp_path / "new" / "tmp").iterdir()) == []


def test_creating_twice_changes_nothing(tmp_path):
    """The second call finds the first one's identity."""
    assert create_identity(tmp_path) == create_identity(tmp_path)


def test_folders_above_are_made_too(tmp_path):
    """However many are missing, each is synced into its parent."""
    root = tmp_path / "a" / "b" / "store"
    steps = []
    with durable.observe(steps.append):
        create_identity(root)
    made = [step.path for step in steps if step.kind == "mkdir"]
    assert made[:3] == [tmp_path / "a", tmp_path / "a" / "b", root]
    assert {tmp_path, tmp_path / "a"} <= {step.path for step in steps if step.kind == "syncdir"}


def test_format_is_the_last_thing_that_is_made(tmp_path):
    """A folder with FORMAT has everything else."""
    steps = []
    with durable.observe(steps.append):
        create_identity(tmp_path)
    made = [step.path.name for step in steps if step.kind == "mkdir"]
    assert sorted(made) == sorted(FOLDERS)
    linked = next(place for place, step in enumerate(steps) if step.kind == "link")
    assert all(step.kind != "mkdir" for step in steps[linked:])


def test_a_creation_that_died_is_finished_by_the_next(tmp_path):
    """Whatever step it died at."""
    total = []
    (tmp_path / "whole").mkdir()
    with durable.observe(total.append):
        create_identity(tmp_path / "whole")

    for dies_at in range(len(total)):
        root = tmp_path / str(dies_at)
        root.mkdir()
        seen = []

        def die(step, dies_at=dies_at, seen=seen):
            seen.append(step)
            if len(seen) > dies_at:
                raise KeyboardInterrupt

        with durable.observe(die), pytest.raises(KeyboardInterrupt):
            create_identity(root)
        assert len(create_identity(root).store_id) == 32


@pytest.mark.parametrize("kind", ["missing", "empty folder", "a file"])
def test_what_is_no_depot_is_not_found(tmp_path, kind):
    """With a hint what to do."""
    root = tmp_path / "store"
    if kind == "empty folder":
        root.mkdir()
    elif kind == "a file":
        root.write_text("text")
    with pytest.raises(NotFound, match="no store at"):
        read_identity(root)


def test_a_format_without_a_name_for_the_store_is_kept_as_text(tmp_path):
    """The store id is 32 hexadecimal characters."""
    store_id = create_identity(tmp_path).store_id
    assert len(bytes.fromhex(store_id)) == 16
    assert os.access(tmp_path / "FORMAT", os.R_OK)
