"""Column types as W&B writes them: ``{"wb_type": "union", "params": {"allowed_types": [...]}}``.

Knows: the JSON of each type, and the older names that W&B reads.  Never: values, files.
"""

from collections.abc import Callable, Mapping
from typing import Any

from casstore.errors import Invalid
from casstore.media import Source
from casstore.tables import types
from casstore.tables.types import (
    ArrayOf,
    ColumnType,
    Const,
    DictOf,
    ForeignIndex,
    ForeignKey,
    ImageType,
    ListOf,
    Named,
    OneOf,
    Opaque,
    Plain,
    TableOf,
)

__all__ = ["array_places", "json_of_type", "type_of_json"]

PLAIN = frozenset(
    """
    any artifactVersion audio-file boolean html-file invalid joined-table none number
    object3D-file partitioned-table primaryKey string timestamp unknown video-file
    """.split()  # noqa: SIM905 - a list of words reads better as a paragraph
)
OLDER_NAMES = {
    "dictionary": "typedDict",
    "object": "pythonObject",
    "wandb.Image": "image-file",
    "wandb.Table": "table",
    "wandb.TableForeignIndex": "foreignIndex",
    "wandb.TableForeignKey": "foreignKey",
    "wandb.TablePrimaryKey": "primaryKey",
}
IMAGE_FIELDS = (
    "box_layers", "box_score_keys", "mask_layers", "box_class_maps", "mask_class_maps",
    "class_map",
)  # fmt: skip

Place = dict[str, str]
"""Where a column of arrays lies: ``{"path": ..., "key": ...}`` of an ``.npz``."""


def json_of_type(  # noqa: C901, PLR0911 - one line a type
    kind: ColumnType, add_table: Callable[[Any], str], place: Place | None = None
) -> dict[str, Any]:
    """Return W&B's JSON of a type.

    ``add_table`` takes a table that the type refers to and returns its path.  ``place`` is where
    the arrays of the column lie.
    """

    def again(inner: ColumnType) -> dict[str, Any]:
        return json_of_type(inner, add_table, place)

    match kind:
        case Opaque():
            return dict(kind.plain)
        case Plain():
            return {"wb_type": kind.name}
        case ListOf():
            return _typed("list", element_type=again(kind.element), length=kind.length)
        case DictOf():
            return _typed("typedDict", type_map={key: again(each) for key, each in kind.fields})
        case OneOf():
            return _typed("union", allowed_types=[again(each) for each in kind.kinds])
        case ArrayOf():
            return _typed("ndarray", shape=list(kind.shape), serialization_path=place)
        case Named():
            return _typed("pythonObject", class_name=kind.class_name)
        case TableOf():
            return _typed("table", column_types=again(kind.columns))
        case ForeignKey():
            return _typed("foreignKey", table=add_table(kind.table), col_name=kind.column)
        case ForeignIndex():
            return _typed("foreignIndex", table=add_table(kind.table))
        case ImageType():
            return _json_of_image(kind)
        case Const():
            value = sorted(kind.value) if kind.is_set else kind.value
            return _typed("const", val=value, is_set=kind.is_set)
    raise AssertionError(f"a type without JSON: {kind}")


def _typed(name: str, **params: Any) -> dict[str, Any]:
    return {"wb_type": name, "params": params}


def _json_of_image(kind: ImageType) -> dict[str, Any]:
    if kind.is_bare:
        return {"wb_type": "image-file"}
    params = {}
    for name in IMAGE_FIELDS:
        value = getattr(kind, name)
        if name == "box_score_keys":
            params[name] = _typed("const", val=list(value), is_set=True)
        else:
            params[name] = _typed("const", val=dict(value), is_set=False)
    return _typed("image-file", **params)


def type_of_json(plain: Any, source: Source) -> ColumnType:
    """Return the type that W&B's JSON describes; ``Invalid`` for what is no type."""
    if not isinstance(plain, Mapping) or not isinstance(plain.get("wb_type"), str):
        raise Invalid(f"{str(plain)[:60]!r} is no column type")
    written: str = plain["wb_type"]
    name = OLDER_NAMES.get(written, written)
    params = plain.get("params") or {}
    if name in PLAIN:
        return Plain(name)
    try:
        return _read(name, params, plain, source)
    except (KeyError, TypeError, AttributeError) as error:
        raise Invalid(f"the column type {name!r} is not as W&B writes it: {error}") from error


def _read(  # noqa: C901, PLR0911 - one line a type
    name: str, params: Mapping[str, Any], plain: Mapping[str, Any], source: Source
) -> ColumnType:
    def again(inner: Any) -> ColumnType:
        return type_of_json(inner, source)

    match name:
        case "list":
            element = params.get("element_type")
            return ListOf(again(element) if element else types.UNKNOWN, params.get("length"))
        case "typedDict":
            fields = (params.get("type_map") or {}).items()
            return DictOf(tuple((key, again(each)) for key, each in fields))
        case "union":
            return types.union(*map(again, params["allowed_types"]))
        case "ndarray":
            return ArrayOf(tuple(params["shape"]))
        case "pythonObject":
            return Named(params["class_name"])
        case "const":
            return Const(params.get("val"), bool(params.get("is_set")))
        case "table":
            return TableOf(again(params["column_types"]))
        case "foreignKey":
            return ForeignKey(_table(params["table"], source), params["col_name"])
        case "foreignIndex":
            return ForeignIndex(_table(params["table"], source))
        case "image-file":
            return _read_image(params)
    return Opaque(dict(plain))


def _table(path: str, source: Source) -> Any:
    found = source.get(path)
    if found is None:
        raise Invalid(f"a column refers to the table {path!r}, which is not there")
    return found


def _read_image(params: Mapping[str, Any]) -> ImageType:
    values: dict[str, Any] = {}
    for name in IMAGE_FIELDS:
        value = params.get(name) or {}
        values[name] = (value["params"].get("val") or {}) if "wb_type" in value else value
    for name in ("box_layers", "mask_layers"):
        values[name] = {key: tuple(ids) for key, ids in values[name].items()}
    values["box_score_keys"] = tuple(values["box_score_keys"])
    return ImageType(**values)


def array_places(plain: Mapping[str, Any]) -> dict[str, Place]:
    """Return where the columns of arrays lie, by column, of a table's ``column_types``."""
    places = {}
    for column, kind in (plain.get("params") or {}).get("type_map", {}).items():
        kinds = [kind, *(kind.get("params") or {}).get("allowed_types", [])]
        for each in kinds:
            place = (each.get("params") or {}).get("serialization_path")
            if each.get("wb_type") == "ndarray" and place:
                places[column] = dict(place)
    return places
