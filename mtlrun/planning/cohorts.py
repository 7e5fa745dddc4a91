"""Which runs train together: runs of one program and one set of shapes."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mtlrun.planning.run_spec import CellSpec, Config, RunSpec
from mtlrun.planning.runs import canonical_json

STRATEGIES = ("weighting", "regularization")
"""Groups that may differ between the lanes of one cohort, as long as they need the same of a step."""

NUMERIC = (*STRATEGIES, "optimizer")
"""Groups whose numbers may differ between the lanes of one cohort."""

DEFAULT_WIDTH = 64
UNBOUNDED = 2**31
NARROW = 16
"""Cohorts of so many lanes are not halved to keep processes busy: narrower ones train slower."""


class Begun(NamedTuple):
    """Runs that were trained together for some steps, and have a checkpoint.

    Attributes:
        run_ids: in the order of its lanes.
        steps: of each run that are done.
        compiled: whether its steps are.
    """

    run_ids: list[str]
    steps: int
    compiled: bool


@dataclass
class _Runs:
    """Runs in the order in which they become lanes.

    Attributes:
        runs: in that order.
    """

    runs: list[RunSpec]

    @property
    def run_ids(self) -> list[str]:
        """Their ids."""
        return [run.run_id for run in self.runs]


@dataclass
class ProgramPlan(_Runs):
    """Runs of one program and one set of shapes.

    Attributes:
        runs: in the order in which they become lanes.
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
        begun: cohorts that have a checkpoint; they are trained as they were cut.
    """

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
    begun: list[Begun] = field(default_factory=list)

    @property
    def run_steps(self) -> int:
        """Training steps of all runs together."""
        return self.steps * len(self.runs)


@dataclass
class CohortPlan(_Runs):
    """Runs to be trained at the same time.

    Attributes:
        runs: one per lane.
        program: which they are of.
        compiled: whether its steps are; they stay so where training goes on.
        steps_done: of each run, that its checkpoint has.
    """

    program: ProgramPlan
    compiled: bool
    steps_done: int = 0

    @property
    def run_steps(self) -> int:
        """Training steps of all lanes together that are left."""
        return (self.program.steps - self.steps_done) * len(self.runs)

    @property
    def cost(self) -> float:
        """Run-steps times what one takes."""
        return self.run_steps * self.program.step_s

    def halves(self) -> list[CohortPlan]:
        """Return two cohorts of half the lanes."""
        middle = len(self.runs) // 2
        return [
            CohortPlan(runs, self.program, self.program.compiled)
            for runs in (self.runs[:middle], self.runs[middle:])
        ]

    def only(self, run_ids: Collection[str]) -> CohortPlan:
        """Return a cohort of the lanes with these runs."""
        kept = [run for run in self.runs if run.run_id in run_ids]
        whole = len(kept) == len(self.runs)
        return self if whole else CohortPlan(kept, self.program, self.program.compiled)


def group_runs(
    runs: Iterable[RunSpec], kind: Callable[[Config], Any] = lambda config: None
) -> list[ProgramPlan]:
    """Group runs by program; lanes with the same strategies stand side by side, and of these equal optimizers.

    Args:
        runs: in any order.
        kind: says of a canonical config what strategies must agree in to share a cohort; where it says None, they
            must be the same up to numbers.
    """
    programs: dict[str, list[RunSpec]] = defaultdict(list)
    signatures: dict[CellSpec, str] = {}
    orders: dict[CellSpec, list[str]] = {}
    for run in runs:
        if run.cell not in signatures:
            signatures[run.cell] = _signature(run.cell, kind(run.cell.plain))
            orders[run.cell] = [canonical_json(run.cell.plain[group]) for group in NUMERIC]
        programs[signatures[run.cell]].append(run)
    return [
        ProgramPlan(sorted(members, key=lambda run: orders[run.cell]), steps_of(members[0].cell))
        for members in programs.values()
    ]


def cut_programs(programs: Sequence[ProgramPlan], processes: int = 1) -> list[CohortPlan]:
    """Cut each program's runs evenly into cohorts of at most its width; the longest cohorts come first.

    Cohorts that have a checkpoint stay as they were cut.
    Where several processes train, the cohort that would end last is halved until all processes end at about
    the same time, or until that cohort has no more than `NARROW` lanes.
    """
    cohorts = []
    for program in programs:
        rest = {run.run_id: run for run in program.runs}
        for begun in program.begun:
            own = [rest.pop(run_id) for run_id in begun.run_ids]
            cohorts.append(CohortPlan(own, program, begun.compiled, begun.steps))
        count = math.ceil(len(rest) / min(program.width, program.fits))
        bounds = [round(i * len(rest) / count) for i in range(count + 1)] if rest else []
        cohorts += [
            CohortPlan([*rest.values()][a:b], program, program.compiled)
            for a, b in itertools.pairwise(bounds)
        ]
    while True:
        cohorts.sort(key=lambda cohort: -cohort.cost)
        last, excess = _last_to_end(cohorts, processes)
        if excess < 0.05 or len(cohorts[last].runs) <= NARROW or cohorts[last].steps_done:
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


def steps_of(cell: CellSpec) -> int:
    """Return how many steps all phases of a run have."""
    return sum(phase.steps for phase in cell.phases)


def _signature(cell: CellSpec, kind: Any) -> str:
    """Return what the runs of one cohort agree in."""
    info = cell.suite.info()
    shapes = {
        "tasks": [
            (t.kind, t.outputs, t.source, t.metrics, t.partial, t.loss, t.class_weights is not None)
            for t in info.tasks
        ],
        "sources": [
            (s.input_shape, s.rows, s.pixels, repr(s.augment), s.stem, s.embedded) for s in info.sources
        ],
    }
    rest = {key: value for key, value in cell.plain.items() if key not in ("suite", "data")}
    program = {key: blank(value) if key in NUMERIC else value for key, value in rest.items()}
    if kind is not None:
        program |= dict.fromkeys(STRATEGIES) | {"kind": kind}
    return canonical_json([shapes, program, repr(cell.phases)])


def blank(value: Any) -> Any:
    """Replace every number that lanes carry by a mark."""
    if isinstance(value, float):
        return "number"
    if isinstance(value, list):
        return [blank(v) for v in value]
    return {k: blank(v) for k, v in value.items()} if isinstance(value, Mapping) else value
