"""Which release of casstore is installed.

Knows: the package's metadata.  Never: anything else.
"""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["installed_release"]


def installed_release() -> str:
    """Return the release, such as ``0.1.0``; ``(not installed)`` in a bare source tree."""
    try:
        return version("casstore")
    except PackageNotFoundError:
        return "(not installed)"
