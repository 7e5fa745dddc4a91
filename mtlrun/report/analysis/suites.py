"""The suites of a report, one cell each: delta-m with its interval, and how many tasks are hurt and helped."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mtlrun.report.analysis.pairs.case_layouts import CaseLayouts, filled
from mtlrun.report.analysis.pairs.layout import LABELS, Layout
from mtlrun.report.analysis.pairs.paired_values import Measured
from mtlrun.report.analysis.rows import splits_of
from mtlrun.statistics.delta_m import DeltaM, delta_m
from mtlrun.statistics.evidence import Differences, student_intervals
from mtlrun.statistics.judge import INTERVAL_LEVEL
from mtlrun.statistics.paired_tests.student import Array
from mtlrun.statistics.settings import Statistics

if TYPE_CHECKING:
    import pandas as pd

SUITE_COLUMNS = (
    *(*LABELS, "hyper", "tuned", "n_tasks", "n_seeds", "n_diverged"),
    *("delta_m", "ci_low", "ci_high", "hurt", "helped", "cell_id", "over", "left_out"),
)


class _Cell(NamedTuple):
    """Delta-m of one cell: by seed (S,) in its linear form, by test case, and the ratio of its splits."""

    value: DeltaM
    by_seed: Array
    layouts: list[Array]
    ratio: float


def make_suites(
    layout: Layout, measured: Measured, cases: CaseLayouts, rows: pd.DataFrame, settings: Statistics
) -> pd.DataFrame:
    """Return one row per cell: delta-m over its tasks that have a percentage, tasks hurt and helped.

    `delta_m` rests on the seeds that have all these tasks; `ci_low` and `ci_high` are its 95 % interval by Student's
    t, of the scope `over`, as those of rows; with splits the largest ratio of its tasks counts. `left_out` names
    the tasks that have no percentage.
    """
    import pandas as pd

    cells = cells_of(layout)
    percent = rows["gain_pct"].notna().to_numpy()
    signs, ratios = layout.units["sign"].to_numpy(), layout.units["ratio"].to_numpy(dtype=float)
    found = [_cell(signs, ratios, measured, cases, at[percent[at]]) for at in cells]
    differences = Differences(
        d=np.stack([one.by_seed for one in found], axis=1) if found else np.empty((0, 0)),
        size=np.full(len(found), np.nan),
        layouts=[one.layouts for one in found],
        ratio=np.array([one.ratio for one in found]),
        split=splits_of(layout, measured)[[at[0] for at in cells]] if cells else None,
    )
    low, high = student_intervals(differences, settings.over, INTERVAL_LEVEL)
    scopes = differences.scopes(settings.over)
    records = rows[[*LABELS, "hyper", "tuned", "task", "verdict", "cell_id"]].to_dict("records")
    suites = []
    for number, (at, one) in enumerate(zip(cells, found, strict=True)):
        words = [records[position]["verdict"] for position in at]
        suites.append(
            {
                **records[at[0]],
                "n_tasks": int(percent[at].sum()),
                "n_seeds": int((~np.isnan(one.by_seed)).sum()),
                "n_diverged": int(measured.diverged[:, at].any(axis=1).sum()),
                "delta_m": one.value.value,
                "ci_low": low[number],
                "ci_high": high[number],
                "hurt": words.count("negative"),
                "helped": words.count("positive"),
                "over": scopes[number],
                "left_out": [records[position]["task"] for position in at[~percent[at]]],
            }
        )
    return pd.DataFrame(suites, columns=list(SUITE_COLUMNS))


def cells_of(layout: Layout) -> list[NDArray[np.intp]]:
    """Return the units of each cell."""
    cells: dict[int, list[int]] = {}
    for position, cell in enumerate(layout.units["cell"].tolist()):
        cells.setdefault(cell, []).append(position)
    return [np.array(members, dtype=np.intp) for members in cells.values()]


def _cell(
    signs: Array, ratios: Array, measured: Measured, cases: CaseLayouts, units: NDArray[np.intp]
) -> _Cell:
    known = ~np.isnan(measured.d[:, units])
    whole = np.asarray(known.all(axis=1) & (len(units) > 0))
    near = slice(units.min(initial=len(signs)), units.max(initial=0) + 1)  # a cell's units lie together
    stl, mtl = (side[:, near][whole][:, units - near.start] for side in (measured.stl, measured.mtl))
    value = delta_m(stl, mtl, signs[units])
    by_seed = np.full(len(whole), np.nan)
    by_seed[whole] = value.of(stl, mtl)
    return _Cell(value, by_seed, _layouts(cases, units, value, whole), ratios[units].max(initial=0.0))


def _layouts(
    cases: CaseLayouts, units: NDArray[np.intp], value: DeltaM, whole: NDArray[np.bool_]
) -> list[Array]:
    """Return delta-m by seed and case, a layout for each number of cases; tasks that share their examples have one.

    Nothing where a task has no scores by case.
    """
    found: dict[int, Array] = {}
    for place, unit in enumerate(units):
        sides = [cases.side(side, int(unit), whole) for side in ("mtl", "stl")]
        if sides[0] is None or sides[1] is None or sides[0].shape != sides[1].shape:
            return []
        together, alone = (filled(side) for side in sides if side is not None)
        part = value.multi[place] * together - value.single[place] * alone
        m = part.shape[1]
        found[m] = found[m] + part if m in found else part
    return list(found.values())
