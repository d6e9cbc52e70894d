"""SFTP over SSH.

Knows: sshfs and asyncssh.  Never: keys, passwords: asyncssh reads ``~/.ssh/config``, the agent and
``~/.ssh/id_*`` by itself.

fsspec's own ``sftp`` (paramiko) hangs with two threads, and takes any host key unless told
otherwise, as sshfs does.
"""

from asyncssh import SFTPFailure, SFTPNoSuchFile, SFTPOpUnsupported
from sshfs import SSHFileSystem

from casstore.backends.failures import UnusableKey
from casstore.backends.told import CONNECT_SECONDS

__all__ = ["SFTPFailure", "SFTPNoSuchFile", "SFTPOpUnsupported", "ssh_file_system"]

KEEPALIVE_SECONDS = 15
KEEPALIVES = 4
UNUSABLE = (
    "a file in ~/.ssh cannot be used: a key id_* whose .pub is that of another key, or no key at"
    " all, or a config or known_hosts with a line that is none"
)


def ssh_file_system(host: str, *, port: int | None, username: str | None) -> SSHFileSystem:
    """Return sshfs's file system, connected; the host's key must be in ``~/.ssh/known_hosts``.

    Raises ``UnusableKey`` where a file in ``~/.ssh`` is not what it should be: asyncssh reads them
    before it connects, and raises a ``ValueError`` with nothing but words.
    """
    named = {"port": port, "username": username}
    try:
        return SSHFileSystem(
            host,
            known_hosts=(),  # asyncssh's own default; sshfs's is to check nothing
            connect_timeout=2 * CONNECT_SECONDS,
            keepalive_interval=KEEPALIVE_SECONDS,
            keepalive_count_max=KEEPALIVES,
            skip_instance_cache=True,
            **{name: value for name, value in named.items() if value is not None},
        )
    except ValueError as error:
        raise UnusableKey(UNUSABLE) from error
