"""Runs as planning, estimating and training know them: settings that were read once, as objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mtlrun.config import build
from mtlrun.data.suite import Suite
from mtlrun.planning.runs import config_id, run_ids
from mtlrun.schedule.base import Phase, Schedule

Config = dict[str, Any]


@dataclass(frozen=True)
class RunBudget:
    """How long a run trains.

    Attributes:
        steps: of training.
        batch_size: examples of a step, or `full` for all.
        evaluations: how often it is evaluated.
    """

    steps: int
    batch_size: int | Literal["full"]
    evaluations: int


@dataclass(frozen=True, eq=False)
class CellSpec:
    """All that the results of a cell's runs depend on, but the seed.

    Two specs are equal only if they are the same object: planning makes one of each canonical config.

    Attributes:
        plain: the canonical config, as it is hashed and stored; nobody changes it.
        suite: tasks and data.
        budget: steps and batches.
        phases: what the schedule makes of the budget.
        dtype: of the parameters, as of `mtlrun.training.runtime.numerics.STORED`.
    """

    plain: Config
    suite: Suite
    budget: RunBudget
    phases: list[Phase]
    dtype: str

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> CellSpec:
        """Return the spec of a checked canonical config; a seed in it is left out."""
        plain = {key: value for key, value in config.items() if key != "seed"}
        suite: Suite = build(plain["suite"])
        schedule: Schedule = build(plain["schedule"])
        budget = RunBudget(**plain["budget"])
        phases = schedule.phases_of(suite.selected(), suite.primary, budget.steps)
        return cls(plain, suite, budget, phases, plain["dtype"])

    def part(self, group: str) -> Any:
        """Return the object of one of the other groups, as `model`; see `mtlrun.training.network.Parts`."""
        return build(self.plain[group])


@dataclass(frozen=True, eq=False)
class RunSpec:
    """A run: a cell with a seed.

    Attributes:
        cell: what it shares with the other runs of its cell.
        seed: of all its random streams.
        run_id: hash of both.
    """

    cell: CellSpec
    seed: int
    run_id: str

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> RunSpec:
        """Return the run of a canonical config with its seed, as it comes from a store or from another process."""
        return cls(CellSpec.of(config), config["seed"], config_id(config))

    @property
    def plain(self) -> Config:
        """The canonical config with the seed, for stores and other processes."""
        return {**self.cell.plain, "seed": self.seed}


def cell_runs(config: Mapping[str, Any], seeds: Sequence[int]) -> list[RunSpec]:
    """Return the runs of a checked canonical config with these seeds."""
    cell, ids = CellSpec.of(config), run_ids(config, seeds)
    return [RunSpec(cell, seed, run_id) for seed, run_id in zip(seeds, ids, strict=True)]
