"""numpy's arrays and scalars, where somebody has numpy.

Knows: numpy.  Never: what arrays mean.
The only door to ``numpy``, which is optional: a value can only be an array if numpy is loaded.
"""

import importlib
import sys
from typing import Any

from casstore.errors import Unsupported

__all__ = ["as_array", "is_array", "is_scalar", "load_npz", "numpy_for", "save_npz"]


def numpy_for(what: str) -> Any:
    """Return the module; ``Unsupported`` naming ``what`` it is needed for."""
    try:
        return importlib.import_module("numpy")
    except ImportError:
        raise Unsupported(f"{what} needs numpy", hint="pip install numpy") from None


def is_array(value: object) -> bool:
    """Tell a numpy array with at least one dimension."""
    loaded = sys.modules.get("numpy")
    return loaded is not None and isinstance(value, loaded.ndarray) and value.ndim > 0


def is_scalar(value: object) -> bool:
    """Tell a numpy scalar, or an array without dimensions."""
    loaded = sys.modules.get("numpy")
    if loaded is None:
        return False
    return isinstance(value, loaded.generic) or (
        isinstance(value, loaded.ndarray) and value.ndim == 0
    )


def as_array(value: Any, what: str) -> Any:
    """Return an array of anything array-like: lists, arrays, tensors (detached, on the CPU)."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    if hasattr(value, "numpy"):
        value = value.numpy()
    return numpy_for(what).asarray(value)


def save_npz(stream: Any, key: str, values: list[Any]) -> None:
    """Write arrays of one shape, stacked, as ``key`` of a ``.npz``; equal in, equal out."""
    module = numpy_for("a column of arrays")
    module.savez_compressed(stream, **{key: module.array(values)})


def load_npz(path: Any, key: str) -> Any:
    """Return the array ``key``; pickled objects are refused."""
    with numpy_for("a column of arrays").load(path, allow_pickle=False) as members:
        return members[key]
