"""Real servers on loopback, started and ended by the tests that need them.

A process gets a free port and a group of its own, is waited for until it answers, and is ended by
its id; what it said is shown if it fails.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

READY_SECONDS = 30
STOP_SECONDS = 8

HERE = Path(__file__).parent


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def server(script, folder, *, ready="/", **environment):
    """Run ``tests/SCRIPT PORT`` until the block ends; gives its URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, str(HERE / script), str(port)]
    with running(command, folder, ready=url + ready, log=f"{script}.log", **environment):
        yield url


@contextlib.contextmanager
def running(command, folder, *, ready, log="server.log", patience=READY_SECONDS, **environment):
    """Run a command until the block ends; waits until ``ready``, a URL or a port, answers.

    What it starts belongs to its group and is ended with it.
    """
    said = folder / log
    with said.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    try:
        _wait(process, ready, said, patience)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):  # nobody of its group is left
            os.killpg(process.pid, signal.SIGKILL)


def _wait(process, url, log, patience):
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if isinstance(url, int):
                socket.create_connection(("127.0.0.1", url), timeout=5).close()
            else:
                urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            time.sleep(0.05)  # it is not listening yet, and nothing tells when it will
        else:
            return
    raise AssertionError(f"no server at {url}:\n{log.read_text()[-3000:]}")


class Web:
    """A server of the standard library: paths, what it serves there, what it is asked.

    ``etag`` and ``modified`` are headers or None, ``refuses`` are methods it answers with 405,
    ``fails`` statuses that it gives first; a body in ``cut`` is sent short by that many bytes.
    """

    def __init__(self):
        self.files = {}
        self.requests = []
        self.refuses = set()
        self.fails = []
        self.login = None
        self.cut = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def put(self, path, body, *, etag=None, modified=None):
        self.files[path] = (body, etag, modified)
        return self.url + path

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, method, path, login):
        """Return a status, and the file if it is 200."""
        self.requests.append((method, path))
        if method in self.refuses:
            return 405, None
        if self.fails:
            return self.fails.pop(0), None
        if self.login and login != self.login:
            return 401, None
        return (200, self.files[path]) if path in self.files else (404, None)

    def _handler(self):
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, file = web.answer(
                    self.command, self.path, self.headers.get("Authorization")
                )
                if file is None:
                    self.send_error(status)
                else:
                    self.serve(*file)

            do_HEAD = do_GET  # noqa: N815 - the standard library's name

            def serve(self, body, etag, modified):
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                if etag:
                    self.send_header("ETag", etag)
                if modified:
                    self.send_header("Last-Modified", modified)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body[: len(body) - web.cut])

            def log_message(self, *_):
                pass

        return Handler
