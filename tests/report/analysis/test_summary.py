from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from support.synthetic_study import SyntheticStudy
from threadpoolctl import threadpool_info, threadpool_limits

from mtlrun.errors import DataError
from mtlrun.report.analysis.rows import ROW_COLUMNS
from mtlrun.report.analysis.summary import Summary, summarise
from mtlrun.report.analysis.training.cost import make_cost

CONTRACT = [
    *("suite", "task", "kind", "metric", "direction", "sharing", "heads", "weighting", "schedule"),
    *("regularization", "mitigation", "hyper", "tuned", "n_seeds", "n_diverged", "stl_mean", "stl_sd"),
    *("mtl_mean", "mtl_sd", "diff", "diff_low", "diff_high", "gain_pct", "ci_low", "ci_high", "p"),
    *("p_adjusted", "verdict", "seeds_needed"),
]
N = 12
RNG = np.random.default_rng(9)
STL = {"a": 0.9 + 0.01 * RNG.standard_normal(N), "b": 0.8 + 0.01 * RNG.standard_normal(N)}
NOISE = {"a": 0.004 * RNG.standard_normal(N), "b": 0.004 * RNG.standard_normal(N)}


def moved(a: float, b: float, scale: float = 1.0) -> dict[str, np.ndarray]:
    return {"a": STL["a"] + a + scale * NOISE["a"], "b": STL["b"] + b + scale * NOISE["b"]}


def summary(
    mtl: dict[str, Any] | None = None, statistics: dict[str, Any] | None = None, **options: Any
) -> Summary:
    study = SyntheticStudy(**(statistics or {}))
    study.add(STL, mtl or moved(-0.03, 0.03), **options)
    return study.summary()


def test_columns_are_the_contract_in_its_order_then_additions() -> None:
    assert list(summary().rows) == list(ROW_COLUMNS)
    assert list(ROW_COLUMNS[: len(CONTRACT)]) == CONTRACT


def test_a_row_by_hand() -> None:
    mtl = moved(-0.03, 0.03)
    row = summary(mtl).rows.iloc[0]
    test = stats.ttest_rel(mtl["a"], STL["a"])
    low, high = test.confidence_interval(0.95)
    assert row["diff"] == pytest.approx(np.mean(mtl["a"] - STL["a"]))
    assert (row["diff_low"], row["diff_high"]) == (pytest.approx(low), pytest.approx(high))
    assert row["gain_pct"] == pytest.approx(100 * (mtl["a"].mean() - STL["a"].mean()) / STL["a"].mean())
    assert row["ci_low"] == pytest.approx(100 * low / STL["a"].mean())
    assert row["p"] == pytest.approx(test.pvalue)
    assert row["stl_sd"] == pytest.approx(np.std(STL["a"], ddof=1))
    assert (row["verdict"], row["n_seeds"], row["n_diverged"], row["seeds_needed"]) == ("negative", N, 0, 0)


def test_holm_over_the_suite_or_the_study() -> None:
    def both(family: str) -> list[float]:
        study = SyntheticStudy(family=family)
        for suite in ("one", "two"):
            study.add(STL, moved(0.0, 0.003), suite=suite)
        rows = study.summary().rows
        return (rows["p_adjusted"] / rows["p"]).tolist()

    assert max(both("suite")) == pytest.approx(2)
    assert max(both("study")) == pytest.approx(4)


def test_lower_is_better_turns_the_sign() -> None:
    row = summary(moved(-0.03, 0.03), metric="mse", direction="lower").rows.iloc[0]
    assert row["diff"] > 0
    assert row["verdict"] == "positive"


def test_gain_is_a_ratio_of_means() -> None:
    study = SyntheticStudy()
    study.add({"a": [1.0, 3.0]}, {"a": [2.0, 3.0]})
    assert study.summary().rows["gain_pct"][0] == pytest.approx(25)  # mean of ratios: 50


def test_separate_is_neutral_with_p_one() -> None:
    row = summary(dict(STL)).rows.iloc[0]
    assert (row["verdict"], row["p"], row["gain_pct"]) == ("neutral", 1.0, 0.0)


def test_one_seed_gives_means_and_nulls() -> None:
    study = SyntheticStudy()
    study.add({"a": [0.9]}, {"a": [0.8]})
    row = study.summary().rows.iloc[0]
    assert row["verdict"] == "inconclusive"
    assert row["diff"] == pytest.approx(-0.1)
    assert (
        row[["stl_sd", "mtl_sd", "ci_low", "ci_high", "diff_low", "p", "p_adjusted", "seeds_needed"]]
        .isna()
        .all()
    )


@pytest.mark.parametrize("side", ["status", "stl_status"])
def test_absent_and_failed_runs_leave_their_seed_out(side: str) -> None:
    found = summary(**{side: {2: "missing", 5: "failed"}})
    assert found.rows["n_seeds"].tolist() == [N - 2] * 2
    assert found.rows["n_diverged"].tolist() == [0, 0]
    runs = 1 if side == "status" else 2
    assert (found.counts["missing"], found.counts["failed"]) == (runs, runs)
    kept = np.delete(STL["a"], [2, 5])
    assert found.rows["stl_mean"][0] == pytest.approx(kept.mean())


@pytest.mark.parametrize("side", ["status", "stl_status"])
def test_diverged_seeds_are_counted_and_forbid_good_news(side: str) -> None:
    rows = summary(**{side: {3: "diverged"}}).rows
    assert rows["n_seeds"].tolist() == [N - 1] * 2
    assert rows["n_diverged"].tolist() == [1, 1]
    assert rows["verdict"].tolist() == ["negative", "inconclusive"]
    assert rows["seeds_needed"].isna().tolist() == [False, True]


def test_a_value_that_is_not_finite_counts_as_diverged() -> None:
    mtl = moved(-0.03, 0.03)
    mtl["b"][4] = np.inf
    rows = summary(mtl).rows
    assert rows["n_diverged"].tolist() == [0, 1]


def test_nothing_trained_yet_is_a_table_of_nulls() -> None:
    none = dict.fromkeys(range(N), "missing")
    found = summary(status=none, stl_status=none)
    assert found.rows["n_seeds"].tolist() == [0, 0]
    assert found.rows["verdict"].tolist() == ["inconclusive"] * 2
    assert found.rows[["stl_mean", "gain_pct", "p"]].isna().all(axis=None)
    assert np.isnan(found.suites["delta_m"][0])


def test_finished_run_without_its_metric_is_an_error() -> None:
    study = SyntheticStudy()
    study.add(STL, moved(0, 0))
    curves = study.curves()
    with pytest.raises(DataError, match=r"has no `val` and `test` values of metric `accuracy` for task `b`"):
        summarise(study.manifest(), study.runs(), curves[curves["task"] != "b"])


@pytest.mark.parametrize(("metric", "shift"), [("r2", 0.0), ("accuracy", -0.85)])
def test_no_percentage_without_a_zero_or_near_it(metric: str, shift: float) -> None:
    study = SyntheticStudy()
    stl = 0.85 + np.random.default_rng(1).normal(0, 0.05, 30)
    stl = stl - stl.mean() + 0.85 + shift
    study.add({"a": stl}, {"a": stl - 0.02 + 0.001 * RNG.standard_normal(30)}, metric=metric)
    found = study.summary()
    row = found.rows.iloc[0]
    assert row[["gain_pct", "ci_low", "ci_high"]].isna().all()
    assert row["verdict"] == "negative"
    assert row["diff"] == pytest.approx(-0.02, abs=1e-3)
    assert found.suites["n_tasks"][0] == 0


def test_resplit_uses_the_corrected_t() -> None:
    plain, corrected = summary().rows, summary(resplit={"n_train": 897, "n_test": 600}).rows
    width = (corrected["ci_high"] - corrected["ci_low"]) / (plain["ci_high"] - plain["ci_low"])
    assert width.tolist() == pytest.approx([np.sqrt(1 + N * 600 / 897)] * 2)
    assert (corrected["p"] > plain["p"]).all()


def test_suites_hold_delta_m_and_who_is_hurt() -> None:
    found = summary().suites.iloc[0]
    gains = summary().rows["gain_pct"]
    assert found["delta_m"] == pytest.approx(gains.mean())
    assert found["ci_low"] < found["delta_m"] < found["ci_high"]
    assert (found["hurt"], found["helped"], found["n_tasks"], found["n_seeds"]) == (1, 1, 2, N)


def test_cost_per_cell() -> None:
    cost = summary(status={0: "missing"}).cost.iloc[0]
    assert (cost["runs"], cost["wall_s"], cost["steps"], cost["lanes"]) == (N - 1, 0.5, 100, 8)
    assert cost["stl_wall_s"] == pytest.approx(1.0)
    assert (cost["parameters"], cost["parameters_shared"]) == (1020, 1000)
    assert cost["features"] is pd.NA  # runs of earlier versions do not tell
    assert cost["parameters_task"] == {"a": 10, "b": 10}


def test_seeds_of_cells_may_differ() -> None:
    study = SyntheticStudy()
    study.add({"a": [1.0, 2.0]}, {"a": [1.1, 2.1]}, seeds=[0, 1])
    study.add({"a": [2.0, 5.0]}, {"a": [2.1, 5.3]}, seeds=[1, 7], mitigation="dwa", weighting="dwa")
    found = study.summary()
    assert found.rows["stl_mean"].tolist() == [1.5, 3.5]
    assert found.contrasts["n_seeds"].tolist() == [1]


def test_versions_and_devices_of_all_runs() -> None:
    study = SyntheticStudy()
    study.add(STL, moved(0, 0))
    runs = study.runs()
    runs.at[0, "versions"] = {"torch": "2.6.0", "numpy": "2.0"}
    runs.at[0, "device"] = "H100"
    found = summarise(study.manifest(), runs, study.curves())
    assert found.versions == {"numpy": "2.0", "torch": "2.13.0, 2.6.0"}
    assert found.devices == ["H100", "cpu"]


def test_statistics_node_may_name_its_class() -> None:
    assert summary(statistics={"_target_": "mtlrun.statistics.settings.Statistics"}).settings.alpha == 0.05


def test_the_test_part_decides_values_but_not_steps() -> None:
    study = SyntheticStudy()
    study.add(STL, moved(-0.03, 0.03))
    curves = study.curves()
    before = summarise(study.manifest(), study.runs(), curves).pairs
    on_test = (curves["split"] == "test").to_numpy()
    curves.loc[on_test, "value"] = np.random.default_rng(0).random(on_test.sum())
    after = summarise(study.manifest(), study.runs(), curves).pairs
    assert before[["step", "stl_step"]].equals(after[["step", "stl_step"]])
    assert not before["mtl"].equals(after["mtl"])


def test_reports_use_one_blas_thread_and_give_the_others_back(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []

    def blas_threads() -> set[int]:
        return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}

    def noted(*arguments: object) -> pd.DataFrame:
        found.append(blas_threads())
        return make_cost(*arguments)

    monkeypatch.setattr("mtlrun.report.analysis.summary.make_cost", noted)
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        summary()
        assert blas_threads() == before
    assert found == [{1}]
