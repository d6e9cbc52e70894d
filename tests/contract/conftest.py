"""Places to lie in: each kind's server runs from its first test to the end of the session."""

import contextlib
import os
import re
import uuid
from pathlib import Path

import pytest
from fault_proxy import FaultProxy
from places import BUNDLE, KINDS, PLACES, RAN

from casstore.bundles import BundleReader, BundleWriter, Contents
from casstore.parallel import Pool
from casstore.remotes import open_objects


@pytest.fixture(scope="session")
def started(tmp_path_factory):
    """Give a function that starts the server of a kind, once, and returns its place."""
    known = {}
    with contextlib.ExitStack() as stack:

        def start(kind):
            if kind not in known:
                folder = tmp_path_factory.mktemp(kind)
                known[kind] = stack.enter_context(PLACES[kind](folder))
            return known[kind]

        yield start


@pytest.fixture
def settle(monkeypatch):
    """Give a function that sets what who connects to a place must have set."""

    def connected(place):
        for name, value in place.environment.items():
            monkeypatch.setenv(name, value)
        for name, text in place.home.items():
            path = Path(os.environ["HOME"]) / name
            path.parent.mkdir(mode=0o700, exist_ok=True)
            path.write_text(text)
            path.chmod(0o600)
        return place

    return connected


@pytest.fixture
def place_of(started, settle):
    """Give a function that returns an empty place of a kind."""

    def make(kind):
        place = started(kind)
        own = uuid.uuid4().hex
        files = place.files and place.files / own
        return settle(place._replace(url=f"{place.url}/{own}", files=files))

    return make


@pytest.fixture(params=list(PLACES))
def place(request, place_of):
    """Give an empty place of every kind."""
    made = place_of(request.param)
    RAN.add(request.param)
    return made


@pytest.fixture
def opened():
    """Give ``open_objects``; what it opens is closed."""
    known = []

    def open_(url, **options):
        known.append(open_objects(url, **options))
        return known[-1]

    yield open_
    for objects in known:
        objects.close()


@pytest.fixture(params=KINDS)
def filled(request, place_of, opened, tmp_path):
    """Give a function that makes objects in an empty depot of every kind, and returns it.

    A bundle is then a depot that can only be read.  ``filled.kind`` and ``filled.place`` say which.
    """
    with contextlib.ExitStack() as stack:

        def fill(contents, **options):
            if fill.kind == BUNDLE:
                path = tmp_path / "depot.zip"
                with BundleWriter(path, Contents((), "2026-01-01T00:00:00Z")) as bundle:
                    for name, data in {"FORMAT": b"{}\n", **contents}.items():
                        bundle.create(name, data)
                    bundle.publish()
                return stack.enter_context(BundleReader([path]))
            objects = opened(fill.place.url, **options)
            with Pool(16) as pool:
                for each in [pool.submit(objects.create, *item) for item in contents.items()]:
                    each.result()
            return objects

        fill.kind = request.param
        fill.place = None if fill.kind == BUNDLE else place_of(fill.kind)
        RAN.add(fill.kind)
        yield fill


@pytest.fixture
def objects(place, opened):
    """Give the objects of an empty place of every kind."""
    return opened(place.url)


@pytest.fixture
def behind_proxy(settle):
    """Give a function that puts a proxy before a place; returns both."""
    with contextlib.ExitStack() as stack:

        def put(place):
            texts = [place.url, *place.environment.values()]
            port = next(found[1] for t in texts if (found := re.search(r"127\.0\.0\.1:(\d+)", t)))
            proxy = stack.enter_context(FaultProxy(int(port)))

            def moved(text):
                return text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{proxy.port}")

            environment = {name: moved(value) for name, value in place.environment.items()}
            through = place._replace(url=moved(place.url), environment=environment)
            return settle(through), proxy

        yield put
