"""Whether runs were trained for long enough: shares worked out by hand, noise, phases, and a small table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.commands import mtlrun, reported

from mtlrun.planning.manifest import study_runs
from mtlrun.report.analysis.pairs.layout import lay_out
from mtlrun.report.analysis.pairs.paired_values import measure
from mtlrun.report.analysis.training.convergence import make_convergence
from mtlrun.schedule.base import told
from mtlrun.schedule.sequential import Sequential
from mtlrun.statistics.settings import Statistics
from mtlrun.store.store import Store

FLAT = [0.5, 0.7, 0.8, 0.85, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]
RISING = [0.5, 0.55, 0.6, 0.65, 0.7, 0.74, 0.78, 0.82, 0.86, 0.9]
LABELS = dict.fromkeys(
    ("suite", "sharing", "heads", "weighting", "schedule", "regularization", "mitigation"), "x"
)


def judged(
    mtl: dict[str, list[list[float] | None]],
    stl: dict[str, list[list[float] | None]] | None = None,
    metric: str = "accuracy",
    direction: str = "higher",
    margin: float = 1.0,
    every: int = 10,
    **cell: Any,
) -> pd.DataFrame:
    """Return the convergence of one cell: by task and seed the validation values after `every`, 2 `every`, ... steps.

    Without `stl`, both sides have the same values. A run without values is missing.
    """
    runs, points = {}, []
    seeds = range(len(next(iter(mtl.values()))))

    def add(run_id: str, task: str, values: list[float] | None) -> None:
        if values is not None:
            runs[run_id] = {"run_id": run_id, "status": "finished"}
            points.extend(
                (run_id, task, split, metric, every * k, value)
                for k, value in enumerate(values, 1)
                for split in ("val", "test")
            )

    for task in mtl:
        for seed in seeds:
            add(f"mtl/{seed}", task, mtl[task][seed])
            add(f"{task}/{seed}", task, (mtl if stl is None else stl)[task][seed])
    about = {
        "labels": LABELS,
        "cell_id": "c",
        "select": "per_task",
        "seeds": list(seeds),
        "runs": [f"mtl/{seed}" for seed in seeds],
        "tasks": [{"name": t, "kind": "binary", "metric": metric, "direction": direction} for t in mtl],
        "baselines": {task: [f"{task}/{seed}" for seed in seeds] for task in mtl},
    }
    curves = pd.DataFrame(points, columns=["run_id", "task", "split", "metric", "step", "value"])
    layout = lay_out({"cells": [about | cell]})
    found = pd.DataFrame(list(runs.values()), columns=["run_id", "status"])
    return make_convergence(layout, measure(layout, found, curves), curves, Statistics(margin=margin))


def share(*seeds: list[float], **about: Any) -> float:
    """Return the share of seeds that were still improving."""
    return float(judged({"a": list(seeds)}, **about)["mtl_unconverged"].iloc[0])


def test_shares_of_both_sides_and_what_follows() -> None:
    both = {"a": [RISING, FLAT], "b": [FLAT, FLAT], "c": [FLAT, FLAT]}
    alone = {"a": [FLAT, FLAT], "b": [RISING, RISING], "c": [FLAT, FLAT]}
    found = judged(both, alone)
    assert list(found.columns) == ["stl_unconverged", "mtl_unconverged", "converged"]
    assert found["stl_unconverged"].tolist() == [0, 1, 0]
    assert found["mtl_unconverged"].tolist() == [0.5, 0, 0]
    assert found["converged"].tolist() == [False, False, True]
    assert found["converged"].dtype == "boolean"


def test_fewer_than_half_of_the_seeds_leave_a_row_converged() -> None:
    found = judged({"a": [RISING, FLAT, FLAT]})
    assert found["mtl_unconverged"].tolist() == [pytest.approx(1 / 3)] and found["converged"].tolist() == [
        True
    ]


@pytest.mark.parametrize(("last", "improving"), ((0.9085, 0), (0.9095, 1)))
def test_a_gain_in_the_last_fifth_counts_from_the_margin_on(last: float, improving: int) -> None:
    values = [*FLAT[:8], 0.902, last]  # 1 % of 0.9 is 0.009
    assert share(values) == improving
    assert share([-v for v in values], metric="mse", direction="lower") == improving
    assert share(values, margin=2.0) == 0


def test_the_last_evaluation_need_not_be_the_best_of_the_last_fifth() -> None:
    assert share([*RISING[:9], 0.855]) == 1


def test_a_gain_of_earlier_training_is_none_of_the_last_fifth() -> None:
    assert share([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9, 0.9, 0.9]) == 0


def test_metrics_without_a_natural_zero_are_judged_as_the_error_that_they_are_made_of() -> None:
    for last, improving in ((0.0992, 0), (0.0985, 1)):  # of the variance; 1 % of 0.1 is 0.001
        error = [0.5, 0.3, 0.2, 0.15, 0.12, 0.11, 0.1, 0.1, 0.0996, last]
        assert share(error, metric="mse", direction="lower") == improving
        assert share([1 - e for e in error], metric="r2") == improving
    # Trained out at the first evaluation: 5 % of the improvement since then would be nothing at all.
    assert share([0.9 + 1e-5 * k for k in range(10)], metric="r2") == 0


def test_a_gain_within_the_noise_of_the_curve_is_none() -> None:
    assert share([0.5, 0.8, 0.9, 0.9, 0.9, 0.95, 0.9, 0.95, 0.9, 0.97]) == 0  # it falls by 0.05 between times
    assert (
        share([0.5, 0.8, 0.7, 0.9, 0.9, 0.9, 0.9, 0.9, 0.92, 0.94]) == 1
    )  # a fall of the first half is no noise


@pytest.mark.parametrize("rows", (20, 50, 200, 1000))
def test_coins_are_rarely_called_unconverged(rows: int) -> None:
    rng = np.random.default_rng(rows)
    coins = rng.binomial(rows, 0.5, size=(2000, 10)) / rows
    assert share(*coins.tolist()) < 0.04  # of the seeds; a row needs half of its seeds


def test_one_row_of_a_small_validation_part_tells_nothing() -> None:
    def counted(*right: int) -> list[list[float]]:
        return [[r / 15 for r in right], [13 / 15] * 10, [12 / 15] * 10]

    flat = (10, 11, 12, 12, 12, 12, 12, 12)
    assert share(*counted(*flat, 12, 13)) == 0
    assert share(*counted(*flat, 13, 14)) == pytest.approx(1 / 3)


def test_two_values_are_no_sign_of_a_metric_that_counts() -> None:
    assert share([0.5, 0.9]) == 1


def test_few_evaluations_are_judged_by_the_time_between_them() -> None:
    # From half to the end a gain of 2 %, which is 0.8 % in a fifth of training; then one of 3 %, 1.2 %.
    assert share([1.0, 1.02]) == 0
    assert share([1.0, 1.03]) == 1


def test_one_evaluation_tells_nothing() -> None:
    found = judged({"a": [[0.9], [0.8]]})
    assert found[["stl_unconverged", "mtl_unconverged"]].isna().all(axis=None)
    assert found["converged"].isna().all()


def test_a_side_that_is_not_known_leaves_open_what_the_other_does_not_decide() -> None:
    missing = {"a": [None, None], "b": [None, None]}
    found = judged({"a": [RISING, RISING], "b": [FLAT, FLAT]}, missing)
    assert found["stl_unconverged"].isna().all() and found["mtl_unconverged"].tolist() == [1, 0]
    assert found["converged"].iloc[0] == False  # noqa: E712
    assert found["converged"].isna().tolist() == [False, True]


def test_missing_and_diverged_seeds_have_no_part() -> None:
    found = judged({"a": [RISING, None, [*RISING[:5], *[np.nan] * 5], FLAT]}, {"a": [FLAT] * 4})
    assert found["mtl_unconverged"].tolist() == [0.5]


def test_an_earlier_evaluation_that_is_read_needs_no_more_training() -> None:
    # joint: b is best after 30 steps, by so much that a is read there too
    worse = [0.5, 0.8, 0.9, 0.5, 0.4, 0.3, 0.3, 0.3, 0.2, 0.1]
    found = judged({"a": [RISING], "b": [worse]}, select="joint")
    assert found["mtl_unconverged"].tolist() == [0, 0] and found["stl_unconverged"].tolist() == [1, 0]
    # patience: a run that ended early by its own rule
    stalled = [0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.7, 0.8, 0.9, 1.0]
    assert share(stalled) == 1
    assert share(stalled, early_stop={"patience": 2, "after": 0}) == 0


def test_the_last_checkpoint_is_judged_by_its_course_too() -> None:
    assert share(RISING, select="last") == 1
    assert share(FLAT, select="last") == 0
    assert share([*FLAT[:8], 0.8, 0.7], select="last") == 0


@pytest.mark.parametrize("select", ("last", "per_task"))
def test_a_task_is_judged_by_the_phases_that_train_it(select: str) -> None:
    phases = told(Sequential().phases(2, 100), ["a", "b"])  # a for 100 steps, then b
    wait, forget = [0.1] * 10, [0.8, *[0.6] * 9]
    rising = judged({"a": [[*RISING, *forget]], "b": [[*wait, *RISING]]}, phases=phases, select="last")
    assert rising["mtl_unconverged"].tolist() == [1, 1]  # however long the other task went on
    again = [*FLAT, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.7, 0.8, 0.9, 0.95]  # while b is trained
    flat = judged({"a": [again], "b": [[*wait, *FLAT]]}, phases=phases, select=select)
    assert flat["mtl_unconverged"].tolist() == [0, 0]


def under_trained(path: Path) -> str:
    """Write 103 rows of 7 inputs and two targets far from 0; return their override."""
    rng, n = np.random.default_rng(5), 103
    x, noise = rng.uniform(-1, 1, (n, 7)), rng.normal(size=(2, n))
    frame = pd.DataFrame(x, columns=[f"k{i}" for i in range(7)])
    frame["p"] = 30 + 8 * x[:, 0] + 5 * x[:, 1] * x[:, 2] + 2 * x[:, 3] ** 2 + 0.5 * noise[0]
    frame["q"] = 18 + 6 * np.sin(2 * x[:, 4]) + 4 * x[:, 5] + 2 * noise[1]
    frame.to_csv(path, index=False)
    return f"suite.path={path}"


def converged(store: Path) -> list[bool]:
    """Return what the check says of the rows of a store's last study."""
    stored = Store(store)
    manifest = stored.read_study()
    ids = study_runs(manifest["cells"])
    layout, curves = lay_out(manifest), stored.curves(ids)
    measured = measure(layout, stored.runs(ids), curves)
    return make_convergence(layout, measured, curves, Statistics())["converged"].tolist()


def test_a_small_table_is_trained_for_long_enough_unless_it_is_kept_from_it(tmp_path: Path) -> None:
    suite = ["suite=table", under_trained(tmp_path / "small.csv"), "suite.targets={p: p, q: q}", "seeds=5"]
    suite += [f"store={tmp_path / 'runs'}", "launch.processes=1"]
    assert mtlrun("run", *suite).code == 0
    assert all(row["verdict"] != "negative" for row in reported(tmp_path / "runs")["rows"])
    assert mtlrun("run", *suite, "budget.min_steps=46").code == 0
    assert converged(tmp_path / "runs") == [False, False]
