"""The goals of issues B and C as data, and whether what was measured meets them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.timing import Interval, Spread, interval, spread

AT_LEAST, AT_MOST, WITHIN = "at least", "at most", "within"
BEST_TO_PLAIN = "best width / fastest one-run loop"
BEST_TO_HAND = "best width / hand-written lanes"
BEST_OF_LIMIT = "best width / matmul limit"
ONE_TO_PLAIN = "one lane / fastest one-run loop"
GPU_TO_PLAIN = "256 lanes / fastest one-run loop"
CORES, MITIGATIONS = "two_cores", "ten_mitigations"
STRATEGIES = "strategies_b32_w64"
STRATEGY_GOALS = {
    "cagrad": ("pcgrad", 0.5),
    "nash_mtl": ("pcgrad", 0.5),
    "fairgrad": ("pcgrad", 0.5),
    "upgrad": ("pcgrad", 0.5),
    "aligned_mtl": ("pcgrad", 0.5),
    "famo": ("equal", 0.6),
}
"""For a weighting the one that it is held against, and how fast it is at least, of that one's speed."""
CORES_RATIO = "1 process / 2 processes, wall"
STUDY_RATIO = "plain loop / mtlrun, wall"
PEAK_RATIO = "peak memory / announced"
EVALUATION_SHARE = "evaluation / training steps"
SCORES_RATIO = "with example scores / without"
SMALL_STUDY, TORCH_RATIO = "small_study", "import torch, CPU"


class Goal(NamedTuple):
    """What the median of a measure should be. `WITHIN` 0.2 means from 0.8 to 1.2."""

    work: str
    measure: str
    sense: str
    target: float

    @property
    def text(self) -> str:
        return f"1 +- {self.target:g}" if self.sense == WITHIN else f"{self.sense} {self.target:g}"

    def met_by(self, value: float) -> bool:
        """Return whether a value reaches the goal."""
        if self.sense == AT_LEAST:
            return value >= self.target
        if self.sense == AT_MOST:
            return value <= self.target
        return abs(value - 1) <= self.target


class Outcome(NamedTuple):
    """A goal beside what was measured: median and quartiles, and the 95 % interval of the median
    (see `interval`)."""

    goal: Goal
    spread: Spread
    interval: Interval
    repeats: int

    @property
    def verdict(self) -> str:
        return "met" if self.goal.met_by(self.spread.median) else "missed"

    @property
    def sure(self) -> bool:
        """Whether there are repeats, and the verdict is the same at both ends of the interval."""
        verdicts = {self.goal.met_by(value) for value in (self.spread.median, *self.interval)}
        return self.repeats > 1 and len(verdicts) == 1

    def facts(self) -> dict[str, Any]:
        """Return the outcome as plain data."""
        return {
            "work": self.goal.work,
            "measure": self.goal.measure,
            "goal": self.goal.text,
            "value": self.spread._asdict(),
            "median_interval": self.interval._asdict(),
            "verdict": self.verdict,
            "sure": self.sure,
        }


class Measured(NamedTuple):
    """A measure of a work, one value for each repeat, and what else its row should tell."""

    work: str
    measure: str
    values: Sequence[float]
    note: str = ""


GPU_GOALS = [Goal("equal_b32_w64", GPU_TO_PLAIN, AT_LEAST, 200)]


def cpu_goals(one_lane: Iterable[str], images: Iterable[str], startup: Iterable[str]) -> list[Goal]:
    """Return the goals on a CPU.

    Args:
        one_lane: works whose single lane is held against the one-run loop.
        images: works with convolutions.
        startup: works that are commands of the start-up group.
    """
    return [
        Goal("equal_b32_w64", BEST_TO_PLAIN, AT_LEAST, 10),
        Goal("equal_b32_w64", BEST_TO_HAND, AT_LEAST, 1),
        Goal("equal_b64_w128", BEST_TO_PLAIN, AT_LEAST, 2.5),
        Goal("equal_b64_w128", BEST_TO_HAND, AT_LEAST, 1),
        Goal("equal_b64_w128", BEST_OF_LIMIT, AT_LEAST, 0.45),
        Goal("equal_b256_w128", BEST_TO_PLAIN, AT_LEAST, 1.4),
        Goal("equal_b256_w128", BEST_TO_HAND, AT_LEAST, 1),
        Goal("equal_b256_w128", BEST_OF_LIMIT, AT_LEAST, 0.5),
        Goal("pcgrad_b32_w64", BEST_TO_PLAIN, AT_LEAST, 10),
        Goal("mgda_b32_w64", BEST_TO_PLAIN, AT_LEAST, 10),
        Goal("pcgrad_b64_w128", BEST_TO_PLAIN, AT_LEAST, 5),
        *(Goal(work, BEST_TO_PLAIN, AT_LEAST, 0.95) for work in images),
        *(Goal(work, ONE_TO_PLAIN, AT_LEAST, 0.9) for work in one_lane),
        *(
            Goal(STRATEGIES, f"{name} / {base}", AT_LEAST, target)
            for name, (base, target) in STRATEGY_GOALS.items()
        ),
        Goal(CORES, CORES_RATIO, AT_LEAST, 1.8),
        Goal(MITIGATIONS, STUDY_RATIO, AT_LEAST, 15),
        Goal("memory_w64", PEAK_RATIO, WITHIN, 0.2),
        Goal("memory_w512", PEAK_RATIO, WITHIN, 0.2),
        Goal("evaluation_equal", EVALUATION_SHARE, AT_MOST, 0.25),
        *(Goal(f"scores_training_{cell}", SCORES_RATIO, AT_MOST, 1.05) for cell in ("quickstart", "default")),
        Goal("scores_store", SCORES_RATIO, AT_MOST, 1.25),
        *(Goal(f"scores_report_{study}", SCORES_RATIO, AT_MOST, 1.5) for study in ("quickstart", "wide")),
        Goal(SMALL_STUDY, f"report / {TORCH_RATIO}", AT_MOST, 0.54),  # 1.5 s where torch takes 2.8 s
        *(
            Goal(SMALL_STUDY, f"plan of {cells} / {TORCH_RATIO}", AT_MOST, 1.25)  # 3.5 s likewise
            for cells in ("10 cells", "1 cell")
        ),
        Goal("planning", "CPU s", AT_MOST, 10),
        Goal("planning", "peak MiB", AT_MOST, 1024),
        *(Goal(work, "CPU s", AT_MOST, 0.5) for work in startup),
    ]


def judge(goals: Iterable[Goal], measured: Iterable[Measured]) -> list[Outcome]:
    """Return an outcome for every goal whose measure was taken; the others are left out."""
    values: Mapping[tuple[str, str], Sequence[float]] = {(m.work, m.measure): m.values for m in measured}
    return [
        Outcome(goal, spread(found), interval(found), len(found))
        for goal in goals
        if (found := values.get((goal.work, goal.measure)))
    ]
