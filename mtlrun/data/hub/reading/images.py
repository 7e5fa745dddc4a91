"""Columns of images as arrays of bytes: decoded once, kept beside the library's own cache.

Shape letters: N images, C colours, H height, W width.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from mtlrun.data.hub.reading.array_cache import kept_array
from mtlrun.data.hub.reading.origin import Origin, column, column_digest, encoded_image
from mtlrun.errors import ConfigError, Fault

MODES = {1: "L", 3: "RGB"}
PIECE = 256  # images that are taken out of the column at once


@cache
def image_shape(origin: Origin, name: str, size: int | None, colours: int | None) -> tuple[int, int, int]:
    """Return (C, H, W) of every image: of the first one, where the settings do not say.

    Raises:
        ConfigError: there is no first image that can be read.
    """
    first = next(_images(column(origin, name)))
    wide, high = first.size if size is None else (size, size)
    return (colours or _colours(first), high, wide)


@cache
def images(origin: Origin, name: str, size: int | None, colours: int | None) -> np.ndarray:
    """Return a column of images, uint8 (N, C, H, W), the same read-only object every time.

    Args:
        origin: of the data set.
        name: of the column.
        size: of both sides, to which images are brought with bilinear interpolation; None leaves them as they are.
        colours: 1 or 3; None for what the first image has.

    Raises:
        ConfigError: an image cannot be read, or has another shape than the first.
    """
    shape = image_shape(origin, name, size, colours)
    told = [column_digest(origin, name), shape, size is None, colours is None]
    return kept_array(
        told, lambda: _decoded(column(origin, name), shape, size is not None, colours is not None)
    )


def _decoded(values: Any, shape: tuple[int, int, int], resized: bool, recoloured: bool) -> np.ndarray:
    """Return a column's images, uint8 (N, C, H, W)."""
    decoded = np.empty((len(values), *shape), dtype=np.uint8)
    for row, image in enumerate(_images(values)):
        decoded[row] = _fitted(image, shape, row, resized, recoloured)
    return decoded


def colour_moments(pixels: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the standard deviation of each colour over some images, float32 (C,); 1 where it is 0.

    Args:
        pixels: uint8 (N, C, H, W).
        rows: of the images.
    """
    levels = np.arange(256)
    counts = np.zeros((pixels.shape[1], 256), dtype=np.int64)  # exact, so the order of rows does not matter
    for piece in np.array_split(np.sort(rows), max(1, len(rows) // 4096)):
        for colour, count in enumerate(counts):
            count += np.bincount(pixels[piece, colour].ravel(), minlength=256)
    share = counts / counts.sum(1, keepdims=True)
    mean = share @ levels
    std = np.sqrt((share * (levels - mean[:, None]) ** 2).sum(1))
    return mean.astype(np.float32), np.where(std > 0, std, 1).astype(np.float32)


def _images(values: Any) -> Iterator[Any]:
    """Yield the images of a column, opened and not yet decoded.

    Raises:
        ConfigError: there is none in a row, or it cannot be read.
    """
    from PIL import Image

    for begin in range(0, len(values), PIECE):
        for row, value in enumerate(values.slice(begin, PIECE).to_pylist(), begin):
            if value is None:
                rule = f"must have an image in every row, and has none in row {row}"
                raise ConfigError([Fault("inputs", rule)])
            try:
                image = Image.open(io.BytesIO(encoded_image(value)))
            except OSError as error:
                raise _damaged(row, value["path"], error) from error
            image.filename = value["path"] or ""
            yield image


def _damaged(row: int, file: str | None, error: OSError) -> ConfigError:
    said = str(error).partition(" <")[0]  # without the address of an object
    return ConfigError(
        [Fault("inputs", f"has in row {row} an image that cannot be read: {said}", file or None)]
    )


def _colours(image: Any) -> int:
    return 1 if image.mode in ("1", "L", "I;16", "I", "F") else 3


def _fitted(image: Any, shape: tuple[int, int, int], row: int, resized: bool, recoloured: bool) -> np.ndarray:
    """Return one image as (C, H, W)."""
    colours, high, wide = shape
    if not recoloured and _colours(image) != colours:
        rule = f"must have images of {colours} colours as the first, or say suite.colours=1 or 3; row {row} differs"
        raise ConfigError([Fault("inputs", rule, _colours(image))])
    if not resized and image.size != (wide, high):
        rule = (
            f"must have images of {wide}x{high} pixels as the first has, or say suite.size; row {row} differs"
        )
        raise ConfigError([Fault("inputs", rule, "x".join(map(str, image.size)))])
    try:
        image = image if image.mode == MODES[colours] else image.convert(MODES[colours])
        image = image if image.size == (wide, high) else image.resize((wide, high), resample=2)  # 2: bilinear
        pixels = np.asarray(image)  # decodes what was not yet
    except OSError as error:
        raise _damaged(row, image.filename, error) from error
    return pixels.reshape(high, wide, colours).transpose(2, 0, 1)
