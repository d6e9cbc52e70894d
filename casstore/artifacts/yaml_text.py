"""YAML text in, plain values out, where PyYAML is installed.

Knows: PyYAML.  Never: files, what the values mean.
The only importer of ``yaml``, which is optional: configs may be YAML files, as in W&B.
"""

import importlib
from typing import Any

from casstore.errors import Invalid, Unsupported

__all__ = ["read_yaml"]

try:
    _yaml: Any = importlib.import_module("yaml")
except ImportError:  # optional, and nothing else needs it
    _yaml = None


def read_yaml(text: str, *, where: str) -> Any:
    """Return the one document in ``text``, which messages call ``where``.

    Raises ``Unsupported`` without PyYAML and ``Invalid`` for what is not YAML.
    """
    if _yaml is None:
        raise Unsupported(
            f"{where} is not JSON, and PyYAML is not installed", hint="pip install pyyaml"
        )
    try:
        return _yaml.safe_load(text)
    except (_yaml.YAMLError, RecursionError, ValueError) as error:
        line = " ".join(str(error).split())
        raise Invalid(f"{where} is neither JSON nor YAML: {line}") from error
