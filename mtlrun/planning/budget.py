"""How long and how often: the training budget of a run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from mtlrun.config import Configured
from mtlrun.data.task import SourceInfo
from mtlrun.errors import ConfigError, Fault

MOST_STEPS = 10**12
"""Steps of a run: more would take decades."""


@dataclass
class Budget(Configured):
    """Length of training, batches, evaluations, and which checkpoint counts.

    Args:
        epochs: passes over the largest source; smaller ones cycle. Counts where `steps` is null.
        steps: number of training steps, exactly: `min_steps` does not count then.
        min_steps: fewest steps that `epochs` make, however small the data. Twenty epochs of 73 rows are 46 steps of
            an optimizer, after which a network knows little but the mean of its targets; a difference between two
            such networks says which learns faster at first, and not which is better once trained.
        batch_size: examples of each source in a step, or `full` for all its training rows.
        evaluations: how often a run is evaluated, evenly spread over each phase; the last is after the last
            step.
        select: the checkpoint that reports read: each task at its own best validation step (`per_task`), one
            for all tasks (`joint`), or the `last`. Null leaves it to the schedule.
        patience: early stopping (Prechelt, Early Stopping - But When?, 1998): a run counts as ended with the
            evaluation that is the patience-th in a row at which none of its judged tasks reached a new best primary
            metric on validation; later evaluations are no candidates for `select`. Of a schedule's phases only the
            last can end early. Baselines end by the same rule, each by its own task. The run is trained and stored
            to its full length, for its neighbours go on: patience saves no time, and needs no other runs. Null for
            none.
    """

    epochs: float | None = None
    steps: int | None = None
    min_steps: int = 1000
    batch_size: int | Literal["full"] = 32
    evaluations: int = 10
    select: Literal["per_task", "joint", "last"] | None = None
    patience: int | None = None

    def faults(self) -> Iterator[Fault]:
        if self.epochs is None and self.steps is None:
            yield Fault("epochs", "or `budget.steps` must be given")
        if self.epochs is not None and self.epochs <= 0:
            yield Fault("epochs", "must be above 0", self.epochs)
        if self.epochs is not None and self.epochs > MOST_STEPS:
            yield Fault("epochs", f"must be at most {MOST_STEPS:,}", self.epochs)
        if self.steps is not None and not 1 <= self.steps <= MOST_STEPS:
            yield Fault("steps", f"must be from 1 to {MOST_STEPS:,}", self.steps)
        if not 1 <= self.min_steps <= MOST_STEPS:
            yield Fault("min_steps", f"must be from 1 to {MOST_STEPS:,}", self.min_steps)
        if self.batch_size != "full" and self.batch_size < 1:
            yield Fault("batch_size", "must be at least 1, or `full`", self.batch_size)
        if self.evaluations < 1:
            yield Fault("evaluations", "must be at least 1", self.evaluations)
        if self.patience is not None and self.patience < 1:
            yield Fault("patience", "must be at least 1 evaluation, or null", self.patience)

    def steps_for(self, sources: Sequence[SourceInfo]) -> int:
        """Return the number of steps for which each task is trained.

        Raises:
            ConfigError: a batch is larger than a source's training part, or there are too many steps.
        """
        for source in sources:
            rows = source.rows["train"]
            if self.batch_size != "full" and self.batch_size > rows:
                rule = f"must be at most the {rows} training rows of source `{source.name}`, or `full`"
                raise ConfigError([Fault("budget.batch_size", rule, self.batch_size)])
        return self.steps if self.steps is not None else max(self.min_steps, self._epoch_steps(sources))

    def raised_from(self, sources: Sequence[SourceInfo]) -> int | None:
        """Return how many steps the epochs are, where `min_steps` made them more; else None."""
        if self.steps is not None:
            return None
        steps = self._epoch_steps(sources)
        return steps if steps < self.min_steps else None

    def _epoch_steps(self, sources: Sequence[SourceInfo]) -> int:
        assert self.epochs is not None
        per_epoch = max(
            1 if self.batch_size == "full" else s.rows["train"] / self.batch_size for s in sources
        )
        steps = max(1, math.ceil(self.epochs * per_epoch - 1e-9))
        if steps > MOST_STEPS:
            rule = f"must come to at most {MOST_STEPS:,} steps, comes to {steps:,}"
            raise ConfigError([Fault("budget.epochs", rule, self.epochs)])
        return steps
