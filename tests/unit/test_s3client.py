"""How the client of S3 holds its connections."""

import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from botocore.exceptions import DataNotFoundError

from casstore.backends.s3client import _loader, s3_client


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"body")

    def log_message(self, *args):
        del args


@pytest.fixture
def endpoint():
    """Serve four bytes to whoever asks."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="Linux alone has the option")
def test_an_answer_is_acknowledged_at_once(endpoint, monkeypatch):
    """Else a server with Nagle's algorithm holds each body back for 40 ms after its head.

    The first answers on a connection are acknowledged at once by any kernel.
    """
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "K")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "S")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = s3_client()
    seconds = []
    for _ in range(30):
        began = time.perf_counter()
        assert client.get_object(Bucket="bucket", Key="key")["Body"].read() == b"body"
        seconds.append(time.perf_counter() - began)
    client.close()
    assert min(seconds[10:]) < 0.03


def test_services_that_give_credentials_can_be_spoken_to():
    """Roles and single sign-on take clients of others than S3, made by the same loader."""
    loader = _loader(None)
    for service in ("s3", "sts", "sso", "sso-oidc"):
        assert loader.load_service_model(service, "service-2")["operations"]
    with pytest.raises(DataNotFoundError):
        loader.load_service_model("nothing-of-the-kind", "service-2")
