"""Each mitigation against the front of fixed weights: dominated, on the front, or beyond it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mtlrun.report.analysis.pairs.layout import IDENTITY, LABELS
from mtlrun.report.analysis.pareto.points import Member, Side, find_sides, front_for, whole
from mtlrun.report.analysis.pareto.values import FrontStudy, study_of
from mtlrun.statistics.frontier import (
    DOMINATED,
    NOWHERE,
    UNDECIDED,
    Position,
    on_front,
    position,
    spread_out,
)
from mtlrun.statistics.judge import INTERVAL_LEVEL
from mtlrun.statistics.paired_tests.resamples import bootstrap_weights
from mtlrun.statistics.paired_tests.student import Array, moments
from mtlrun.statistics.settings import Statistics
from mtlrun.store.runs.scores import ScoreTable
from mtlrun.streams import stream

if TYPE_CHECKING:
    import pandas as pd

TRIALS, TIME, ALL = "trials", "time", "all"
FRONTIER_COLUMNS = (
    *(*LABELS, "hyper", "against", "verdict", "lead_pct", "lead_low", "lead_high", "confidence"),
    *("dominated", "on_front", "beyond", "n_seeds", "n_diverged", "variants", "trials", "wall_s"),
    *("points", "points_of", "points_trials", "points_wall_s", "weights", "cell_ids", "front"),
)
POINT_COLUMNS = (
    *(*IDENTITY, "weights", "on_front", "n_seeds", "gain_pct", "ci_low", "ci_high", "cell_id", "front"),
)

RESAMPLES = 4000


class Tables(NamedTuple):
    """Where each mitigation lies, and the gains of all that is compared; see `make_frontier`."""

    frontier: pd.DataFrame
    points: pd.DataFrame


def make_frontier(
    manifest: Mapping[str, Any],
    runs: pd.DataFrame,
    curves: pd.DataFrame,
    scores: ScoreTable,
    settings: Statistics,
) -> Tables:
    """Return where each mitigation lies, one row per comparison, and the gains of all that is compared.

    Both are empty without a front.

    `against` is `trials`: as many points of the grid as the mitigation had trials; `time`: as many as could
    be trained in its time; or `all`. The points are spread over the grid; `weights` are theirs. `verdict`,
    `lead_pct` with its bounds, `confidence` and the shares `dominated`, `on_front` and `beyond` are those of
    `mtlrun.statistics.frontier.Position`, over the `n_seeds` seeds that the mitigation and these points have.
    Points with a diverged seed are left out, and so are variants, unless all have one. A mitigation with
    `n_diverged` seeds is dominated or undecided. `wall_s` is the measured time of one seed of all its trials,
    `points_wall_s` that of the points, `points_trials` their trials. `front` is the same for the points of
    one front and what is compared with it.

    The second table has a row per task of these points and mitigations: gains in percent of the front's
    single-task means, with 95 % intervals. A point is `on_front`, or not, by validation values.

    Args:
        manifest: of the study.
        runs, curves, scores: as of `mtlrun.report.analysis.summary.summarise`.
        settings: method, level and margin.
    """
    import pandas as pd

    records: list[dict[str, Any]] = []
    points: list[dict[str, Any]] = []
    if any(cell.get("front") for cell in manifest["cells"]):
        study = study_of(manifest, runs, curves, scores, settings)
        fronts, others = find_sides(study.layout)
        compared: dict[int, list[Side]] = {place: [] for place in range(len(fronts))}
        for side in others:
            place = front_for(side, fronts)
            if place is not None:
                compared[place].append(side)
                records += _rows(side, fronts[place], study)
        for place, sides in compared.items():
            points += _points(fronts[place], sides, study)
    return Tables(
        pd.DataFrame(records, columns=list(FRONTIER_COLUMNS)),
        pd.DataFrame(points, columns=list(POINT_COLUMNS)),
    )


def _rows(side: Side, front: Side, study: FrontStudy) -> list[dict[str, Any]]:
    """Return the rows of one mitigation, one for each comparison."""
    own = whole(side.members, study.measured) or side.members
    units = np.array([member.units for member in side.members])
    gone = int(study.measured.mtl_diverged[:, units].any(axis=(1, 2)).sum()) if own is side.members else 0
    points = whole(front.members, study.measured)
    order = spread_out(np.array([member.weights for member in points])).tolist() if points else []
    counts = {
        TRIALS: _count(_trials(side.members), _trials(points), len(points)),
        TIME: _count(study.time(side.members), study.time(points), len(points)),
        ALL: len(points),
    }
    about = {
        **side.labels,
        "hyper": dict(side.hyper),
        "n_diverged": gone,
        "variants": len(side.members),
        "trials": _trials(side.members),
        "wall_s": study.time(side.members),
        "points_of": len(front.members),
        "cell_ids": [member.cell_id for member in side.members],
        "front": front.members[0].cell_id,
    }
    chosen = {against: [points[place] for place in order[:count]] for against, count in counts.items()}
    return [about | _row(against, some, own, front, study, gone > 0) for against, some in chosen.items()]


def _row(
    against: str, points: Sequence[Member], own: Sequence[Member], front: Side, study: FrontStudy, gone: bool
) -> dict[str, Any]:
    """Return what one comparison finds; of settings with a diverged seed only that they are dominated."""
    n, found = _position(points, own, front, study) if points else (0, NOWHERE)
    if gone and found.word != DOMINATED:
        found = found._replace(word=UNDECIDED)
    return {
        "against": against,
        "verdict": found.word,
        "lead_pct": found.lead,
        "lead_low": found.low,
        "lead_high": found.high,
        "confidence": found.confidence,
        "dominated": found.dominated,
        "on_front": found.on,
        "beyond": found.beyond,
        "n_seeds": n,
        "points": len(points),
        "points_trials": _trials(points),
        "points_wall_s": study.time(points),
        "weights": [member.weights for member in points],
    }


def _position(
    points: Sequence[Member], own: Sequence[Member], front: Side, study: FrontStudy
) -> tuple[int, Position]:
    """Return the number of seeds that have everything, and the position."""
    front_val, front_test = study.gains(front, points)
    own_val, own_test = study.gains(front, own)
    sides = (front_val, own_val, front_test, own_test)
    there = np.all([np.isfinite(side).all(axis=(1, 2)) for side in sides], axis=0)
    front_val, own_val, front_test, own_test = (side[there] for side in sides)
    n = int(there.sum())
    margin, alpha = study.settings.margin, study.settings.alpha
    return n, position(
        *(front_val, own_val, front_test, own_test, study.bounds(front, there), _resamples(n), margin, alpha),
        front_cases=study.case_gains(front, points, there),
        own_cases=study.case_gains(front, own, there),
    )


@lru_cache(maxsize=8)
def _resamples(n: int) -> Array:
    return bootstrap_weights(n, RESAMPLES, stream(0, f"report/frontier/{n}")) if n else np.empty((0, 0))


def _trials(members: Sequence[Member]) -> int:
    return sum(member.trials for member in members)


def _count(spent: float, points_spent: float, points: int) -> int:
    """Return how many of some points of equal cost could have been had for what was spent: at least one.

    0 where the cost is not known.
    """
    if not np.isfinite(spent) or not points_spent > 0:
        return 0
    return int(np.clip(np.floor(spent * points / points_spent + 1e-9), 1, points))


def _points(front: Side, others: Sequence[Side], study: FrontStudy) -> list[dict[str, Any]]:
    """Return a row per task of the points of a front, then of what is compared with it."""
    found = []
    best = on_front(_means(study.gains(front, front.members)[0])).tolist()
    for side, places in [(front, best), *((other, None) for other in others)]:
        test = study.gains(front, side.members)[1] - study.alone(front)[:, None]
        layouts = study.gain_layouts(front, side.members, np.isfinite(test))
        low, high = study.bounds(front)(test.reshape(len(test), -1), layouts, INTERVAL_LEVEL)
        means = _means(test)
        counts = np.isfinite(test).sum(axis=0)
        bounds = [bound.reshape(means.shape) for bound in (low, high)]
        for number, member in enumerate(side.members):
            for task, unit in enumerate(member.units):
                about = study.layout.units.iloc[unit]
                found.append(
                    {name: about[name] for name in (*IDENTITY, "cell_id")}
                    | {
                        "weights": member.weights,
                        "on_front": places[number] if places else None,
                        "n_seeds": int(counts[number, task]),
                        "gain_pct": means[number, task],
                        "ci_low": bounds[0][number, task],
                        "ci_high": bounds[1][number, task],
                        "front": front.members[0].cell_id,
                    }
                )
    return found


def _means(values: Array) -> Array:
    """Return the means over seeds (M, T) of values (S, M, T)."""
    return moments(values.reshape(len(values), -1)).mean.reshape(values.shape[1:])
