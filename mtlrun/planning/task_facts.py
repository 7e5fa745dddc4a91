"""What a manifest says of the tasks of a suite."""

from __future__ import annotations

from typing import Any

from mtlrun.data.suite import Suite
from mtlrun.data.task import METRICS, SuiteInfo, Task


def task_facts(suite: Suite, info: SuiteInfo, task: Task) -> dict[str, Any]:
    """Return what `Cell.tasks` says of a task."""
    rows, metric = info.sources[task.source].rows, task.metrics[0]
    return {
        "name": task.name,
        "kind": task.kind,
        "metric": metric,
        "direction": METRICS[metric].direction,
        "n_train": rows["train"],
        "n_test": rows["test"],
        "cases": "examples" if getattr(suite, "group", None) is None else "groups",
        "n_together": len(info.tasks),
    }


def resplit_of(suite: Suite) -> dict[str, Any] | None:
    """Return what `Cell.resplit` says of a suite without faults."""
    if not suite.varies_split:
        return None
    info = suite.info()
    sizes = {task.name: info.sources[task.source].rows for task in info.tasks}
    parts = {name: {"n_train": rows["train"], "n_test": rows["test"]} for name, rows in sizes.items()}
    return {"splits": suite.splits, "tasks": parts}
