"""Pictures: arrays and Pillow's images in, files out, and their sizes.

Knows: Pillow.  Never: artifacts, tables.
The only door to ``PIL``, which is optional: files can be added without it, arrays cannot.
"""

import importlib
import io
from typing import Any

from casstore.errors import Invalid, Unsupported
from casstore.media.arrays import as_array

__all__ = ["encode_frames", "encode_mask", "encode_picture", "open_picture", "size_of"]

FORMATS = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "bmp": "BMP"}
MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # by number of channels (W&B)


def _pillow() -> Any:
    try:
        return importlib.import_module("PIL.Image")
    except ImportError:
        raise Unsupported(
            "pictures that are no files need Pillow", hint="pip install pillow"
        ) from None


def open_picture(data: bytes) -> Any:
    """Return Pillow's image of an encoded picture, loaded."""
    image = _pillow().open(io.BytesIO(data))
    image.load()
    return image


def size_of(path: Any) -> tuple[int, int] | None:
    """Return width and height in pixels; None without Pillow, or for what it does not know.

    Whether a file can be kept does not hang on what is installed.
    """
    try:
        with _pillow().open(path) as image:
            width, height = image.size
    except (OSError, Unsupported):  # PIL.UnidentifiedImageError is an OSError
        return None
    return int(width), int(height)


def encode_picture(data: Any, mode: str | None, kind: str) -> tuple[bytes, tuple[int, int]]:
    """Return an encoded picture and its width and height.

    ``data``: a Pillow image, a matplotlib figure or plot, an array of height x width (x channels),
    a tensor of channels x height x width (torch), values 0 to 255 (W&B).  ``kind``: ``png``,
    ``jpg``, ``jpeg``, ``bmp``.
    """
    if kind not in FORMATS:
        raise Invalid(f"file_type is one of {', '.join(FORMATS)}, not {kind!r}")
    image = _image_of(data, mode, kind)
    if FORMATS[kind] == "JPEG" and image.mode not in {"L", "RGB", "CMYK"}:
        image = image.convert("RGB")
    target = io.BytesIO()
    image.save(target, format=FORMATS[kind])
    return target.getvalue(), image.size


def _image_of(data: Any, mode: str | None, kind: str) -> Any:
    pillow = _pillow()
    if isinstance(data, pillow.Image):
        return data if mode is None else data.convert(mode)
    figure = data.gcf() if hasattr(data, "gcf") else getattr(data, "figure", None) or data
    if hasattr(figure, "savefig"):
        target = io.BytesIO()
        figure.savefig(target, format="png")
        return open_picture(target.getvalue())
    channels_first = hasattr(data, "detach")
    array = as_array(data, "a picture of numbers")
    if channels_first and array.ndim == 3:
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    channels = 1 if array.ndim == 2 else array.shape[-1] if array.ndim == 3 else 0
    if channels not in MODES or array.size == 0 or array.dtype.kind not in "buif":
        raise Invalid(
            f"an array of {array.dtype} and shape {array.shape} is no picture",
            hint="use height x width or height x width x 3 or 4, values 0 to 255",
        )
    wanted = mode or ("RGB" if channels == 4 and FORMATS[kind] == "JPEG" else MODES[channels])
    return pillow.fromarray(array.astype("uint8")).convert(wanted)


def encode_mask(data: Any) -> bytes:
    """Return a PNG of height x width class ids, 0 to 255."""
    array = as_array(data, "a mask")
    if array.ndim != 2 or array.size == 0 or array.min() < 0 or array.max() > 255:
        raise TypeError(f"mask_data is height x width ids of 0 to 255, not {array.shape}")
    target = io.BytesIO()
    _pillow().fromarray(array.astype("uint8")).save(target, format="PNG")
    return target.getvalue()


def encode_frames(data: Any, fps: int) -> tuple[bytes, tuple[int, int]]:
    """Return an animated GIF of frames x channels x height x width, and its width and height."""
    array = as_array(data, "a video of numbers")
    if array.ndim != 4 or array.shape[1] not in MODES or array.size == 0:
        raise Invalid(
            f"an array of shape {array.shape} is no video",
            hint="use frames x channels x height x width, 1, 3 or 4 channels",
        )
    pillow = _pillow()
    frames = [
        pillow.fromarray(frame.transpose(1, 2, 0).squeeze().astype("uint8")) for frame in array
    ]
    target = io.BytesIO()
    frames[0].save(
        target,
        format="GIF",
        save_all=True,
        append_images=frames[1:],
        duration=round(1000 / fps),
        loop=0,
    )
    return target.getvalue(), frames[0].size
