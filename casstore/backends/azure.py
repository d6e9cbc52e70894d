"""Azure Blob Storage's client.

Knows: adlfs and the client that it makes.  Never: credentials, which adlfs finds by itself
(``AZURE_STORAGE_CONNECTION_STRING``, ``AZURE_STORAGE_ACCOUNT_NAME``, logins).
"""

from typing import Any

from adlfs import AzureBlobFileSystem
from azure.core import MatchConditions

from casstore.backends.systems import COMMON
from casstore.errors import RemoteAuth

__all__ = ["MatchConditions", "azure_file_system"]


def azure_file_system(uri: str) -> Any:
    """Return adlfs's file system for the account that a URI names (``container@account.dfs...``).

    Raises ``RemoteAuth`` if neither the URI nor the environment names one.
    """
    authority = uri.partition("://")[2].partition("/")[0]
    account = authority.partition("@")[2].partition(".")[0]
    try:
        return AzureBlobFileSystem(**COMMON, **({"account_name": account} if account else {}))
    except ValueError as error:
        raise RemoteAuth(
            f"{uri} names no account, and nothing else does",
            hint="set AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCOUNT_NAME",
        ) from error
