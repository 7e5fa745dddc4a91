"""What a gain is made of: the steps from a baseline over its controls to the cell, which add up to the gain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mtlrun.report.analysis.pairs.case_layouts import stacked
from mtlrun.report.analysis.pairs.checkpoint_selection import select
from mtlrun.report.analysis.pairs.layout import IDENTITY, SELECTION, Layout
from mtlrun.statistics.evidence import Differences, tests_of
from mtlrun.statistics.judge import INTERVAL_LEVEL
from mtlrun.statistics.paired_tests.student import Array
from mtlrun.statistics.settings import Statistics
from mtlrun.store.runs.scores import ScoreTable
from mtlrun.streams import stream

if TYPE_CHECKING:
    import pandas as pd

PARTS = {
    "capacity": "capacity",
    "exposure": "exposure",
    "shuffled": "partner with shuffled labels",
    "cell": "true against shuffled labels",
}
"""What is called the step up to each rung, by what it compares."""

SHARING = "cost of sharing"
"""Sum of the steps of capacity and of a partner with shuffled labels: what training together does whatever the other
tasks' labels say. A smaller share of the network often costs, and shared training gives part of it back, so neither
step should be read alone."""

WHOLE = "gain"
ATTRIBUTION_COLUMNS = (
    *IDENTITY,
    *("part", "n_seeds", "diff", "diff_low", "diff_high", "gain_pct", "ci_low", "ci_high", "cell_id", "over"),
)


class _Rungs(NamedTuple):
    """Oriented test values of the rungs (n, rungs) in the seeds that have all of them, and their scores by case."""

    names: list[str]
    runs: list[list[str]]
    values: Array
    cases: list[Array | None]
    seeds: NDArray[np.int64]


def make_attribution(
    manifest: Mapping[str, Any],
    layout: Layout,
    rows: pd.DataFrame,
    curves: pd.DataFrame,
    scores: ScoreTable,
    settings: Statistics,
) -> pd.DataFrame:
    """Return for each row of a cell with controls its parts and the whole gain; empty without controls.

    A part is the mean over seeds of the oriented difference between two rungs, in the metric's unit, with its
    unadjusted interval by the study's method, of the scope `over`; `gain_pct`, `ci_low` and `ci_high` are in percent
    of |single-task mean|. Seeds count that have every rung, so that the parts add up to the whole. A control that was
    not asked for leaves its part to the next. Where two rungs are the same runs, as `exposure` of a task that has all
    steps to itself anyway, the part is 0, and so are the ends of its interval. `SHARING` stands beside them where all
    controls are there.

    Args:
        manifest: of the study.
        layout: of the same.
        rows: of the report, one per unit.
        curves: of all runs, those of controls too.
        scores: of test cases, likewise.
        settings: method and scope.
    """
    import pandas as pd

    records: list[dict[str, Any]] = []
    with_controls = [cell for cell in manifest["cells"] if cell.get("controls")]
    if not with_controls:
        return pd.DataFrame(columns=list(ATTRIBUTION_COLUMNS))
    place = {(row.cell_id, row.task): number for number, row in enumerate(layout.units.itertuples())}
    for cell in with_controls:
        for task in cell["baselines"]:
            unit = place[cell["cell_id"], task]
            rungs = _rungs(cell, task, layout.units.iloc[unit], curves, scores)
            records += _parts(rungs, rows.iloc[unit], layout.units.iloc[unit], settings)
    return pd.DataFrame(records, columns=list(ATTRIBUTION_COLUMNS))


def _rungs(
    cell: Mapping[str, Any], task: str, about: pd.Series, curves: pd.DataFrame, scores: ScoreTable
) -> _Rungs:
    """Return the rungs from the baseline up to the cell, each selected as its kind of run is."""
    import pandas as pd

    asked = {name: by_task[task] for name, by_task in cell["controls"].items() if task in by_task}
    controls = {name: asked[name] for name in PARTS if name in asked}
    runs = {"baseline": cell["baselines"][task], **controls, "cell": cell["runs"]}
    found = []
    for name, run_ids in runs.items():
        wanted = pd.DataFrame({"run_id": list(run_ids)})
        for key in ("task", "metric", "sign", *SELECTION):
            wanted[key] = about[key]
        if name not in ("shuffled", "cell"):
            wanted["select"], wanted["after"] = "last" if about["select"] == "last" else "per_task", 0
        found.append(select(wanted, curves))
    values = np.stack([one["value"].to_numpy(dtype=float) for one in found], 1)
    whole = np.isfinite(values).all(axis=1)
    sign = float(about["sign"])
    cases = []
    for k, (run_ids, one) in enumerate(zip(runs.values(), found, strict=True)):
        ids, steps = np.array(run_ids, dtype=object)[whole], one["step"].to_numpy(dtype=float)[whole]
        stored = (
            stacked(scores, ids.tolist(), task, steps.tolist(), values[whole, k]) if whole.any() else None
        )
        cases.append(None if stored is None else sign * stored)
    return _Rungs(
        list(runs),
        [list(ids) for ids in runs.values()],
        sign * values[whole],
        cases,
        np.array(cell["seeds"])[whole],
    )


def _parts(rungs: _Rungs, row: pd.Series, about: pd.Series, settings: Statistics) -> list[dict[str, Any]]:
    names, last = rungs.names, len(rungs.names) - 1
    ends = {PARTS[name]: [(k, k - 1)] for k, name in enumerate(names) if k}
    if list(names[1:]) == list(PARTS):
        ends[SHARING] = [*ends[PARTS["capacity"]], *ends[PARTS["shuffled"]]]
    ends[WHOLE] = [(last, 0)]
    d = np.stack(
        [sum(rungs.values[:, a] - rungs.values[:, b] for a, b in pairs) for pairs in ends.values()], 1
    )
    alone = rungs.values[:, 0]
    size = abs(alone.mean()) if len(alone) else np.nan
    splits = int(about["splits"])
    differences = Differences(
        d=d,
        size=np.full(len(ends), size),
        layouts=[_layout(rungs.cases, pairs) for pairs in ends.values()],
        ratio=np.full(len(ends), float(about["ratio"])),
        split=np.broadcast_to(rungs.seeds % splits if splits else rungs.seeds, d.T.shape),
    )
    low, high = tests_of(differences, settings, stream(0, "report/attribution")).interval(INTERVAL_LEVEL)
    same = [all(rungs.runs[a] == rungs.runs[b] for a, b in pairs) for pairs in ends.values()]
    low, high = (np.where(same, 0.0 if len(d) else np.nan, end) for end in (low, high))
    mean = d.mean(axis=0) if len(d) else np.full(len(ends), np.nan)
    percent = 100 / size if not np.isnan(row["gain_pct"]) else np.nan
    return [
        {
            **{name: row[name] for name in IDENTITY},
            "part": part,
            "n_seeds": len(d),
            "diff": mean[k],
            "diff_low": low[k],
            "diff_high": high[k],
            "gain_pct": mean[k] * percent,
            "ci_low": low[k] * percent,
            "ci_high": high[k] * percent,
            "cell_id": row["cell_id"],
            "over": scope,
        }
        for k, (part, scope) in enumerate(zip(ends, differences.scopes(settings.over), strict=True))
    ]


def _layout(cases: Sequence[Array | None], pairs: Sequence[tuple[int, int]]) -> list[Array]:
    """Return the differences by seed and case of one part, in a list; an empty list where a rung has no scores."""
    used = [cases[k] for pair in pairs for k in pair]
    if (
        any(one is None or one.shape != used[0].shape for one in used if used[0] is not None)
        or used[0] is None
    ):
        return []
    total: Array = np.sum([np.subtract(cases[a], cases[b]) for a, b in pairs], axis=0)  # type: ignore[arg-type]
    return [total[:, ~np.isnan(total).any(axis=0)]]
