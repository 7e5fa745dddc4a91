"""Studies whose answer is known beforehand: exact nulls, and losses of a known cause. Real training, real verdicts.

    python -m benchmarks.known_answers [--seeds 10]

Nothing is simulated: the command line trains them, and its own report is read. Under a null no seed may differ by
more than round-off (1e-6 of STL).
"""

from __future__ import annotations

import argparse
import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory

from mtlrun.cli import main as command
from mtlrun.data.digits_parity import DigitsParity
from mtlrun.data.suite import Source, SourceInfo
from mtlrun.data.task import Task
from mtlrun.planning.study import study_runs
from mtlrun.report.analysis.summary import Summary, summarise
from mtlrun.store.store import Store

SHORT = ("model.width=16", "budget=steps", "budget.steps=40", "budget.evaluations=2")
LINEAR = (
    *("suite=linear_teachers", "suite.design=orthonormal", "model=linear", "model.bias=false", "heads.bias=false"),
    *("optimizer=sgd", "optimizer.lr=0.05", "budget=steps", "budget.batch_size=full", "budget.evaluations=1"),
)  # fmt: skip
WIDE = (*LINEAR, "suite.dim=5", "suite.samples=40", "suite.cosine=0.3", "budget.steps=2000", "dtype=float64")
TWINS = ("suite._target_=benchmarks.known_answers.Twins", "sharing=separate", *SHORT)

NULLS = {
    "nothing shared": ("sharing=separate", *SHORT),
    "weights (1, 0), first task": ("weighting=static", "weighting.weights=[1,0]", *SHORT),
    "two copies of a task, separate encoders": TWINS,
    "the same under pcgrad": (*TWINS, "weighting=pcgrad"),
    "linear, as wide as there are tasks": (*WIDE, "model.width=2"),
    "linear, wider": (*WIDE, "model.width=5"),
}
"""Overrides under which no task gains or loses; of weights (1, 0) the first does not."""

ONE_DIRECTION = (
    *(*LINEAR, "suite.dim=20", "suite.samples=100", "suite.noise=1", "suite.cosine=0.5", "model.width=1"),
    *("budget.steps=1000", "dtype=float64"),
)
TWO_DIGITS = ("suite=digits_two", "budget=steps", "budget.steps=1500", "budget.evaluations=10")
LADDERS = {
    "linear teachers, cosine 0.5, width 1": ONE_DIRECTION,
    "two digits in one image, width 8": (*TWO_DIGITS, "model.width=8"),
    "two digits in one image, width 64": (*TWO_DIGITS, "model.width=64"),
}
"""Overrides of losses whose cause is known.

One direction serves one linear task as well as any number (docs/theory.md): what two lose by sharing it is
interference, and no part is capacity. The second encoder is too narrow for both of its tasks, the third is not.
"""


@dataclass
class Twins(DigitsParity):
    """Which digit, twice: tasks `digit` and `twin` with the same inputs and targets."""

    def offered(self) -> tuple[Task, ...]:
        digit = super().offered()[0]
        return digit, replace(digit, name="twin")

    def build(self, source: SourceInfo, seed: int) -> Source:
        built = super().build(source, seed)
        return replace(built, targets=dict.fromkeys(("digit", "twin"), built.targets["digit"]))


def studied(overrides: Sequence[str], seeds: int) -> Summary:
    """Train a study, and return what its report shows.

    Raises:
        RuntimeError: the command failed.
    """
    with TemporaryDirectory() as folder:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as told:
            code = command(["run", *overrides, f"seeds={seeds}", f"store={folder}"])
        if code:
            raise RuntimeError(f"`mtlrun run` ended with exit code {code}: {told.getvalue()}")
        store = Store(folder)
        manifest = store.read_study("main")
        ids = study_runs(manifest["cells"])
        return summarise(manifest, store.runs(ids), store.curves(ids), store.scores(ids))


def null(name: str, seeds: int) -> Summary:
    """Return the study of a null, with only the rows that are one."""
    found = studied(NULLS[name], seeds)
    return replace(found, rows=found.rows.head(1)) if "first task" in name else found


def ladder(name: str, seeds: int) -> dict[str, dict[str, float]]:
    """Return the parts of each task's gain in percent of STL, and the gain, by task."""
    parts = studied((*LADDERS[name], "controls=[capacity,exposure,shuffled]"), seeds).attribution
    return {str(task): dict(zip(p["part"], p["gain_pct"], strict=True)) for task, p in parts.groupby("task")}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10)
    seeds = parser.parse_args().seeds
    print(f"exact nulls, {seeds} seeds: mean gain in % of STL, verdict")
    for name in NULLS:
        rows = null(name, seeds).rows
        told = (f"{row.task} {row.gain_pct:+.1e} {row.verdict}" for row in rows.itertuples())
        print(f"  {name:<40} {', '.join(told)}")
    print(f"\nwhat gains are made of, {seeds} seeds, in % of STL")
    for name in LADDERS:
        for task, parts in ladder(name, seeds).items():
            told = (f"{part} {value:+.2f}" for part, value in parts.items())
            print(f"  {name:<37} {task:<6} {', '.join(told)}")


if __name__ == "__main__":
    main()
