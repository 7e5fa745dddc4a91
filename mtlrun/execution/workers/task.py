"""What a pool does: one cohort to train, or widths to time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from mtlrun.planning.run_spec import RunSpec
from mtlrun.planning.settings.saving import Rule

Rules = Mapping[str, Sequence[Rule]]
"""By run id."""


@dataclass(frozen=True)
class Task:
    """One cohort to train and store, or one whose widths are timed.

    Attributes:
        runs: one lane each.
        device: `auto`, `cpu` or `cuda`.
        streamed: whether inputs come to the device batch by batch, as of `Cohort`.
        time: up to how many lanes widths are timed; None to train.
        store: folder of the store that gets the runs.
        chosen: how the number of lanes came about, for the records.
        compile: whether steps are compiled.
        deterministic: whether torch may use only kernels that give the same bits every time.
        save: how the checkpoints are chosen whose weights are kept.
        stops: the rules of early stopping by which reports will read runs.
        every: how often diagnostics are recorded, as of `Cohort`.
        checkpoint_s: seconds from one checkpoint of a cohort to the next; None for no checkpoints.
        steps_done: of each run that a checkpoint has.
    """

    runs: Sequence[RunSpec]
    device: str
    streamed: bool = False
    time: int | None = None
    store: str = ""
    chosen: Mapping[str, Any] = field(default_factory=lambda: {"by": "default"})
    compile: bool = False
    deterministic: bool = False
    save: Rules = field(default_factory=dict)
    stops: Rules = field(default_factory=dict)
    every: int | None = None
    checkpoint_s: float | None = None
    steps_done: int = 0

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Task:
        """Return a task that has come from another process."""
        given = {key: value for key, value in plain.items() if key != "configs"}
        for key in ("save", "stops"):
            found = plain.get(key, {}).items()
            given[key] = {run_id: [Rule(*rule) for rule in rules] for run_id, rules in found}
        return cls([RunSpec.of(config) for config in plain["configs"]], **given)

    @property
    def plain(self) -> dict[str, Any]:
        """The task for another process, as JSON has it: `configs` in place of the runs."""
        rest = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "runs"}
        return {"configs": [run.plain for run in self.runs], **rest}
