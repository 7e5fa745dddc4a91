"""Suites of a user's own: one that reads files, and one whose arrays and code are wrong as asked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mtlrun.data.suite import Suite
from mtlrun.data.task import DEFAULT_METRICS, Source, SourceInfo, Task

LOADED: list[int] = []
"""The seeds that `Files` was asked for."""


def write_files(folder: Path, rows: int = 60, seed: int = 0) -> None:
    """Write the arrays that `Files` reads."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(rows, 6)).astype(np.float32)
    np.save(folder / "x.npy", inputs)
    np.save(folder / "kind.npy", (inputs[:, 0] > 0).astype(np.int64) + (inputs[:, 1] > 0))
    np.save(folder / "size.npy", inputs[:, 2:3] + inputs[:, 3:4])


@dataclass
class Files(Suite):
    """A kind and a size, from x.npy, kind.npy and size.npy of a folder."""

    folder: str = field(default=".")
    mapped: bool = False

    def offered(self) -> tuple[Task, ...]:
        return (
            Task("kind", "multiclass", 3, 0, DEFAULT_METRICS["multiclass"]),
            Task("size", "regression", 1, 0, DEFAULT_METRICS["regression"]),
        )

    def whole(self) -> tuple[SourceInfo, ...]:
        rows = len(np.load(Path(self.folder, "x.npy"), mmap_mode="r"))
        return (SourceInfo("rows", (6,), {"train": rows - 20, "val": 10, "test": 10}),)

    def build(self, source: SourceInfo, seed: int) -> Source:
        LOADED.append(seed)
        inputs = mapped(self.folder) if self.mapped else np.load(Path(self.folder, "x.npy"))
        train, val, test = np.split(np.arange(len(inputs)), [len(inputs) - 20, len(inputs) - 10])
        targets = {name: np.load(Path(self.folder, f"{name}.npy")) for name in ("kind", "size")}
        return Source(
            "rows", inputs, targets, {"train": train[: source.rows["train"]], "val": val, "test": test}
        )


@cache
def mapped(folder: str) -> np.ndarray:
    return np.load(Path(folder, "x.npy"), mmap_mode="r")


@dataclass
class Told(Files):
    """The same, told by a file of its own."""

    def fingerprint(self) -> str:
        return Path(self.folder, "version.txt").read_text()


@dataclass
class Wrong(Suite):
    """Five rows a part of every kind of task; `wrong` says what is wrong."""

    wrong: str = ""

    def offered(self) -> tuple[Task, ...]:
        tasks = (
            Task("kind", "multiclass", 3, 0, DEFAULT_METRICS["multiclass"]),
            Task("odd", "binary", 1, 0, DEFAULT_METRICS["binary"], partial=True),
            Task("tags", "multilabel", 2, 0, DEFAULT_METRICS["multilabel"]),
            Task("size", "regression", 1, 0, DEFAULT_METRICS["regression"]),
        )
        return tuple(replace(task, **TASKS.get(self.wrong, {}).get(task.name, {})) for task in tasks)

    def whole(self) -> tuple[SourceInfo, ...]:
        if self.wrong == "whole raises":
            raise LookupError("no such folder")
        rows = {"train": 5, "val": 5} if self.wrong == "rows" else {"train": 5, "val": 5, "test": 5}
        return (SourceInfo("all", (2,), rows),)

    def build(self, source: SourceInfo, seed: int) -> Source:
        if self.wrong == "build raises":
            return {}["absent"]
        if self.wrong == "build raises its own":
            raise Strange("two\nlines")
        made = Source("all", *arrays())
        change = CHANGES.get(self.wrong, lambda made: made)
        changed = change(made)
        return made if changed is None else changed


class Strange(Exception):
    """No kind of error that anybody expects."""


def arrays() -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return inputs, targets and splits without faults."""
    rng = np.random.default_rng(0)
    odd = (np.arange(15) % 2).astype(np.float32)[:, None]
    odd[3] = np.nan
    targets = {
        "kind": np.arange(15) % 3,
        "odd": odd,
        "tags": (np.arange(30).reshape(15, 2) % 2).astype(np.float32),
        "size": rng.normal(size=(15, 1)).astype(np.float32),
    }
    splits = dict(zip(("train", "val", "test"), np.arange(15).reshape(3, 5), strict=True))
    return rng.normal(size=(15, 2)).astype(np.float32), targets, splits


TASKS: dict[str, dict[str, dict[str, Any]]] = {
    "kind of task": {"kind": {"kind": "classes"}},
    "outputs": {"odd": {"outputs": 2}, "kind": {"outputs": 0}},
    "metrics": {"size": {"metrics": ("accuracy",)}, "tags": {"metrics": ()}},
    "source": {"tags": {"source": 1}},
}


def put(name: str, row: int, value: float, array: str = "targets") -> Any:
    """Return a change of one value."""

    def change(made: Source) -> None:
        found = made.inputs if array == "inputs" else getattr(made, array)[name]
        found[row] = value

    return change


def instead(name: str, value: Any, array: str = "targets") -> Any:
    """Return a change of a whole array."""
    return lambda made: getattr(made, array).update({name: value})


CHANGES: dict[str, Any] = {
    "none": lambda made: {"inputs": made.inputs},
    "name": lambda made: replace(made, name="rows"),
    "inputs list": lambda made: replace(made, inputs=made.inputs.tolist()),
    "inputs shape": lambda made: replace(made, inputs=made.inputs.reshape(15, 1, 2)),
    "inputs dtype": lambda made: replace(made, inputs=made.inputs.astype(np.int64)),
    "inputs bytes": lambda made: replace(made, inputs=made.inputs.astype(np.uint8)),
    "inputs nan": put("", 7, np.nan, "inputs"),
    "inputs inf": put("", 14, -np.inf, "inputs"),
    "flat": lambda made: made.targets.update(size=made.targets["size"][:, 0]),
    "short": lambda made: made.targets.update(size=made.targets["size"][:9]),
    "missing": lambda made: made.targets.__delitem__("tags"),
    "float classes": lambda made: made.targets.update(kind=made.targets["kind"].astype(np.float32)),
    "whole labels": lambda made: made.targets.update(tags=made.targets["tags"].astype(np.int64)),
    "text": instead("kind", np.array(["a"] * 15)),
    "list": instead("kind", [0] * 15),
    "class 3": put("kind", 2, 3),
    "class -1": put("kind", 12, -1),
    "label 2": put("odd", 5, 2),
    "nan": put("size", 9, np.nan),
    "too large": lambda made: made.targets.update(size=made.targets["size"].astype(np.float64) * 1e300),
    "no part": lambda made: made.splits.__delitem__("val"),
    "mask": instead("val", np.ones(15, bool), "splits"),
    "more rows": instead("val", np.arange(5, 11), "splits"),
    "outside": instead("test", np.array([10, 11, 12, 13, 15]), "splits"),
    "negative": instead("test", np.array([10, 11, 12, 13, -1]), "splits"),
    "overlap": instead("test", np.array([4, 9, 10, 11, 12]), "splits"),
    "deviation": lambda made: replace(made, units={"size": (np.zeros(1), np.zeros(1))}),
    "scaling": lambda made: replace(made, scaling=(np.zeros(3), np.ones(3))),
    "two": lambda made: [put("size", 9, np.nan)(made), put("kind", 0, 9)(made)].clear(),
}
