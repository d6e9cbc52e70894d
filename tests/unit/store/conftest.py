"""A store in a temporary folder."""

import pytest

from casstore.store import close_store, create_store


@pytest.fixture
def store(tmp_path):
    """Make a store that is empty, and close it."""
    made = create_store(tmp_path / "store")
    yield made
    close_store(made)
