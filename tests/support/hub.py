"""Small data sets of the schemas that ready suites have on the Hub, written by the library itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
import numpy as np

SEED = 5


def pictures(labels: np.ndarray, side: int, channels: int) -> list[np.ndarray]:
    """Return an image for each label, uint8: dim noise, and a bright row that tells the label."""
    rng = np.random.default_rng(SEED)
    shape = (side, side) if channels == 1 else (side, side, channels)
    found = [rng.integers(0, 90, shape).astype(np.uint8) for _ in labels]
    for image, label in zip(found, labels, strict=True):
        image[label % side] = 255 - label // side
    return found


def even_labels(rows: int, classes: int) -> np.ndarray:
    """Return classes in random order, each as often as another."""
    return np.random.default_rng(SEED + rows).permutation(np.arange(rows) % classes)


def saved(folder: Path, parts: Mapping[str, Mapping[str, Any]], features: Mapping[str, Any]) -> str:
    """Write a data set with these splits, and return where."""
    kinds = datasets.Features(dict(features))
    whole = datasets.DatasetDict(
        {name: datasets.Dataset.from_dict(dict(c), features=kinds) for name, c in parts.items()}
    )
    whole.save_to_disk(str(folder))
    return str(folder)


def one_label(
    folder: Path,
    names: Sequence[str],
    image: str = "image",
    side: int = 28,
    channels: int = 1,
    rows: int = 60,
) -> str:
    """Write what MNIST, Fashion-MNIST and CIFAR-10 look like: an image and a class; a test part half as large."""
    parts = {}
    for part, count in (("train", rows), ("test", rows // 2)):
        labels = even_labels(count, len(names))
        parts[part] = {image: pictures(labels, side, channels), "label": labels}
    return saved(folder, parts, {image: datasets.Image(), "label": datasets.ClassLabel(names=list(names))})
