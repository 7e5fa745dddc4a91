"""What a run records of its tasks' gradients while it trains, and the shape in which the store keeps it.

The store's column `diagnostics` holds, besides what is not about gradients, for the E evaluations:

    steps             [E]        steps done
    active            [E][A]     positions of the tasks that the step trained
    weights           [E][A]     their weights in that step
    gradient_cosines  [E][pairs] between the tasks in `active`, in total; null where they share nothing
    curvature         [E]        along the step's update; null where nothing is shared
    gradients                    of the S recorded steps, evaluations among them; {} where no two tasks share anything
      steps                 [S]
      tasks                 [T]  names
      pairs                 [P][2]     names
      layers                [L]        names; [] for more than 10 tasks, whose layers are not told apart
      cosine                [S][P]     in conflict where it is below 0
      magnitude_similarity  [S][P]
      norm                  [S][T]
      weight                [S][T]
      layer_cosine, layer_magnitude_similarity   [S][L][P]
      conflict_share        [P]        of the steps with a cosine, those in conflict
      layer_conflict_share  [L][P]

Under `gradients` and for `curvature`, numbers have 4 significant digits, so that their signs stay, and null stands
where there is none: the tasks were not trained in that step, a gradient was 0, or the run had diverged. A step that
trains one task, or shared nothing, is no recorded step. With `diagnostics.every=off` all but `steps` are missing, as
they are in part in runs of earlier versions, whose `gradient_cosines` are one number, the mean over pairs.

Gradients are those that the step begins with: of the parameters before its update, on its batch. Shape letters: R
lanes, S recorded steps, L layers, T tasks of the suite, A of them trained, P pairs of T tasks.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtlrun.diagnostics.conflict import gradient_cosines, gradient_norms, magnitude_similarities

Array = NDArray[np.float64]
DIGITS = 4


@dataclass
class Record:
    """What was recorded of one step, of all lanes.

    Attributes:
        step: how many steps were done after it.
        active: positions of the tasks that it trained.
        weights: of these tasks, (R, A).
        gramian: inner products of their gradients of each layer's shared parameters, (R, L, A, A); None where nothing
            is shared.
        curvature: (R,), at evaluations where something is shared.
    """

    step: int
    active: tuple[int, ...]
    weights: Tensor
    gramian: Tensor | None
    curvature: Tensor | None = None


def of_evaluations(records: Sequence[Record], lanes: int) -> list[dict[str, Any]]:
    """Return for each lane what is kept of the steps before evaluations.

    Args:
        records: of these steps alone.
        lanes: R.
    """
    found: list[dict[str, Any]] = [
        {"active": [], "weights": [], "gradient_cosines": [], "curvature": []} for _ in range(lanes)
    ]
    for record in records:
        cosines = None if record.gramian is None else gradient_cosines(record.gramian.double().sum(1))
        shared = [None] * lanes if cosines is None else _or_none(cosines.numpy(), digits=None)
        curvature = record.curvature
        bent = [None] * lanes if curvature is None else _or_none(curvature.double().numpy())
        for lane, (one, weights) in enumerate(zip(found, record.weights.double().tolist(), strict=True)):
            one["active"].append(list(record.active))
            one["weights"].append(weights)
            one["gradient_cosines"].append(shared[lane])
            one["curvature"].append(bent[lane])
    return found


def of_steps(
    records: Sequence[Record], names: Sequence[Sequence[str]], layers: Sequence[str]
) -> list[dict[str, Any]]:
    """Return for each lane what is kept of all recorded steps, under `gradients`.

    Args:
        records: of steps in which several tasks share something.
        names: of each lane's tasks.
        layers: names of the layers, or none where they are not told apart.
    """
    if not records:
        return [{} for _ in names]
    values = _values(records, len(names[0]), len(layers))
    shares = {f"{part}conflict_share": _share(values[f"{part}cosine"]) for part in ("", "layer_")}
    kept = {name: _or_none(array) for name, array in {**values, **shares}.items()}
    about = {"steps": [record.step for record in records]}
    return [
        {
            **about,
            "tasks": list(tasks),
            "pairs": [list(pair) for pair in itertools.combinations(tasks, 2)],
            "layers": list(layers),
            **{name: of_lanes[lane] for name, of_lanes in kept.items()},
        }
        for lane, tasks in enumerate(names)
    ]


def _values(records: Sequence[Record], tasks: int, layers: int) -> dict[str, Array]:
    """Return every quantity, (R, S, ...), NaN where tasks were not trained or it has no value."""
    lanes, steps, pairs = len(records[0].weights), len(records), list(itertools.combinations(range(tasks), 2))
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(("cosine", "magnitude_similarity"), (len(pairs),))
    shapes |= dict.fromkeys(("norm", "weight"), (tasks,))
    shapes |= dict.fromkeys(("layer_cosine", "layer_magnitude_similarity"), (layers, len(pairs)))
    found = {name: np.full((lanes, steps, *shape), np.nan) for name, shape in shapes.items()}
    for active in dict.fromkeys(record.active for record in records):
        at = [place for place, record in enumerate(records) if record.active == active]
        here = [pairs.index(pair) for pair in itertools.combinations(active, 2)]
        for name, values in _of_active([records[place] for place in at], layers).items():
            columns = list(active) if name in ("norm", "weight") else here
            found[name][..., columns] = _placed(found[name][..., columns], at, values)
    return found


def _of_active(records: Sequence[Record], layers: int) -> dict[str, Array]:
    """Return the quantities of records of the same tasks, (R, S, ...)."""
    grams = torch.stack([r.gramian for r in records if r.gramian is not None], 1).double()  # (R, S, L, A, A)
    total = grams.sum(2)
    found = {
        "cosine": gradient_cosines(total),
        "magnitude_similarity": magnitude_similarities(total),
        "norm": gradient_norms(total),
        "weight": torch.stack([record.weights for record in records], 1).double(),
    }
    if layers:
        found |= {
            "layer_cosine": gradient_cosines(grams),
            "layer_magnitude_similarity": magnitude_similarities(grams),
        }
    return {name: values.numpy() for name, values in found.items()}


def _placed(whole: Array, at: Sequence[int], values: Array) -> Array:
    """Return an array (R, S, ...) with the values of some of the steps."""
    whole[:, at] = values
    return whole


def _share(cosines: Array) -> Array:
    """Return the share of the steps in conflict, (R, ...), of those with a cosine (R, S, ...)."""
    known = np.isfinite(cosines).sum(1)
    return np.where(known > 0, (cosines < 0).sum(1) / np.maximum(known, 1), np.nan)


def _or_none(values: Array, digits: int | None = DIGITS) -> list[Any]:
    """Return numbers as nested lists, of so many significant digits, None for those that are not finite."""
    finite = np.isfinite(values)
    numbers = np.where(finite, values, 0.0)
    numbers = numbers if digits is None else rounded(numbers, digits)
    found = numbers.astype(object)
    found[~finite] = None
    kept: list[Any] = found.tolist()
    return kept


def rounded(values: Array, digits: int = DIGITS) -> Array:
    """Return numbers with so many significant digits, each the double nearest to its decimal text."""
    size = np.floor(np.log10(np.abs(np.where(values == 0, 1.0, values))))
    after = digits - 1 - size  # decimals
    up, down = 10.0 ** np.clip(after, 0, 300), 10.0 ** np.clip(-after, 0, 300)
    return np.where(after >= 0, np.round(values * up) / up, np.round(values / down) * down)
