"""An S3 server that keeps users to their policies, as places.py starts others: moto's.

It answers 404 for an object that is not there, also to who may not list; Ceph and AWS answer 403.
"""

import contextlib
import json
import sys
import urllib.request

import boto3
from places import KEY, QUIET, SECRET, Place
from servers import HERE, free_port, running

RULES = {
    "all": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    "some": [
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": "arn:aws:s3:::depot/*",
        }
    ],
}


@contextlib.contextmanager
def moto_with_policies(where):
    """Start it, with a bucket and two users; gives the place."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running([sys.executable, HERE / "s3_server.py", port], where, ready=f"{url}/moto-api/"):
        named = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET}
        clients = [
            boto3.client(kind, endpoint_url=url, region_name="us-east-1", **named)
            for kind in ("s3", "iam")
        ]
        clients[0].create_bucket(Bucket="depot")
        users = {name: _user(clients[1], url, name, rules) for name, rules in RULES.items()}
        for client in clients:
            client.close()
        plain = {"Content-Type": "text/plain"}
        enforce = urllib.request.Request(f"{url}/moto-api/reset-auth", b"0", plain)
        urllib.request.urlopen(enforce).close()  # from now on policies hold
        yield Place("s3://depot", users["all"], unlisted=users["some"])


def _user(iam, url, name, rules):
    """Make a user; returns what it sets."""
    iam.create_user(UserName=name)
    policy = json.dumps({"Version": "2012-10-17", "Statement": rules})
    iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        "AWS_DEFAULT_REGION": "us-east-1",
        **QUIET,
    }
