"""Schemes that only fsspec knows."""

import io

import fsspec
import pytest
from fsspec.spec import AbstractFileSystem

from casstore.errors import FileMissing, Unsupported
from casstore.references.record import Referent
from casstore.references.schemes import look, read


class Hosted(AbstractFileSystem):
    """One file of each host, which stands in the URI, as those of FTP do."""

    protocol = "hosted"

    def __init__(self, host, **options):
        super().__init__(**options)
        self.host = host

    @classmethod
    def _strip_protocol(cls, path):
        return path.partition("://")[2].partition("/")[2]

    @staticmethod
    def _get_kwargs_from_urls(path):
        return {"host": path.partition("://")[2].partition("/")[0]}

    def info(self, path, **_):
        """Tell of the file."""
        if path != "a.txt":
            raise FileNotFoundError(path)
        return {"name": path, "size": len(self.host), "type": "file"}

    def open(self, path, mode="rb", **_):
        """Read the file."""
        del mode
        self.info(path)
        return io.BytesIO(self.host.encode())


@pytest.fixture(autouse=True)
def hosted():
    """Have fsspec know the scheme."""
    fsspec.register_implementation("hosted", Hosted, clobber=True)


def test_a_host_that_stands_in_the_uri_is_asked():
    """A file system of FTP cannot even be made without one."""
    recorded = Referent("hosted://example/a.txt")
    assert look(recorded) == Referent("hosted://example/a.txt", 7)
    assert b"".join(read(recorded)) == b"example"


def test_what_is_not_there_is_told():
    """When it is looked for, and when it is read."""
    recorded = Referent("hosted://example/b.txt")
    assert look(recorded) is None
    with pytest.raises(FileMissing):
        list(read(recorded))


def test_a_scheme_that_nobody_knows_is_told():
    """In one line."""
    with pytest.raises(Unsupported, match="nothing here speaks nosuch://"):
        look(Referent("nosuch://example/a.txt"))
