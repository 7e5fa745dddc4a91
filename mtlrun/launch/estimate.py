"""What a study is expected to take: time and memory, before anything trains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mtlrun.config import build
from mtlrun.launch.check import parameter_count
from mtlrun.plan.cohorts import CohortPlan


@dataclass
class Estimate:
    """What training is expected to take.

    Attributes:
        seconds: wall time, with the given number of processes.
        memory_mib: peak memory of one process.
    """

    seconds: float
    memory_mib: float


def estimate(cohorts: Sequence[CohortPlan], processes: int = 1) -> Estimate:
    """Return the expected cost of cohorts, from their sizes alone."""
    seconds, elements = 0.0, 0.0
    for cohort in cohorts:
        config = cohort.configs[0]
        size = parameter_count(config)
        info = build(config["suite"]).info()
        batch = config["budget"]["batch_size"]
        rows = sum(s.rows["train"] if batch == "full" else batch for s in info.sources)
        seconds += cohort.run_steps * (RUN_STEP_S + 6 * size * rows / FLOPS)
        # Parameters, gradients, two moments, one gradient per task; and inputs with their activations.
        elements = max(elements, len(cohort.configs) * size * (4 + len(info.tasks)) + EVALUATION_ELEMENTS)
    return Estimate(seconds / processes, PROCESS_MIB + 4 * elements / 2**20)


RUN_STEP_S = 1.5e-4  # of one lane in a cohort: optimizer, kernels' overheads, evaluation
FLOPS = 2e10  # of batched float32 matrix products on one core
PROCESS_MIB = 350.0  # Python, torch, pandas and the data
EVALUATION_ELEMENTS = 2**24  # held at once in evaluation
