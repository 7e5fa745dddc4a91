from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mtlrun.errors import ConfigError
from mtlrun.report.analysis.pairs.checkpoint_selection import select


def curves(**values: dict[str, list[float]]) -> pd.DataFrame:
    """By `task` a dict of `val` and `test` lists, one value per step 10, 20, ..., in scrambled order."""
    rows = [
        ("run", task, split, "accuracy", 10 * (i + 1), value)
        for task, splits in values.items()
        for split, series in splits.items()
        for i, value in enumerate(series)
    ]
    frame = pd.DataFrame(rows, columns=["run_id", "task", "split", "metric", "step", "value"])
    noise = frame.assign(metric="log_loss", value=-frame["value"])
    both = pd.concat([frame, noise, frame.assign(run_id="other"), frame.assign(task="else", value=9.0)])
    return both.sample(frac=1, random_state=1).astype({"run_id": "category", "task": "category"})


def wanted(mode: str, *tasks: str, sign: float = 1.0) -> pd.DataFrame:
    return pd.DataFrame(
        [("run", task, "accuracy", sign, mode) for task in tasks],
        columns=["run_id", "task", "metric", "sign", "select"],
    )


def steps(frame: pd.DataFrame) -> list[float]:
    return frame["step"].tolist()


def test_per_task_takes_each_tasks_own_best_validation_step() -> None:
    data = curves(
        a={"val": [0.1, 0.9, 0.5], "test": [0.7, 0.6, 0.8]},
        b={"val": [0.3, 0.2, 0.4], "test": [0.1, 0.2, 0.3]},
    )
    chosen = select(wanted("per_task", "a", "b"), data)
    assert steps(chosen) == [20, 30]
    assert chosen["value"].tolist() == [0.6, 0.3]


def test_lower_is_better_takes_the_lowest() -> None:
    data = curves(a={"val": [0.5, 0.2, 0.3], "test": [1.0, 2.0, 3.0]})
    assert select(wanted("per_task", "a", sign=-1.0), data)["value"].tolist() == [2.0]


def test_ties_go_to_the_earliest_step() -> None:
    data = curves(a={"val": [0.1, 0.9, 0.9], "test": [1.0, 2.0, 3.0]})
    assert steps(select(wanted("per_task", "a"), data)) == [20]


def test_joint_weighs_tasks_by_their_own_size() -> None:
    """Task b is a hundred times larger; raw means would follow b alone and choose step 10."""
    data = curves(
        a={"val": [0.1, 0.5, 0.3], "test": [1.0, 2.0, 3.0]},
        b={"val": [90.0, 80.0, 70.0], "test": [4.0, 5.0, 6.0]},
    )
    chosen = select(wanted("joint", "a", "b"), data)
    assert steps(chosen) == [20, 20]
    assert chosen["value"].tolist() == [2.0, 5.0]


def test_joint_differs_from_per_task() -> None:
    data = curves(a={"val": [0.4, 0.5], "test": [1.0, 2.0]}, b={"val": [0.9, 0.3], "test": [3.0, 4.0]})
    assert steps(select(wanted("joint", "a", "b"), data)) == [10, 10]
    assert steps(select(wanted("per_task", "a", "b"), data)) == [20, 10]


def test_last_is_the_last_step_whatever_validation_says() -> None:
    data = curves(a={"val": [0.9, 0.1, 0.2], "test": [1.0, 2.0, 3.0]})
    assert select(wanted("last", "a"), data)["value"].tolist() == [3.0]


def test_one_run_may_be_read_in_several_ways() -> None:
    data = curves(a={"val": [0.9, 0.1], "test": [1.0, 2.0]})
    both = pd.concat([wanted("last", "a"), wanted("per_task", "a")], ignore_index=True)
    assert select(both, data)["value"].tolist() == [2.0, 1.0]


def test_nan_is_never_best_and_nothing_but_nan_gives_nothing() -> None:
    data = curves(
        a={"val": [np.nan, 0.2, np.inf], "test": [1.0, 2.0, 3.0]}, b={"val": [np.nan] * 3, "test": [1.0] * 3}
    )
    chosen = select(wanted("per_task", "a", "b"), data)
    assert chosen["value"].tolist()[0] == 2.0
    assert np.isnan(chosen["value"][1])


def test_runs_without_curves_give_nan() -> None:
    chosen = select(wanted("per_task", "a"), curves(b={"val": [1.0], "test": [1.0]}))
    assert chosen.isna().all(axis=None)
    empty = curves(b={"val": [1.0], "test": [1.0]}).iloc[:0]
    assert select(wanted("joint", "a"), empty).isna().all(axis=None)


@pytest.mark.parametrize("mode", ["per_task", "joint", "last"])
def test_test_values_never_move_the_choice(mode: str) -> None:
    rng = np.random.default_rng(0)
    val = {task: rng.random(6).tolist() for task in ("a", "b")}
    choices = set()
    for _ in range(5):
        data = curves(**{task: {"val": val[task], "test": rng.normal(0, 100, 6).tolist()} for task in val})
        choices.add(tuple(steps(select(wanted(mode, "a", "b"), data))))
    assert len(choices) == 1


def test_unknown_selection_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean per_task"):
        select(wanted("pertask", "a"), curves(a={"val": [1.0], "test": [1.0]}))
