"""What training gives of each run of a cohort.

Shape letters: R lanes, E evaluations, M metrics of all tasks, T tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mtlrun.data.suite import Suite
from mtlrun.data.task import SuiteData
from mtlrun.planning.settings.saving import Arrays, Rule
from mtlrun.training.loop.evaluate import metric_names
from mtlrun.training.loop.history import History
from mtlrun.training.objective.case_scores import StoredScores
from mtlrun.training.objective.gradients import Tensors

SPLITS = ("train", "val", "test")


@dataclass
class LaneResult:
    """What training one run gave.

    Attributes:
        diverged_at: first step whose loss was not finite, or None.
        steps: the E steps after which the run was evaluated.
        values: metrics, (E, splits, M); M as in `names`.
        names: the (task, metric) pairs.
        scores: of the test cases, at the evaluations that a report may read.
        guess: (T,) the primary metrics of a constant guess on test.
        diagnostics: what was recorded of the tasks' gradients and weights, as of `mtlrun.diagnostics.record`.
        merges: of branches of the schedule: `step`, the `weights` of the branches, the `val_loss` of the mixture.
        parameters: final parameters by name, and running statistics.
        kept: the same after the evaluations, by step, that the lane's rules may choose.
    """

    diverged_at: int | None
    steps: list[int]
    values: np.ndarray
    names: list[tuple[str, str]]
    scores: list[StoredScores]
    guess: list[float]
    diagnostics: dict[str, Any]
    merges: list[dict[str, Any]]
    parameters: Arrays
    kept: dict[int, Arrays]


def lane_results(
    history: History,
    data: Sequence[SuiteData],
    suites: Sequence[Suite],
    stops: Sequence[Sequence[Rule]],
    guesses: Sequence[list[float]],
    final: Tensors,
) -> list[LaneResult]:
    """Return the results of all lanes.

    Args:
        history: of the cohort.
        data: of each lane.
        suites: of each lane.
        stops: of each lane, the rules of early stopping by which it may be read too.
        guesses: of each lane, (T,) the metrics of a constant guess.
        final: parameters and running statistics, (R, ...) by name.
    """
    values = torch.stack(history.values, 1).double().cpu().numpy()
    judged = [[suite.primary in (None, name) for name in suite.selected()] for suite in suites]
    scores = history.scores.stored(history.steps, values[:, :, SPLITS.index("val")], judged, stops)
    diverged, recorded = history.diverged.tolist(), history.records.told()
    merges = [(step, weights.tolist(), loss.tolist()) for step, weights, loss in history.merges]
    tensors = {n: p.detach().cpu().numpy() for n, p in final.items()}
    return [
        LaneResult(
            None if diverged[lane] < 0 else diverged[lane],
            history.steps,
            values[lane],
            metric_names(data[lane].tasks),  # lanes agree in the tasks' shapes, not in their names
            scores[lane],
            guesses[lane],
            recorded[lane],
            [{"step": s, "weights": weights[lane], "val_loss": loss[lane]} for s, weights, loss in merges],
            {n: p[lane] for n, p in tensors.items()},
            history.kept.copies[lane],
        )
        for lane in range(len(data))
    ]
