"""What every test gets: surroundings of its own; with CASSTORE_TEST_ALL=1 a skip is a failure."""

import ctypes
import functools
import os
import signal
import subprocess
import sys

import lmdb
import pytest

TEST_ALL = os.environ.get("CASSTORE_TEST_ALL") == "1"

RELEASES = ("1.17.0", "1.17.1")
PLATFORM = ("--python-version", "3.11", "--platform", "manylinux_2_27_x86_64")

CAPABILITIES_VERSION = 0x20080522  # linux/capability.h: version 3, two words a set
OVERRIDES_PERMISSIONS = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH

SHARING_SERVERS = {"tests/contract"}

_skipped: dict[str, str] = {}


@pytest.fixture(scope="session", autouse=True)
def disk_not_awaited():
    """Let nothing in this process wait for the disk, which takes four fifths of the time.

    No test cuts the power: crash tests replay the steps that ``durable`` shows, syncs among them.
    Processes that tests start wait as they would for anybody.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("fsync", "fdatasync"):
            patch.setattr(os, name, _sync_nothing)
        patch.setattr(lmdb, "open", functools.partial(lmdb.open, sync=False))
        yield


def _sync_nothing(descriptor):
    os.fstat(descriptor)  # what cannot be synced fails all the same


@pytest.fixture(autouse=True)
def surroundings(tmp_path_factory, monkeypatch):
    """Give an empty home and no settings, so that no test meets the user's own store."""
    for name in list(os.environ):
        if name.startswith(("CASSTORE_", "WANDB_")):
            monkeypatch.delenv(name)
    home = str(tmp_path_factory.mktemp("home"))
    for name in ("HOME", "USERPROFILE", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, home)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory):
    """Download two releases of scipy, the same wheels on every machine; give their folder."""
    folder = tmp_path_factory.mktemp("wheels")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    what = ["--no-deps", "--only-binary", ":all:", *PLATFORM, "--dest", str(folder)]
    for release in RELEASES:
        command = [*pip, *what, f"scipy=={release}"]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=240)
        if done.returncode:
            pytest.skip(f"pip cannot get scipy {release}: {done.stderr.strip()[-200:]}")
    return folder


@pytest.fixture
def heed_permissions(monkeypatch):
    """Let permissions bind this test if root runs it too: this thread gives up the right to pass.

    ``os.access`` asks for the real user, who is still root, so it is made to ask for this thread.
    """
    if os.geteuid() != 0:
        yield
        return
    before = _capabilities()
    _set_capabilities([(now & ~OVERRIDES_PERMISSIONS, *rest) for now, *rest in before])
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: access(path, mode, effective_ids=True))
    yield
    _set_capabilities(before)


def _capabilities():
    """Return (effective, permitted, inheritable) of this thread, low word and high word."""
    words = (ctypes.c_uint32 * 6)()
    _check(ctypes.CDLL(None, use_errno=True).capget(_header(), words))
    return [tuple(words[:3]), tuple(words[3:])]


def _set_capabilities(sets):
    words = (ctypes.c_uint32 * 6)(*sets[0], *sets[1])
    _check(ctypes.CDLL(None, use_errno=True).capset(_header(), words))


def _header():
    return (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION, 0)


def _check(result):
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def pytest_configure(config):
    """Let what is started be interrupted, also where a shell started the tests with ``&``."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_logreport(report):
    """Remember every skip."""
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped[report.nodeid] = report.longrepr[2]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keep together what shares a server: with ``--dist loadgroup`` one process starts it."""
    for item in items:
        folder, _, _ = item.nodeid.partition("::")[0].rpartition("/")
        group = folder if folder in SHARING_SERVERS else item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(group))


def pytest_collectreport(report):
    """Remember every module that is skipped as a whole."""
    if report.skipped:
        _skipped[report.nodeid] = report.longrepr[2]


def pytest_sessionfinish(session, exitstatus):
    """Fail where everything must run."""
    if TEST_ALL and _skipped and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    """Say which skips count as failures."""
    if TEST_ALL and _skipped:
        terminalreporter.section("skipped, which CASSTORE_TEST_ALL=1 forbids", red=True)
        for name, reason in sorted(_skipped.items()):
            terminalreporter.line(f"{name}: {reason}")
