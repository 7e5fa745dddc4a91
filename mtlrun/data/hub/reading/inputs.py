"""Columns as inputs: images as bytes, numbers and text as float32. Shape letter: N rows."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from mtlrun.data.hub.reading.images import colour_moments, image_shape, images
from mtlrun.data.hub.reading.origin import Origin, column, features, is_image
from mtlrun.data.hub.reading.text import Text, is_text, text_features
from mtlrun.data.splits import read_only
from mtlrun.errors import ConfigError, Fault

NUMBERS = ("int", "uint", "float", "double", "bool")
Scaling = tuple[np.ndarray, np.ndarray]


class Reading(NamedTuple):
    """What inputs are read from, and how.

    Attributes:
        origin: of the data set.
        names: of the columns.
        size: as of `mtlrun.data.hub.reading.images.images`.
        colours: likewise.
        text: how text is read; None where the columns hold none.
    """

    origin: Origin
    names: tuple[str, ...]
    size: int | None = None
    colours: int | None = None
    text: Text | None = None


def reads_images(origin: Origin, names: tuple[str, ...]) -> bool:
    """Say whether the inputs are one column of images.

    Raises:
        ConfigError: there are no such columns, or they are no inputs.
    """
    known = features(origin)
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        rule = "must name columns of the data"
        raise ConfigError([Fault("inputs", rule, name, tuple(known)) for name in unknown or ("",)])
    if len(names) == 1 and is_image(known[names[0]]):
        return True
    for name in names:
        if is_text(known[name]):
            rule = "must name images or numbers, unless suite.text says how text is read (words, or a sentence model)"
            raise ConfigError([Fault("inputs", rule, name)])
        if is_image(known[name]):
            raise ConfigError([Fault("inputs", "must be one column where it holds images", list(names))])
    return False


def example_shape(reading: Reading) -> tuple[int, ...]:
    """Return the shape of one example.

    Raises:
        ConfigError: as of `reads_images`, and where examples have no one shape.
    """
    origin, names, size, colours, text = reading
    if text is None and reads_images(origin, names):
        return image_shape(origin, names[0], size, colours)
    return inputs(reading).shape[1:]


def inputs(reading: Reading) -> np.ndarray:
    """Return the inputs, uint8 (N, C, H, W) of images or float32 (N, ...) of numbers; the same object every time.

    Raises:
        ConfigError: as of `example_shape`, and where some cannot be read.
    """
    origin, names, size, colours, text = reading
    if text is not None:
        return text_features(origin, names, text)
    return images(origin, names[0], size, colours) if reads_images(origin, names) else numbers(origin, names)


@cache
def numbers(origin: Origin, names: tuple[str, ...]) -> np.ndarray:
    """Return columns of numbers, float32: (N, columns), or (N, ...) of one column of lists of one length.

    Raises:
        ConfigError: they are no numbers, or some are missing.
    """
    found = [_numbers(origin, name) for name in names]
    if len(found) == 1 and found[0].ndim > 1:
        return read_only(found[0])
    if any(values.ndim > 1 for values in found):
        raise ConfigError([Fault("inputs", "must be one column where it holds lists", list(names))])
    return read_only(np.stack(found, 1))


def moments(values: np.ndarray, rows: np.ndarray) -> Scaling:
    """Return the mean and the standard deviation of inputs along their first axis over some rows, float32."""
    if values.dtype == np.uint8:
        return colour_moments(values, rows)
    axes = (0, *range(2, values.ndim))
    seen = values[np.sort(rows)].astype(np.float64)
    std = seen.std(axes)
    return seen.mean(axes).astype(np.float32), np.where(std > 0, std, 1).astype(np.float32)


def _numbers(origin: Origin, name: str) -> np.ndarray:
    values = column(origin, name)
    feature = features(origin)[name]
    if getattr(feature, "_type", "") == "Value" and not str(feature.dtype).startswith(NUMBERS):
        raise ConfigError([Fault("inputs", "must name images or numbers", f"{name}: {feature.dtype}")])
    try:
        array = np.array(values.to_pylist(), dtype=np.float32)
    except (ValueError, TypeError) as error:
        rule = f"must have numbers, or lists of one length, in every row of column {name}"
        raise ConfigError([Fault("inputs", rule, str(feature))]) from error
    if not np.isfinite(array).all():
        row = int(np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(1))[0])
        rule = f"must have finite numbers, and column {name} has none in row {row} (suite=table fills gaps)"
        raise ConfigError([Fault("inputs", rule)])
    return array
