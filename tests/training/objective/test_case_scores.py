"""Which scores of test cases are kept, and how they are put together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from mtlrun.data.task import Source, SuiteData, Task
from mtlrun.planning.settings.saving import Rule
from mtlrun.report.analysis.pairs.checkpoint_selection import select
from mtlrun.training.objective.case_scores import CaseScores
from mtlrun.training.objective.cases import MOST, Cases, Counts, cases_of, counts_of

RNG = np.random.default_rng(21)
TASKS = [Task("a", "binary", 1, 0, ("accuracy",)), Task("b", "regression", 1, 0, ("mse",))]
CPU = torch.device("cpu")


def source(rows: int, groups: np.ndarray | None = None) -> Source:
    parts = {"train": np.arange(0), "val": np.arange(0), "test": np.arange(rows)}
    return Source("s", np.zeros((rows, 1), np.float32), {}, parts, groups=groups)


def chosen(val: np.ndarray, steps: list[int], wanted: list[int], **rule: int | str) -> set[tuple[int, int]]:
    """Return the places (evaluation, task) that a report reads of values (E, T)."""
    curves = pd.DataFrame(
        [
            ("r", TASKS[t].name, split, TASKS[t].metrics[0], steps[e], val[e, t])
            for e in range(len(val))
            for t in range(2)
            for split in ("val", "test")
        ],
        columns=["run_id", "task", "split", "metric", "step", "value"],
    )
    frame = pd.DataFrame(
        [
            {"run_id": "r", "task": TASKS[t].name, "metric": TASKS[t].metrics[0], "sign": 1.0 - 2 * t, **rule}
            for t in wanted
        ]
    )
    found = select(frame, curves)["step"].astype(int)
    return {(steps.index(step), t) for step, t in zip(found, wanted, strict=True)}


@pytest.mark.sample(3)
@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("judged", [(True, True), (True, False)])
def test_all_that_a_report_may_read_is_kept(seed: int, judged: tuple[bool, bool]) -> None:
    rng = np.random.default_rng(seed)
    val = np.round(rng.random((8, 2)), 1)  # with ties
    steps = [10 * (e + 1) for e in range(8)]
    stop = Rule("joint", 2, 30)
    kept = CaseScores(TASKS, [[Counts(5, 5)] * 2])
    for e in range(8):
        kept.add([torch.full((1, 5), 10.0 * e + t) for t in range(2)])
    (found,) = kept.stored(steps, val[None], [judged], [[stop, Rule("per_task", 2, 30)]])
    places = {(steps.index(one.step), one.task): one for one in found}
    wanted = [t for t in range(2) if judged[t]]
    for select_by in ("per_task", "joint", "last"):
        assert chosen(val, steps, wanted, select=select_by) <= places.keys()
        assert chosen(val, steps, wanted, select=select_by, patience=2, after=30) <= places.keys() or (
            select_by == "last"
        )
    for (e, t), one in places.items():
        np.testing.assert_allclose(one.values * one.scale, 10 * e + t, rtol=1e-3)


def test_scores_keep_three_digits_whatever_their_size() -> None:
    for size in (1e-30, 1e-6, 1.0, 1e9, 1e30):
        values = torch.tensor([[0.0, 0.3, 1.0, -0.7]]) * size
        kept = CaseScores(TASKS[1:], [[Counts(4, 4)]])
        kept.add([values])
        ((one,),) = kept.stored([1], np.zeros((1, 1, 1)), [[True]], [[]])
        found = one.values.astype(float) * one.scale
        np.testing.assert_allclose(found, values[0].double().numpy(), rtol=1e-3)


def test_the_score_of_a_group_is_what_the_mean_would_lose_without_it() -> None:
    """Groups of 1, 2 and 3 rows; a ratio of sums to first order: theta + (3 / 6) sum(s - theta)."""
    groups = np.array([7, 3, 3, 5, 5, 5])
    cases = Cases.of_source(source(6, groups), CPU)
    scores = torch.tensor([[1.0, 0.0, 1.0, 0.0, 0.0, 1.0]])
    theta = 0.5
    expected = [theta + 0.5 * 0.0, theta + 0.5 * -0.5, theta + 0.5 * 0.5]  # of the groups 3, 5 and 7
    np.testing.assert_allclose(cases.gather(scores)[0], expected)
    assert cases.count == 3


def test_examples_without_a_label_have_no_part() -> None:
    cases = Cases.of_source(source(5, np.array([0, 0, 1, 1, 2])), CPU)
    found = cases.gather(torch.tensor([[1.0, torch.nan, 0.0, 1.0, torch.nan]]))[0]
    assert torch.isnan(found).tolist() == [False, False, True]
    theta = 2 / 3
    assert found[0] == pytest.approx(theta + 2 / 3 * (1 - theta))
    assert found[:2].mean() == pytest.approx(theta)


def test_blocks_have_the_variance_of_their_examples() -> None:
    rows = 20 * MOST
    cases = Cases.of_source(source(rows), CPU)
    assert cases.count == MOST
    ordered = torch.sort(torch.from_numpy(RNG.normal(size=(1, rows))))[0]  # blocks of neighbours would lie
    found = cases.gather(ordered)[0]
    assert found.mean() == pytest.approx(float(ordered.mean()), abs=1e-9)
    error = float(found.var()) / MOST, float(ordered.var()) / rows
    assert error[0] == pytest.approx(error[1], rel=0.15)


def test_lanes_may_differ_in_their_groups() -> None:
    """Each has the scores that it would have alone; where one has fewer groups, the rest of its scores is empty."""
    groups = [np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 0, 0]), None]
    lanes = [source(5, one) for one in groups]
    scores = torch.tensor([[1.0, 0.0, 0.0, 1.0, torch.nan]] * 3) + torch.arange(3.0)[:, None]
    data = [SuiteData(tuple(TASKS[1:]), (replace(lane, targets={"b": np.zeros((5, 1))}),)) for lane in lanes]
    (cases,) = cases_of(data, CPU)
    found = cases.gather(scores)
    for lane, one in enumerate(lanes):
        alone = Cases.of_source(one, CPU)
        expected = alone.gather(scores[lane : lane + 1])[0]
        torch.testing.assert_close(found[lane, : alone.count], expected, equal_nan=True)
        assert found[lane, alone.count :].isnan().all()
        assert counts_of(data)[lane] == [Counts(alone.count, alone.count)]
    kept = CaseScores(TASKS[1:], counts_of(data))
    kept.add([found])
    stored = kept.stored([1], np.zeros((3, 1, 1)), [[True]] * 3, [[]] * 3)
    assert [len(one.values) for (one,) in stored] == [3, 2, 5]


def test_lanes_with_the_same_cases_have_them_in_common() -> None:
    data = [SuiteData((), (source(4, np.array([0, 0, 1, 1])),))] * 2
    (cases,) = cases_of(data, CPU)
    assert cases.count == 2
    assert cases.of is not None and cases.of.shape == (4,)


def test_cases_without_a_label_are_not_counted() -> None:
    """Of 3,000 examples in 1,000 blocks those count that have a label; of groups those with any labelled row."""
    rows, task = 3 * MOST, replace(TASKS[1], partial=True)
    target = np.where(np.arange(rows) < 400, 1.0, np.nan)[:, None]
    groups = np.arange(rows) // 10
    many, grouped = (replace(source(rows, one), targets={"b": target}) for one in (None, groups))
    assert counts_of([SuiteData((task,), (many,))]) == [[Counts(MOST, 400)]]
    assert counts_of([SuiteData((task,), (grouped,))]) == [[Counts(300, 40)]]
