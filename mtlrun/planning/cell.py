"""A cell: one point of a study without its seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mtlrun.data.suite import Suite
from mtlrun.data.task import METRICS, SuiteInfo, Task


@dataclass
class Cell:
    """One point of a study without its seed.

    Attributes:
        config: canonical config without the seed.
        cell_id: its hash.
        labels: names of the options, the mitigation's among them.
        hyper: settings that vary within the study and are no label.
        select: the checkpoint that reports read.
        tasks: the tasks that are judged: name, kind, primary metric, direction, `n_train` and `n_test` rows, what
            a test case is (`cases`: `examples` or `groups`), and with how many tasks it is trained (`n_together`).
        seeds: of its runs: those asked for, or with `suite.splits` so many for each of them.
        runs: a run id per seed.
        baselines: for each judged task a run id per seed.
        resplit: where splits vary, `splits`, the number of them or None where each seed has its own, and `tasks`,
            by task the sizes `n_train` and `n_test` of its source's parts; else None.
        early_stop: `patience`, in evaluations, and the step `after` which they count; None for runs of full length.
        phases: what is trained when, as `mtlrun.schedule.base.told` says it.
        controls: by name and judged task a run id per seed, as `mtlrun.prepare.controls` says.
        tuned: what tuning chose, as `mtlrun.execution.tuning` says it; None for settings that were given.
        front: the weights of its tasks where it is a point of a front, else None.
        reported: whether it has rows; points of a front that `frontier` asked for have none.
        raised_from: how many steps its epochs are, where `budget.min_steps` made them more; else None.
    """

    config: dict[str, Any]
    cell_id: str
    labels: dict[str, str]
    select: str
    tasks: list[dict[str, Any]]
    seeds: list[int]
    runs: list[str]
    baselines: dict[str, list[str]]
    resplit: dict[str, Any] | None
    phases: list[dict[str, Any]]
    early_stop: dict[str, int] | None = None
    hyper: dict[str, Any] = field(default_factory=dict)
    tuned: dict[str, Any] | None = None
    controls: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    front: list[float] | None = None
    reported: bool = True
    raised_from: int | None = None


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
