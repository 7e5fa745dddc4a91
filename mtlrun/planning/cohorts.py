"""Which runs train together: runs of one program and one set of shapes."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mtlrun.config import build
from mtlrun.data.identity_key import IdentityKey
from mtlrun.planning.runs import canonical_json

STRATEGIES = ("weighting", "regularization")
"""Groups that may differ between the lanes of one cohort, as long as they need the same of a step."""

NUMERIC = (*STRATEGIES, "optimizer")
"""Groups whose numbers may differ between the lanes of one cohort."""

DEFAULT_WIDTH = 64
UNBOUNDED = 2**31
NARROW = 16
"""Cohorts of so many lanes are not halved to keep processes busy: narrower ones train slower."""


@dataclass
class ProgramPlan:
    """Runs of one program and one set of shapes, in the order in which they become lanes.

    Attributes:
        run_ids: one per run.
        configs: canonical configs, one per run.
        steps: training steps of each run.
        width: most lanes of a cohort.
        fits: most lanes that memory holds, which bounds the width.
        chosen: how the width came about, for the record of every run.
        step_s: what a run-step takes, in seconds or in any unit that all programs share.
        lane_mib: what a lane takes at the peak.
        data_mib: what the inputs of all rows take, once.
        compiled: whether its steps are.
        streamed: whether they come to the device batch by batch, so that they take none of its memory.
        one_by_one: why lanes pass the network one after another, or None where they pass it together.
    """

    run_ids: list[str]
    configs: list[dict[str, Any]]
    steps: int
    width: int = DEFAULT_WIDTH
    fits: int = UNBOUNDED
    chosen: dict[str, Any] = field(default_factory=lambda: {"by": "default"})
    step_s: float = 1.0
    lane_mib: float = 0.0
    data_mib: float = 0.0
    compiled: bool = False
    streamed: bool = False
    one_by_one: str | None = None

    @property
    def run_steps(self) -> int:
        """Training steps of all runs together."""
        return self.steps * len(self.run_ids)


@dataclass
class CohortPlan:
    """Runs to be trained at the same time.

    Attributes:
        run_ids: one per lane.
        configs: canonical configs, one per lane.
        run_steps: training steps of all lanes together.
        program: which they are of.
    """

    run_ids: list[str]
    configs: list[dict[str, Any]]
    run_steps: int
    program: ProgramPlan

    @property
    def cost(self) -> float:
        """Run-steps times what one takes."""
        return self.run_steps * self.program.step_s

    def halves(self) -> list[CohortPlan]:
        """Return two cohorts of half the lanes."""
        middle = len(self.run_ids) // 2
        return [self.part(0, middle), self.part(middle, len(self.run_ids))]

    def part(self, first: int, end: int) -> CohortPlan:
        """Return a cohort of some of the lanes."""
        steps = self.program.steps * (end - first)
        return CohortPlan(self.run_ids[first:end], self.configs[first:end], steps, self.program)


def group_runs(
    runs: Mapping[str, dict[str, Any]], kind: Callable[[Mapping[str, Any]], Any] = lambda config: None
) -> list[ProgramPlan]:
    """Group runs by program; lanes with the same strategies stand side by side, and of these equal optimizers.

    Args:
        runs: canonical config by run id. The runs of a cell may share their nodes, which spares work.
        kind: says of a config what strategies must agree in to share a cohort; where it says None, they must
            be the same up to numbers.
    """
    programs: dict[str, list[str]] = defaultdict(list)
    steps: dict[str, int] = {}
    signatures: dict[tuple[IdentityKey[Any], ...], str] = {}
    orders: dict[IdentityKey[Any], str] = {}
    for run_id, config in runs.items():
        key = tuple(IdentityKey(node) for name, node in config.items() if name != "seed")
        if key not in signatures:
            signatures[key], steps[signatures[key]] = _signature(config, kind(config))
        programs[signatures[key]].append(run_id)
        for group in NUMERIC:
            if IdentityKey(config[group]) not in orders:
                orders[IdentityKey(config[group])] = canonical_json(config[group])
    planned = []
    for signature, members in programs.items():
        members.sort(key=lambda run_id: [orders[IdentityKey(runs[run_id][group])] for group in NUMERIC])
        planned.append(ProgramPlan(members, [runs[r] for r in members], steps[signature]))
    return planned


def cut_programs(programs: Sequence[ProgramPlan], processes: int = 1) -> list[CohortPlan]:
    """Cut each program's runs evenly into cohorts of at most its width; the longest cohorts come first.

    Where several processes train, the cohort that would end last is halved until all processes end at about
    the same time, or until that cohort has no more than `NARROW` lanes.
    """
    cohorts = []
    for program in programs:
        runs = len(program.run_ids)
        count = math.ceil(runs / min(program.width, program.fits))
        whole = CohortPlan(program.run_ids, program.configs, program.run_steps, program)
        bounds = [round(i * runs / count) for i in range(count + 1)]
        cohorts += [whole.part(a, b) for a, b in itertools.pairwise(bounds)]
    while True:
        cohorts.sort(key=lambda cohort: -cohort.cost)
        last, excess = _last_to_end(cohorts, processes)
        if excess < 0.05 or len(cohorts[last].run_ids) <= NARROW:
            return cohorts
        cohorts[last : last + 1] = cohorts[last].halves()


def _last_to_end(cohorts: Sequence[CohortPlan], processes: int) -> tuple[int, float]:
    """Return which cohort ends last where each process takes the next when it is free, and by what fraction
    of the mean load that is too late."""
    loads, latest, end = [0.0] * processes, 0, 0.0
    for place, cohort in enumerate(cohorts):
        process = loads.index(min(loads))
        loads[process] += cohort.cost
        if loads[process] > end:
            latest, end = place, loads[process]
    mean = sum(loads) / processes
    return latest, end / mean - 1 if mean else 0.0


def _signature(config: Mapping[str, Any], kind: Any) -> tuple[str, int]:
    """Return what runs of one cohort agree in, and the training steps of the run."""
    suite = build(config["suite"])
    info = suite.info()
    shapes = {
        "tasks": [
            (t.kind, t.outputs, t.source, t.metrics, t.partial, t.loss, t.class_weights is not None)
            for t in info.tasks
        ],
        "sources": [
            (s.input_shape, s.rows, s.pixels, repr(s.augment), s.stem, s.embedded) for s in info.sources
        ],
    }
    rest = {k: v for k, v in config.items() if k not in ("suite", "seed", "data")}
    program = {k: blank(v) if k in NUMERIC else v for k, v in rest.items()}
    if kind is not None:
        program |= dict.fromkeys(STRATEGIES) | {"kind": kind}
    names, steps = [t.name for t in info.tasks], config["budget"]["steps"]
    phases = build(config["schedule"]).phases_of(names, suite.primary, steps)
    return canonical_json([shapes, program, repr(phases)]), sum(phase.steps for phase in phases)


def blank(value: Any) -> Any:
    """Replace every number that lanes carry by a mark."""
    if isinstance(value, float):
        return "number"
    if isinstance(value, list):
        return [blank(v) for v in value]
    return {k: blank(v) for k, v in value.items()} if isinstance(value, Mapping) else value
