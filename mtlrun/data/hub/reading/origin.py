"""Where a data set comes from, how the library `datasets` opens it, and what tells its content.

The library is an extra, and imports for a second: it is imported where a data set is opened, and nowhere else. It
has its own cache and its own switches for work without a network (`HF_HOME`, `HF_HUB_OFFLINE`); they hold here.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mtlrun.errors import ConfigError, Fault

ROLES = ("train", "val", "test")
USUAL = {"train": ("train",), "val": ("validation", "valid", "val", "dev"), "test": ("test",)}
READERS = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".arrow": "arrow",
}
HUB_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")


@dataclass(frozen=True)
class Origin:
    """Where a data set lies.

    Attributes:
        path: a folder or file, or a name on the Hub.
        config: which of its configurations (subsets), where it has several.
        revision: branch, tag or commit on the Hub.
        splits: (role, name of the split) for roles whose split has no usual name.
        domains: subfolders of images that become one data set, with the column `domain`; none for any other data set.
    """

    path: str
    config: str | None = None
    revision: str | None = None
    splits: tuple[tuple[str, str], ...] = ()
    domains: tuple[str, ...] = ()


@cache
def opened(origin: Origin) -> dict[str, Any]:
    """Return the library's data set of each role that there is, in the order of `ROLES`.

    Raises:
        ConfigError: the library or the data are not there, or cannot be read; keys are those of a suite.
    """
    if origin.domains:
        return {"train": _domains(origin)}
    found = _load(origin.path, origin.config, origin.revision)
    by_name: Mapping[str, Any] = found if isinstance(found, Mapping) else {"train": found}
    chosen = {role: [name for name in USUAL[role] if name in by_name][:1] for role in ROLES}
    for role, name in origin.splits:
        if name not in by_name:
            raise ConfigError(
                [Fault(f"splits.{role}", "must name a split of the data", name, tuple(by_name))]
            )
        chosen[role] = [name]
    if not chosen["train"]:
        rule = "must say which split trains, as {train: NAME}"
        raise ConfigError([Fault("splits", rule, None, tuple(by_name))])
    parts = {role: by_name[names[0]] for role, names in chosen.items() if names}
    for role, part in parts.items():
        if part.features != parts["train"].features:
            raise ConfigError(
                [Fault("path", f"has other columns in its {role} split than in training", origin.path)]
            )
        if not len(part):
            raise ConfigError([Fault("path", f"has no rows in its {role} split", origin.path)])
    return parts


def features(origin: Origin) -> Mapping[str, Any]:
    """Return the library's feature of every column."""
    found: Mapping[str, Any] = opened(origin)["train"].features
    return found


def official_rows(origin: Origin) -> dict[str, int]:
    """Return the number of rows of each role; the rows of all roles are counted through, in the order of `ROLES`."""
    return {role: len(part) for role, part in opened(origin).items()}


def column(origin: Origin, name: str) -> Any:
    """Return a column of all rows, a pyarrow array in chunks."""
    import pyarrow as pa

    parts = [part.with_format("arrow")[:][name] for part in opened(origin).values()]
    return pa.chunked_array([chunk for part in parts for chunk in part.chunks])


def encoded_image(value: Mapping[str, Any]) -> bytes:
    """Return the file of an image, a value of a column, as it was encoded."""
    found: bytes | None = value["bytes"]
    return Path(value["path"]).read_bytes() if found is None else found


@cache
def column_digest(origin: Origin, name: str) -> str:
    """Return what tells a column's content: the same wherever it lies and however it is stored, 16 hex digits.

    Images count by their encoded bytes, all else by its values, and classes also by their names.
    """
    values, feature = column(origin, name), features(origin)[name]
    digest = hashlib.sha256(repr([official_rows(origin), getattr(feature, "names", None)]).encode())
    for chunk in values.chunks:
        for begin in range(0, len(chunk), 1024):
            piece = chunk.slice(begin, 1024)
            if is_image(feature):
                for value in piece.to_pylist():
                    image = b"" if value is None else encoded_image(value)
                    digest.update(len(image).to_bytes(8, "little") + image)
            else:
                digest.update(repr(piece.to_pylist())[1:-1].encode() + b", ")
    return digest.hexdigest()[:16]


def is_image(feature: Any) -> bool:
    """Say whether a column holds images."""
    return bool(getattr(feature, "_type", None) == "Image")


def library() -> Any:
    """Return the library `datasets`.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import datasets
    except ImportError as error:
        rule = f"needs the library `datasets`: pip install 'mtlrun[hf]' ({error})"
        raise ConfigError([Fault("path", rule)]) from error
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
    return datasets


def _load(path: str, config: str | None, revision: str | None) -> Any:
    """Return what the library finds under a path or name: a data set, or one for each split.

    Raises:
        ConfigError: it finds nothing that it can read.
    """
    if not path:
        rule = (
            "must be given: a folder, a file (" + ", ".join(READERS) + "), or a name on the Hub as owner/name"
        )
        raise ConfigError([Fault("path", rule)])
    datasets = library()
    local = Path(os.path.expanduser(path))
    if not os.path.exists(local) and (not HUB_NAME.fullmatch(path) or local.suffix in READERS):
        raise ConfigError(
            [Fault("path", "must be a file or folder that is there, or a name on the Hub", path)]
        )
    if os.path.isfile(local) and local.suffix not in READERS:
        raise ConfigError([Fault("path", "must be a file of a kind that is read", path, tuple(READERS))])
    try:
        if os.path.isfile(local):
            more = {"sep": "\t"} if local.suffix == ".tsv" else {}
            return datasets.load_dataset(READERS[local.suffix], data_files=str(local), **more)
        if any((local / name).is_file() for name in ("dataset_dict.json", "state.json")):
            return datasets.load_from_disk(str(local))
        if os.path.isdir(local):
            return datasets.load_dataset(str(local), config)
        return datasets.load_dataset(path, config, revision=revision)
    except (OSError, ValueError, LookupError, datasets.exceptions.DatasetsError) as error:
        raise ConfigError([Fault("path", _unreadable(error), path)]) from error


def _unreadable(error: BaseException) -> str:
    """Say why the library could not read something: the first line of the cause nearest to the data."""
    cause = error.__cause__ or error
    said = str(cause).strip().partition("\n")[0] or type(cause).__name__
    if isinstance(error, ConnectionError):
        said += "; without a network only what the library's cache holds (HF_HOME) is there, and saved copies on disk"
    return f"cannot be read: {said}"


def _domains(origin: Origin) -> Any:
    """Return the images of some subfolders as one data set, with classes of one list and the column `domain`."""
    datasets = library()
    folders = {name: Path(os.path.expanduser(origin.path)) / name for name in origin.domains}
    missing = [name for name, folder in folders.items() if not os.path.isdir(folder)]
    if missing:
        raise ConfigError([Fault("domains", "must name folders in `suite.path`", name) for name in missing])
    try:
        sets = {
            name: datasets.load_dataset("imagefolder", data_dir=str(folder), split="train", drop_labels=False)
            for name, folder in folders.items()
        }
    except (OSError, ValueError, LookupError, datasets.exceptions.DatasetsError) as error:
        raise ConfigError([Fault("path", _unreadable(error), origin.path)]) from error
    classes = sorted({label for found in sets.values() for label in found.features["label"].names})
    shared = datasets.ClassLabel(names=classes)
    domain = datasets.ClassLabel(names=list(origin.domains))
    relabelled = []
    for place, found in enumerate(sets.values()):
        names = found.features["label"].names
        labels = np.array([classes.index(n) for n in names])[np.array(found["label"])]
        about = datasets.Dataset.from_dict(
            {"label": labels, "domain": np.full(len(found), place)},
            features=datasets.Features({"label": shared, "domain": domain}),
        )
        relabelled.append(datasets.concatenate_datasets([found.select_columns(["image"]), about], axis=1))
    return datasets.concatenate_datasets(relabelled)
