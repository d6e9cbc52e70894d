"""An HTTP proxy that does to chosen requests what networks and servers do to anybody's.

It stands in front of one server.  ``faults`` is a list of rules, each for one request that it fits;
what no rule fits is passed on as it is.
"""

import http.client
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

PIECE = 64 * 1024
HELD_SECONDS = 30
SLOW_SECONDS = 0.1


class Fault(NamedTuple):
    """What happens to the next request of a method whose path holds ``path``.

    ``kind``: ``status`` (the server never hears of it), ``lose`` (the server does it, the answer is
    lost), ``drop`` (the connection ends first), ``truncate`` (half of the answer's body),
    ``slow`` (each piece of the answer waits), ``flip`` (a bit of the answer's body), ``hold`` (the
    body of the request is not read to its end: ``held`` is set, and the proxy waits).
    """

    kind: str
    method: str
    path: str = ""
    status: int = 0
    body: bytes = b""


class FaultProxy:
    """A proxy in front of ``127.0.0.1:upstream``; used as a bracket."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.faults = []
        self.seen = []
        self.held = threading.Event()
        self._released = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self})
        )
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self.port = self._server.server_address[1]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *failure):
        self._released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def fault_for(self, method, path):
        """Return the first rule that fits a request, and forget it."""
        with self._lock:
            self.seen.append((method, path))
            for number, fault in enumerate(self.faults):
                if fault.method == method and fault.path in path:
                    return self.faults.pop(number)
        return Fault("", method)

    def wait(self):
        """Hold a request until the block ends."""
        self.held.set()
        self._released.wait(HELD_SECONDS)


class _Handler(BaseHTTPRequestHandler):
    proxy = None
    protocol_version = "HTTP/1.1"

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.pass_on
        raise AttributeError(name)

    def pass_on(self):
        fault = self.proxy.fault_for(self.command, self.path)
        size = int(self.headers.get("Content-Length") or 0)
        if fault.kind == "hold":
            self.rfile.read(min(PIECE, size))
            self.proxy.wait()
            self.end()
            return
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        body = self.rfile.read(size)
        if fault.kind == "drop":
            self.end()
        elif fault.kind == "status":
            self.answer(fault.status, [("Content-Type", "application/xml")], fault.body)
        else:
            self.forward(body, fault)

    def forward(self, body, fault):
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy.upstream, timeout=60)
        try:
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                if name.lower() not in {"expect", "connection", "transfer-encoding"}:
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            reply = connection.getresponse()
            data = reply.read()
            headers = [
                (name, value)
                for name, value in reply.getheaders()
                if name.lower() not in {"connection", "transfer-encoding", "content-length"}
            ]
        finally:
            connection.close()
        if fault.kind == "lose":
            self.end()
        elif fault.kind == "flip":
            middle = len(data) // 2
            flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
            self.answer(reply.status, headers, flipped)
        elif self.command == "HEAD":
            length = reply.getheader("Content-Length") or "0"
            self.answer(reply.status, [*headers, ("Content-Length", length)], None)
        else:
            self.answer(reply.status, headers, data, fault.kind)

    def answer(self, status, headers, body, how=""):
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if body is not None and status not in {204, 304}:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if body is None:
            return
        if how == "truncate":
            self.wfile.write(body[: len(body) // 2])
            self.end()
            return
        pieces = 4 if how == "slow" else 1
        step = -(-len(body) // pieces) or 1
        for start in range(0, len(body), step):
            if how == "slow":
                time.sleep(SLOW_SECONDS)  # this is the fault
            self.wfile.write(body[start : start + step])

    def end(self):
        self.wfile.flush()
        self.close_connection = True

    def log_message(self, *_):
        pass
