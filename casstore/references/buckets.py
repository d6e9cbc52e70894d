"""What S3, GCS and Azure have in common: keys, and prefixes that are matched at ``/``.

Knows: when a URI is an object and when a prefix, how what lies below is named.  Never: requests.
"""

from collections.abc import Callable, Iterable

from casstore.names import path_bytes
from casstore.references.record import Expansion, Found, Referent, gone, too_many
from casstore.references.uris import base_name, bucket_address, object_uri

__all__ = ["expand_bucket"]


def expand_bucket(
    uri: str,
    limit: int,
    *,
    look: Callable[[str], Referent | None],
    below: Callable[[str], Iterable[tuple[str, Referent]]],
) -> Expansion:
    """Return what a URI means: the object of that key if there is one, else those below ``key/``.

    ``look`` returns an object by URI, ``below`` yields key and object for a prefix.  Empty objects
    whose key ends in ``/`` are left out: consoles make them where people ask for a folder.
    """
    address = bucket_address(uri)
    if address.key and not address.key.endswith("/"):
        now = look(uri)
        if now is not None:
            return Expansion([Found(base_name(uri), now)])
        if address.version_id:
            raise gone(uri, "there is no such version")
    prefix = address.key.rstrip("/") + "/" if address.key.strip("/") else ""
    found: list[Found] = []
    for key, referent in below(prefix):
        if key.endswith("/") and not referent.size_bytes:
            continue
        if len(found) >= limit:
            raise too_many(uri, limit)
        where = referent._replace(uri=object_uri(uri, key))
        found.append(Found(path_bytes(key.removeprefix(prefix)), where))
    if not found:
        raise gone(uri, f"no object, and nothing below {prefix or 'it'}")
    return Expansion(found, is_prefix=True)
