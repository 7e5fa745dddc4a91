"""Saved weights: beside the segments, one safetensors file for each run and each way to choose its checkpoint.

Layout, known to this module alone::

    STORE/weights/<run id>.<rule>.safetensors

Tensors are called `<step>/<name of the parameter or buffer>`; of each step that some task was chosen at there is a
whole set. The file's metadata name the run, the rule, and the step of each task. Files are written whole or not at
all, and hold no code: reading one cannot run anything.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from mtlrun.errors import StoreError
from mtlrun.planning.settings.saving import Arrays, Rule
from mtlrun.schema import map_of, whole
from mtlrun.store.files import list_files, write_whole

ENDING = ".safetensors"


class Saved(NamedTuple):
    """The weights of one run.

    Attributes:
        rule: by which the checkpoint was chosen, as text.
        steps: after how many steps, by task; tasks may have different checkpoints.
        tensors: by step.
    """

    rule: str
    steps: dict[str, int]
    tensors: dict[int, Arrays]


class Weights:
    """The weights that a store has."""

    def __init__(self, store: str | os.PathLike[str]) -> None:
        self._folder = Path(store) / "weights"

    def names(self) -> dict[str, set[str]]:
        """Return the rules, as text, by which each run has been saved, by run id."""
        found: dict[str, set[str]] = defaultdict(set)
        for path in (found.path for found in list_files(self._folder, ENDING)):
            run_id, _, rule = path.stem.partition(".")
            found[run_id].add(rule)
        return dict(found)

    def write(self, run_id: str, rule: Rule, steps: Mapping[str, int], tensors: Mapping[int, Arrays]) -> Path:
        """Write the weights of a run, in place of earlier ones, and return their file.

        Args:
            run_id: of the run.
            rule: how the steps were chosen.
            steps: the chosen step by task.
            tensors: of each of these steps.

        Raises:
            StoreError: nothing can be written.
        """
        named = {f"{step}/{n}": np.ascontiguousarray(a) for step, t in tensors.items() for n, a in t.items()}
        about = {"run_id": run_id, "rule": str(rule), "steps": json.dumps(dict(steps))}
        path = self._path(run_id, str(rule))
        write_whole(path, lambda file: file.write(save(named, about)))
        return path

    def read(self, run_id: str, rule: str) -> Saved:
        """Return the weights that were saved of a run by a rule.

        Raises:
            StoreError: there is no such file, or it is damaged or of other make.
        """
        path = self._path(run_id, rule)
        tensors: dict[int, Arrays] = defaultdict(dict)
        try:
            with safe_open(path, "numpy") as file:
                steps = json.loads(file.metadata()["steps"])
                for key in file.keys():  # noqa: SIM118 (no mapping)
                    step, _, name = key.partition("/")
                    tensors[int(step)][name] = file.get_tensor(key)
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"weights `{path}` cannot be read: {error}") from error
        faults = list(map_of(whole(0))(steps, "steps"))
        if faults or not set(steps.values()) <= tensors.keys():
            reason = faults[0] if faults else "it lacks the tensors of a step that a task was chosen at"
            raise StoreError(f"weights `{path}` cannot be read: {reason}")
        return Saved(rule, steps, dict(tensors))

    def _path(self, run_id: str, rule: str) -> Path:
        return self._folder / f"{run_id}.{rule}{ENDING}"
