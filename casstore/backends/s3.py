"""S3's client.

Knows: s3fs, timeouts.  Never: credentials, which botocore finds by itself (``AWS_ENDPOINT_URL``,
profiles, roles).
"""

from s3fs import S3FileSystem

from casstore.backends.systems import COMMON, CONNECT_SECONDS, READ_SECONDS

__all__ = ["s3_file_system"]

CONNECTIONS = 32


def s3_file_system(*, attempts: int, check_replies: bool = True) -> S3FileSystem:
    """Return s3fs's file system; botocore sends a request ``attempts`` times, s3fs once.

    ``check_replies`` compares what is read with the checksum that came with it; ``rclone serve s3``
    sends the whole object's with a part of it, so who has digests of its own does without.
    """
    settings = {
        "max_pool_connections": CONNECTIONS,
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": READ_SECONDS,
        "response_checksum_validation": "when_supported" if check_replies else "when_required",
        "retries": {"total_max_attempts": attempts, "mode": "standard"},
    }
    fs = S3FileSystem(config_kwargs=settings, **COMMON)
    fs.retries = 1
    return fs
