"""What failures mean, and when to call again."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import fsspec.config
import pytest
from botocore import UNSIGNED

import casstore
from casstore.backends.failures import Failure, Kind, StatusError, understood
from casstore.backends.making import Kept, Module, load
from casstore.backends.s3client import s3_client
from casstore.backends.trying import Patience, tried
from casstore.errors import Unsupported
from casstore.parallel import ordered_map

SOON = Patience(first_wait_seconds=0.001, max_wait_seconds=0.001)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (StatusError(401), Kind.AUTH),
        (StatusError(404), Kind.MISSING),
        (StatusError(412), Kind.EXISTS),
        (StatusError(416), Kind.SHORT),
        (StatusError(429), Kind.BUSY),
        (StatusError(500), Kind.PASSING),
        (StatusError(507), Kind.FULL),
        (StatusError(418), Kind.OTHER),
        (ConnectionRefusedError(), Kind.UNREACHABLE),
        (ConnectionResetError(), Kind.PASSING),
        (TimeoutError(), Kind.PASSING),
        (FileNotFoundError(), Kind.MISSING),
        (OSError(errno.ENOSPC, "x"), Kind.FULL),
        (OSError(22, None), Kind.OTHER),
        (ValueError("403 Forbidden AccessDenied"), Kind.OTHER),
    ],
)
def test_failures_are_told_by_class_and_code(error, kind):
    """Never by their text."""
    assert understood(error).kind is kind


def test_a_code_in_the_chain_says_more_than_what_wraps_it():
    """As where a missing bucket is raised as a missing file."""
    inner = Exception("a secret")
    inner.response = {"Error": {"Code": "NoSuchBucket"}}
    outer = FileNotFoundError()
    outer.__cause__ = inner
    assert understood(outer) == Failure(Kind.NO_ROOT, "NoSuchBucket")


def test_causes_that_lead_back_to_themselves_are_gone_through_once():
    """Libraries keep errors and raise them again, so a chain of causes may be a circle."""
    alone, first, second = ValueError(), ValueError(), StatusError(404)
    alone.__cause__ = alone
    first.__cause__, second.__cause__ = second, first
    assert understood(alone).kind is Kind.OTHER
    assert understood(first).kind is Kind.MISSING


def test_what_is_told_repeats_no_text_of_a_library():
    """It may hold addresses and signatures."""
    assert understood(OSError("https://x?sig=secret")).said == "OSError"
    assert understood(OSError(errno.EIO, "secret")).said == os.strerror(errno.EIO)


def test_what_passes_is_called_again_and_the_rest_is_not():
    """At most as often as was said; the last error is raised."""
    calls = []

    def fail(error):
        calls.append(error)
        raise error

    for error, count in (
        (StatusError(503), SOON.attempts),
        (ConnectionRefusedError(), SOON.attempts_to_reach),
        (StatusError(403), 1),
        (Unsupported("no"), 1),
    ):
        calls.clear()
        with pytest.raises(type(error)):
            tried(lambda error=error: fail(error), patience=SOON)
        assert len(calls) == count
    assert tried(lambda: 7, patience=SOON) == 7


def test_what_is_kept_is_made_anew_where_it_must_be():
    """After it was dropped, and when what it depends on has changed; only its own is dropped."""
    around = [1]
    made = Kept(object, surroundings=lambda: around[0])
    first = made.get()
    assert made.get() is first
    assert not made.drop(object())
    assert made.drop(first)
    second = made.get()
    assert second is not first
    around[0] = 2
    assert made.get() is not second
    assert made.take() is not None
    assert made.take() is None


def test_a_missing_extra_is_named():
    """In one line; a defect of our own is not taken for one."""
    with pytest.raises(Unsupported, match=r"casstore\[s3\]"):
        load(Module("no_such_library", "s3"))
    with pytest.raises(ModuleNotFoundError):
        load(Module("casstore.no_such_module", "s3"))


def test_what_is_under_way_weighs_no_more_than_was_said():
    """One item apart, which may weigh anything."""
    weights = [3, 3, 3, 9, 50, 1, 1, 1, 1]
    under_way = []
    heaviest = 0

    def take(items):
        nonlocal heaviest
        for item in items:
            under_way.append(item)
            heaviest = max(heaviest, sum(under_way))
            yield item

    results = ordered_map(
        lambda item: item, take(weights), workers=2, window=100, weigh=int, max_weight=10
    )
    for expected, got in zip(weights, results, strict=True):
        assert got == expected
        under_way.remove(got)
    assert heaviest <= 59  # 50 alone, taken while 9 are still under way


def test_the_client_of_s3_does_what_fsspec_is_told(monkeypatch):
    """As s3fs does: keys, the endpoint, no signature; each request is sent once."""
    told = {"key": "K", "secret": "S", "endpoint_url": "http://127.0.0.1:1"}
    monkeypatch.setitem(fsspec.config.conf, "s3", {**told, "config_kwargs": {"read_timeout": 7}})
    client = s3_client()
    credentials = client._get_credentials()
    assert (credentials.access_key, credentials.secret_key) == ("K", "S")
    assert client.meta.endpoint_url == "http://127.0.0.1:1"
    assert client.meta.config.read_timeout == 7
    assert client.meta.config.retries["total_max_attempts"] == 1
    client.close()
    monkeypatch.setitem(fsspec.config.conf, "s3", {"anon": True})
    client = s3_client()
    assert client.meta.config.signature_version is UNSIGNED
    client.close()


@pytest.mark.parametrize("told", ["", "FSSPEC_S3_ANON", "FSSPEC_CONFIG_DIR", ".config/fsspec"])
def test_fsspec_is_loaded_for_its_configuration_where_there_is_some(tmp_path, told):
    """By a variable, in a folder that one names, or in the usual folder."""
    environment = {name: value for name, value in os.environ.items() if "FSSPEC" not in name}
    environment |= {"HOME": str(tmp_path), "PYTHONPATH": str(Path(casstore.__file__).parents[1])}
    folder = tmp_path / ".config/fsspec" if told.startswith(".") else tmp_path / "elsewhere"
    if told == "FSSPEC_S3_ANON":
        environment[told] = "yes"
    elif told:
        folder.mkdir(parents=True)
        (folder / "s3.json").write_text('{"s3": {"anon": "yes"}}')
    if told == "FSSPEC_CONFIG_DIR":
        environment[told] = str(folder)
    script = (
        "import sys; from casstore.backends.told import told;"
        " print(told('s3'), 'fsspec' in sys.modules)"
    )
    output = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert output == ("{'anon': 'yes'} True\n" if told else "{} False\n")
