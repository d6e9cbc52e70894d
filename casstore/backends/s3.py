"""S3's client.

Knows: s3fs, timeouts.  Never: credentials, which botocore finds by itself (``AWS_ENDPOINT_URL``,
profiles, roles).
"""

from s3fs import S3FileSystem

from casstore.backends.systems import COMMON
from casstore.backends.told import CONNECT_SECONDS, READ_SECONDS

__all__ = ["s3_file_system"]

CONNECTIONS = 32


def s3_file_system(*, attempts: int) -> S3FileSystem:
    """Return s3fs's file system; botocore sends a request ``attempts`` times, s3fs once.

    What is read is compared with the checksum that came with it.
    """
    settings = {
        "max_pool_connections": CONNECTIONS,
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": READ_SECONDS,
        "response_checksum_validation": "when_supported",
        "retries": {"total_max_attempts": attempts, "mode": "standard"},
    }
    fs = S3FileSystem(config_kwargs=settings, **COMMON)
    fs.retries = 1
    return fs
