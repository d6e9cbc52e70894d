"""What metadata, configs and summaries may hold, and what becomes of it."""

import dataclasses
import datetime as dt
import enum
import json
import math
from argparse import Namespace
from collections import deque
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casstore.artifacts.jsonable import (
    MAX_DEPTH,
    MAX_INTEGER_BITS,
    MAX_METADATA_KEYS,
    metadata_of,
    to_json,
)
from casstore.encoding import canonical_json
from casstore.errors import Invalid

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


class Color(enum.Enum):
    RED = 7


class Level(enum.IntEnum):
    HIGH = 3


class Mode(enum.StrEnum):
    TRAIN = "train"


@dataclasses.dataclass(slots=True)
class Optimizer:
    name: str
    betas: tuple[float, float]


def _type_name(value):
    """Return what names a case the same in every process."""
    return type(value).__name__


@given(JSON_VALUES)
def test_any_json_value_comes_out_as_json_itself_writes_it(value):
    """The copy equals what a trip through JSON gives, with None for NaN."""
    nan_gone = json.loads(json.dumps(value), parse_constant=lambda _: None)
    assert to_json(value, where="metadata") == nan_gone


@given(JSON_VALUES)
def test_a_copy_of_a_copy_is_the_same(value):
    """What to_json returns is already what it would return."""
    once = to_json(value, where="metadata")
    assert to_json(once, where="metadata") == once
    canonical_json(once)  # raises on NaN and on anything that is not JSON


def test_the_copy_shares_nothing_with_the_original():
    """A later change of the original does not reach the copy."""
    original = {"layers": [1, {"width": 2}]}
    copy = to_json(original, where="metadata")
    original["layers"][1]["width"] = 99
    original["layers"].append(3)
    assert copy == {"layers": [1, {"width": 2}]}


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ((1, (2, 3)), [1, [2, 3]]),
        (range(3), [0, 1, 2]),
        (deque([1, 2]), [1, 2]),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"b", "a"}), ["a", "b"]),
        ({"b", 1, None}, ["b", 1, None]),
        ({2: "two", None: 0, True: 1, 1.5: "x"}, {"2": "two", "null": 0, "true": 1, "1.5": "x"}),
        ({Path("a/b"): 1, Color.RED: 2}, {"a/b": 1, "RED": 2}),
        (PurePosixPath("a/b.txt"), "a/b.txt"),
        (dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC), "2024-01-02T03:04:05+00:00"),
        (dt.datetime(2024, 1, 2, 3, 4, 5), "2024-01-02T03:04:05"),  # noqa: DTZ001 - the case tested
        (dt.date(2024, 1, 2), "2024-01-02"),
        (Color.RED, "RED"),
        (Level.HIGH, 3),
        (Mode.TRAIN, "train"),
        (math.nan, None),
        ([1.0, math.nan], [1.0, None]),
    ],
    ids=_type_name,
)
def test_python_values_become_plain_ones(value, plain):
    """Every type that the rules name is converted, inside containers too."""
    assert to_json(value, where="metadata") == plain
    assert to_json([{"k": value}], where="metadata") == [{"k": plain}]


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (np.float64("nan"), None),
        (np.longdouble(0.5), 0.5),
        (np.arange(4).reshape(2, 2), [[0, 1], [2, 3]]),
        (np.array(1.5), 1.5),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array([np.float16(1), np.nan]), [1.0, None]),
        (np.array([{"a": (1, 2)}], dtype=object), [{"a": [1, 2]}]),
        (np.datetime64("2024-01-02T03:04:05.000000006", "ns"), "2024-01-02T03:04:05"),
        (np.datetime64("NaT", "s"), None),
        ({np.int64(3): np.int8(4)}, {"3": 4}),
    ],
    ids=_type_name,
)
def test_numpy_values_become_numbers_and_lists(value, plain):
    """Scalars and arrays of numpy come out as Python's own types."""
    copy = to_json(value, where="metadata")
    assert copy == plain
    assert type(copy) is type(plain)


@pytest.mark.parametrize(
    "value",
    [object(), b"bytes", 1j, np.complex64(1), print, {1: 2}.items, int, iter([])],
    ids=_type_name,
)
def test_other_objects_are_refused_by_the_name_of_their_key(value):
    """The message says where in the metadata the object stands."""
    with pytest.raises(TypeError, match=r"metadata\['model'\]\[1\]\['w'\]"):
        to_json({"model": [0, {"w": value}]}, where="metadata")


def test_a_key_that_is_no_scalar_is_refused():
    """A tuple as a key would come out as nothing that JSON has."""
    with pytest.raises(TypeError, match="a key of metadata is a tuple"):
        to_json({(1, 2): 3}, where="metadata")


def test_keys_that_become_the_same_text_are_refused():
    """No value is silently lost because 1 and '1' are one key in JSON."""
    with pytest.raises(Invalid, match="'1'"):
        to_json({1: "a", "1": "b"}, where="metadata")


@pytest.mark.parametrize("value", [math.inf, -math.inf, np.float32("inf"), np.array([np.inf])])
def test_infinity_is_refused_by_the_name_of_its_key(value):
    """JSON has no infinity, and no number may stand in for it."""
    with pytest.raises(Invalid, match=r"metadata\['loss'\]"):
        to_json({"loss": value}, where="metadata")


def test_a_value_that_holds_itself_is_refused():
    """A cycle ends in one line, not in a RecursionError."""
    loop = {"name": "x", "inner": []}
    loop["inner"].append(loop)
    with pytest.raises(Invalid, match=r"metadata\['inner'\]\[0\] holds itself"):
        to_json(loop, where="metadata")


def test_the_same_value_twice_is_no_cycle():
    """Two keys may hold one list."""
    shared = [1]
    assert to_json({"a": shared, "b": shared}, where="metadata") == {"a": [1], "b": [1]}


def test_nesting_is_limited():
    """The depth that is allowed works, one more does not."""
    value = []
    for _ in range(MAX_DEPTH - 1):
        value = [value]
    to_json(value, where="metadata")
    with pytest.raises(Invalid, match=f"deeper than {MAX_DEPTH}"):
        to_json([value], where="metadata")


def test_an_integer_too_long_to_write_is_refused():
    """Python cannot write it in decimal, so it is refused when given, not when stored."""
    json.dumps(to_json(2**MAX_INTEGER_BITS - 1, where="metadata"))
    with pytest.raises(Invalid, match="bits"):
        to_json(2**MAX_INTEGER_BITS, where="metadata")


def test_records_are_taken_only_where_asked():
    """A config may hold dataclasses and Namespaces, metadata may not."""
    given_value = {"opt": Optimizer("adam", (0.9, 0.99)), "args": Namespace(lr=0.1)}
    assert to_json(given_value, where="config", records=True) == {
        "opt": {"name": "adam", "betas": [0.9, 0.99]},
        "args": {"lr": 0.1},
    }
    with pytest.raises(TypeError, match=r"metadata\['opt'\]"):
        to_json(given_value, where="metadata")


def test_metadata_has_at_most_a_hundred_keys():
    """The limit counts top-level keys only."""
    full = {str(n): list(range(200)) for n in range(MAX_METADATA_KEYS)}
    assert metadata_of(full) == full
    with pytest.raises(Invalid, match="101 keys"):
        metadata_of({**full, "more": 1})


def test_metadata_may_be_json_text():
    """A text is read as a JSON object, and its NaN becomes None too."""
    assert metadata_of('{"a": [1, NaN]}') == {"a": [1, None]}
    assert metadata_of("") == metadata_of(None) == {}


@pytest.mark.parametrize("text", ["not json", "[1]", '{"a": Infinity}', "[" * 100_000, "3"])
def test_text_that_is_no_json_object_is_refused(text):
    """Every bad text is Invalid, however it is bad."""
    with pytest.raises(Invalid):
        metadata_of(text)


@pytest.mark.parametrize("value", [[1], 3, {1, 2}, Namespace(a=1)])
def test_metadata_of_another_type_is_a_type_error(value):
    """Metadata is a mapping, a text or None."""
    with pytest.raises(TypeError, match="metadata must be"):
        metadata_of(value)
