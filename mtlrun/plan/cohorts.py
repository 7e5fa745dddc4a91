"""Which runs train together: runs of one program and one set of shapes."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtlrun.config import build
from mtlrun.plan.runs import canonical_json

NUMERIC = ("weighting", "regularization", "optimizer")
"""Groups whose numbers may differ between the lanes of one cohort."""

DEFAULT_WIDTH = 64


@dataclass
class CohortPlan:
    """Runs to be trained at the same time.

    Attributes:
        run_ids: one per lane.
        configs: canonical configs, one per lane.
        run_steps: training steps of all lanes together.
    """

    run_ids: list[str]
    configs: list[dict[str, Any]]
    run_steps: int


def plan_cohorts(
    runs: Mapping[str, dict[str, Any]], width: int | None = None, processes: int = 1
) -> list[CohortPlan]:
    """Group runs into cohorts.

    Args:
        runs: canonical config by run id.
        width: most lanes of a cohort; None for the default.
        processes: where there are too few groups to keep them busy, groups are cut smaller, to 16 lanes at least.
    """
    programs: dict[str, list[str]] = defaultdict(list)
    signatures: dict[str, str] = {}
    steps: dict[str, int] = {}
    for run_id, config in runs.items():
        key = canonical_json({k: v for k, v in config.items() if k != "seed"})
        if key not in signatures:
            signatures[key], steps[key] = _signature(config)
        programs[signatures[key]].append(run_id)
        steps[run_id] = steps[key]
    cohorts = []
    for members in programs.values():
        # Lanes with the same optimizer settings side by side are updated by one kernel.
        members.sort(key=lambda run_id: canonical_json(runs[run_id]["optimizer"]))
        most = width or DEFAULT_WIDTH
        if len(programs) < 2 * processes:
            most = min(most, max(16, math.ceil(len(members) / processes)))
        count = math.ceil(len(members) / most)
        for part in _even_parts(members, count):
            cohorts.append(CohortPlan(part, [runs[r] for r in part], sum(steps[r] for r in part)))
    return sorted(cohorts, key=lambda cohort: -cohort.run_steps)  # the longest first keeps processes busy


def _signature(config: Mapping[str, Any]) -> tuple[str, int]:
    """Return what runs of one cohort agree in, and the training steps of the run."""
    info = build(config["suite"]).info()
    shapes = {
        "tasks": [(t.kind, t.outputs, t.source, t.metrics) for t in info.tasks],
        "sources": [(s.input_shape, s.rows) for s in info.sources],
    }
    rest = {k: v for k, v in config.items() if k not in ("suite", "seed")}
    program = {k: _blank(v) if k in NUMERIC else v for k, v in rest.items()}
    phases = build(config["schedule"]).phases(len(info.tasks), config["budget"]["steps"])
    return canonical_json([shapes, program]), sum(phase.steps for phase in phases)


def _blank(value: Any) -> Any:
    """Replace every number that lanes carry by a mark."""
    if isinstance(value, float):
        return "number"
    if isinstance(value, list):
        return [_blank(v) for v in value]
    return {k: _blank(v) for k, v in value.items()} if isinstance(value, Mapping) else value


def _even_parts(items: Sequence[str], count: int) -> list[list[str]]:
    bounds = [round(i * len(items) / count) for i in range(count + 1)]
    return [list(items[a:b]) for a, b in itertools.pairwise(bounds)]
