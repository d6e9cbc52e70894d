"""Images, with their boxes, masks and classes.

Knows: W&B's layout of them.  Never: encoding (``pictures``), artifacts.
"""

import hashlib
import json
import numbers
import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self, TypeVar

from casstore.errors import Invalid
from casstore.media.base import Media, file_of
from casstore.media.content import Sink, Source, made_file
from casstore.media.pictures import encode_mask, encode_picture, open_picture, size_of

__all__ = ["BoundingBoxes2D", "Classes", "Image", "ImageMask"]


class Classes:
    """Class ids and their names: ``[{"id": 0, "name": "cat"}, ...]``."""

    log_type: ClassVar[str] = "classes"
    column_type: ClassVar[str | None] = None

    def __init__(self, class_set: Sequence[Mapping[str, Any]]) -> None:
        self.class_set = [dict(each) for each in class_set]
        if not all("id" in each and "name" in each for each in self.class_set):
            raise Invalid("each class has an 'id' and a 'name'")

    def __repr__(self) -> str:
        return f"<casstore.Classes {len(self.class_set)}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Classes) and self.class_set == other.class_set

    def __hash__(self) -> int:
        return hash(str(self.class_set))

    def encode(self, sink: Sink) -> dict[str, Any]:
        """Return W&B's JSON; there is no file beside it."""
        del sink
        return {"_type": self.log_type, "class_set": self.class_set}

    @classmethod
    def decode(cls, plain: dict[str, Any], source: Source) -> Self:
        """Return what W&B's JSON describes."""
        del source
        return cls(plain["class_set"])


class BoundingBoxes2D:
    """Boxes of one layer: ``{"box_data": [...], "class_labels": {0: "cat"}}`` (W&B)."""

    def __init__(self, val: Mapping[str, Any], key: str) -> None:
        boxes = val["box_data"]
        if not isinstance(boxes, list) or not all(_is_placed(box) for box in boxes):
            raise TypeError(
                "box_data is a list, and each box has a position: minX, maxX, minY, maxY "
                "or middle, width, height"
            )
        self.box_data: list[dict[str, Any]] = boxes
        self.key = key
        ids = sorted({box["class_id"] for box in boxes if "class_id" in box})
        labels = {each: f"class_{each}" for each in ids}
        self.class_labels: dict[int, str] = _labels(val.get("class_labels", labels))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BoundingBoxes2D) and self.box_data == other.box_data

    def __hash__(self) -> int:
        return hash(str(self.box_data))


class ImageMask(Media):
    """A class id for each pixel: ``{"mask_data": array}`` or ``{"path": file}``, and labels."""

    log_type = "mask"
    folder = "media/images/mask"

    def __init__(self, val: Mapping[str, Any], key: str) -> None:
        if "path" in val:
            super().__init__(file_of(val["path"], None, "mask"))
            ids: list[int] = []
        elif "mask_data" in val:
            super().__init__(made_file(encode_mask(val["mask_data"]), ".mask.png"))
            ids = sorted({int(each) for row in val["mask_data"] for each in row})
        else:
            raise TypeError("a mask has 'mask_data' (height x width class ids) or a 'path'")
        self.key = key
        labels = {each: f"class_{each}" for each in ids}
        self.class_labels: dict[int, str] = _labels(val.get("class_labels", labels))

    def _read_fields(self, plain: dict[str, Any], source: Source) -> None:
        del plain, source
        self.key, self.class_labels = "", {}


_Layer = TypeVar("_Layer", BoundingBoxes2D, ImageMask)


class Image(Media):
    """A picture: a path, an array, a tensor, a Pillow image, a matplotlib figure, another Image.

    Arrays are height x width (x 1, 3 or 4 channels), tensors channels first, values 0 to 255 (W&B).
    A path is kept as it is; anything else is encoded now as ``file_type`` (default ``png``), which
    needs Pillow.  ``boxes`` and ``masks`` are layers by name; adding them to an artifact needs
    classes, which their labels give.  Raises ``FileMissing`` and ``Invalid``.
    """

    log_type = "image-file"
    folder = "media/images"
    column_type = "image-file"

    def __init__(
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        grouping: int | None = None,
        classes: Classes | Sequence[Mapping[str, Any]] | None = None,
        boxes: Mapping[str, Any] | None = None,
        masks: Mapping[str, Any] | None = None,
        file_type: str | None = None,
    ) -> None:
        self.format: str
        self.width: int | None
        self.height: int | None
        self.grouping: int | None
        self.classes: Classes | None
        if isinstance(data_or_path, Image):
            same = data_or_path
            super().__init__(same.content, same.caption if caption is None else caption)
            self.format, self.width, self.height = same.format, same.width, same.height
            classes = same.classes if classes is None else classes
            grouping = same.grouping if grouping is None else grouping
        elif isinstance(data_or_path, str | os.PathLike):
            content = file_of(data_or_path, None, "picture")
            super().__init__(content, caption)
            self.format = content.local().suffix[1:]
            self.width, self.height = size_of(content.local()) or (None, None)
        else:
            self.format = file_type or "png"
            data, (self.width, self.height) = encode_picture(data_or_path, mode, self.format)
            super().__init__(made_file(data, f".{self.format}"), caption)
        self.grouping = grouping
        self.boxes = _layers(boxes, BoundingBoxes2D, "boxes")
        self.masks = _layers(masks, ImageMask, "masks")
        self.classes = self._all_classes(classes)

    @property
    def image(self) -> Any:
        """Pillow's image of it."""
        return open_picture(self.read())

    def encode(self, sink: Sink) -> dict[str, Any]:
        """Give picture, masks and classes to ``sink`` and return W&B's JSON."""
        plain = {**super().encode(sink), "format": self.format}
        fields = {"width": self.width, "height": self.height, "grouping": self.grouping}
        plain.update({key: value for key, value in fields.items() if value is not None})
        if self.classes is not None:
            plain["classes"] = self._encode_classes(sink)
        elif self.boxes or self.masks:
            raise Invalid("an image with boxes or masks needs classes", hint="pass classes=[...]")
        if self.boxes:
            plain["boxes"] = {key: each.box_data for key, each in self.boxes.items()}
        if self.masks:
            plain["masks"] = {key: each.encode(sink) for key, each in self.masks.items()}
        return plain

    def _encode_classes(self, sink: Sink) -> dict[str, str]:
        assert self.classes is not None  # noqa: S101 - the one caller has looked
        text = json.dumps(self.classes.class_set, sort_keys=True).encode()
        name = f"media/classes/{hashlib.sha256(text).hexdigest()[:20]}_cls"
        return {"type": "classes-file", "path": sink.add(self.classes, name)}

    def _read_fields(self, plain: dict[str, Any], source: Source) -> None:
        self.format = plain.get("format") or plain["path"].rpartition(".")[2]
        self.width, self.height = plain.get("width"), plain.get("height")
        self.grouping = plain.get("grouping")
        found = plain.get("classes")
        self.classes = source.get(found["path"]) if found else None
        known = self.classes.class_set if self.classes else []
        named = {each["id"]: each["name"] for each in known}
        self.boxes = {
            key: BoundingBoxes2D({"box_data": boxes, "class_labels": named}, key)
            for key, boxes in (plain.get("boxes") or {}).items()
        }
        self.masks = {}
        for key, mask in (plain.get("masks") or {}).items():
            self.masks[key] = ImageMask.decode(mask, source)
            self.masks[key].key, self.masks[key].class_labels = key, named

    def _all_classes(self, classes: Classes | Sequence[Mapping[str, Any]] | None) -> Classes | None:
        named: dict[Any, str] = {}
        layers: list[BoundingBoxes2D | ImageMask] = [*self.boxes.values(), *self.masks.values()]
        for layer in layers:
            named.update(layer.class_labels)
        if classes is not None:
            given = classes if isinstance(classes, Classes) else Classes(classes)
            named.update({each["id"]: each["name"] for each in given.class_set})
        found = [{"id": key, "name": name} for key, name in named.items()]
        return Classes(found) if found else None


def _layers(given: Mapping[str, Any] | None, kind: type[_Layer], what: str) -> dict[str, _Layer]:
    if given is not None and not isinstance(given, Mapping):
        raise Invalid(f"{what} is a dict of layers by name, not {type(given).__name__}")
    return {
        key: value if isinstance(value, kind) else kind(value, key)
        for key, value in (given or {}).items()
    }


def _labels(given: Any) -> dict[int, str]:
    good = isinstance(given, Mapping) and all(
        isinstance(key, numbers.Number) and isinstance(name, str) for key, name in given.items()
    )
    if not good:
        raise TypeError("class_labels is a dict of class id -> name")
    return dict(given)


def _is_placed(box: Any) -> bool:
    position = box.get("position") if isinstance(box, dict) else None
    if not isinstance(position, dict):
        return False
    return position.keys() >= {"minX", "maxX", "minY", "maxY"} or (
        position.keys() >= {"middle", "width", "height"} and len(position["middle"]) == 2
    )
