"""Keeps the weights of finished runs, of the checkpoint that a report would read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mtlrun.config import build
from mtlrun.data.suite import Suite
from mtlrun.data.task import METRICS, Task
from mtlrun.planning.settings.saving import Rule
from mtlrun.store.runs.records import RunRecord
from mtlrun.store.store import Store
from mtlrun.store.weights import Weights
from mtlrun.training.loop.lane_results import LaneResult

if TYPE_CHECKING:
    import pandas as pd


def save_weights(
    store: Store, runs: Iterable[tuple[RunRecord, LaneResult]], save: Mapping[str, Sequence[Rule]]
) -> None:
    """Write the weights of the finished ones of some runs, one file for each rule.

    Args:
        store: where.
        runs: with what training gave.
        save: rules by run id.

    Raises:
        StoreError: a file cannot be written.
    """
    store.check_there()
    weights = Weights(store.path)
    for record, result in runs:
        for rule in save.get(record.run_id, ()) if record.status == "finished" else ():
            last = result.steps[-1]
            steps = chosen_steps(record, rule)
            kept = {**result.kept, last: result.parameters}
            steps = {task: step if step in kept else last for task, step in steps.items()}  # no finite value
            weights.write(record.run_id, rule, steps, {step: kept[step] for step in set(steps.values())})


def chosen_steps(record: RunRecord, rule: Rule) -> dict[str, int]:
    """Return the step at which a report reads each task of a run; helpers of a goal go with it, or have their own."""
    import pandas as pd  # takes long, and most studies save no weights

    suite: Suite = build(record.config["suite"])
    tasks = suite.info().tasks
    judged = [task for task in tasks if suite.primary in (None, task.name)]
    curves = pd.DataFrame(dict(record.curves)).assign(run_id=record.run_id)
    steps = _steps(record.run_id, judged, rule, curves)
    helpers = [task for task in tasks if task not in judged]
    if rule.select == "per_task" and not rule.patience and helpers:
        return steps | _steps(record.run_id, helpers, rule, curves)
    return steps | {task.name: steps[judged[0].name] for task in helpers}


def _steps(run_id: str, tasks: Sequence[Task], rule: Rule, curves: pd.DataFrame) -> dict[str, int]:
    import pandas as pd

    from mtlrun.report.analysis.pairs.checkpoint_selection import select

    rows: list[dict[str, Any]] = [
        {
            "run_id": run_id,
            "task": task.name,
            "metric": task.metrics[0],
            "sign": 1.0 if METRICS[task.metrics[0]].direction == "higher" else -1.0,
            **rule._asdict(),
        }
        for task in tasks
    ]
    steps = select(pd.DataFrame(rows), curves)["step"].astype(int)
    return dict(zip((task.name for task in tasks), steps.tolist(), strict=True))
