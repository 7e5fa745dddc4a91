"""Suite `linear_teachers`: two linear regressions whose true vectors have a known cosine.

With an orthonormal design, least squares has excess risk sigma^2 d / n (norm(theta_hat - theta)^2 in
expectation), so that what sharing costs or saves can be held against theory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeVar

import numpy as np

from mtlrun.data.per_task import per_task_faults
from mtlrun.data.suite import Suite
from mtlrun.data.task import Source, SourceInfo, Task
from mtlrun.errors import Fault
from mtlrun.machine import free_memory_mib
from mtlrun.streams import stream
from mtlrun.theory.linear import LinearNetwork, expected_risks, optimum

NAMES = ("a", "b")
METRIC_NAMES = ("excess_risk", "mse")
MIN_VAL_ROWS = 50  # fewer noisy rows could not choose a step
TEST_ROWS_PER_DIM = 4  # any number that leaves room for dim + 1 orthogonal columns gives the same test error

S = TypeVar("S", bound="LinearTeachers")


@dataclass
class LinearTeachers(Suite):
    """Two regressions `a` and `b` with own inputs; everything is drawn per seed.

    Targets are `X theta + noise`. Training inputs are standard normal, or orthonormal with X'X = n I. The
    validation part is a noisy standard normal sample, at least 50 rows. The test part is noise-free, and its
    inputs are orthonormal and orthogonal to the ones vector, so that the mean squared error there is exactly
    the true excess risk norm(theta_hat - theta)^2 + bias^2 of a predictor with that bias (up to float32).

    Vectors come from the streams `teacher/<task>`, inputs from `inputs/<task>`, noise from
    `observation/<task>`. The data of `a` do not depend on the cosine: the vector of `b` is placed at that
    cosine to it. `train_size` takes the first rows (gaussian design only: fewer rows would not be
    orthonormal); `resplit` and `splits` have no meaning.

    Attributes:
        dim: Inputs d.
        samples: Training rows n: one number, one per selected task, or by task name.
        noise: Standard deviation sigma of the noise on training and validation targets; per task as above.
        norm: Length of the true vector; per task as above.
        cosine: Cosine between the two true vectors.
        design: `gaussian`, or `orthonormal` for X'X = n I.
    """

    dim: int = 20
    samples: int | list[int] | dict[str, int] = 100
    noise: float | list[float] | dict[str, float] = 1.0
    norm: float | list[float] | dict[str, float] = 1.0
    cosine: float = 0.5
    design: Literal["gaussian", "orthonormal"] = "gaussian"

    PER_TASK: ClassVar[tuple[str, ...]] = ("label_noise", "samples", "noise", "norm")

    def offered(self) -> tuple[Task, ...]:
        """Return the two tasks."""
        return tuple(Task(name, "regression", 1, place, METRIC_NAMES) for place, name in enumerate(NAMES))

    def whole(self) -> tuple[SourceInfo, ...]:
        """Return the two sources."""
        sources = []
        for name in NAMES:
            n = int(self._of("samples", name))
            rows = {"train": n, "val": max(n, MIN_VAL_ROWS), "test": TEST_ROWS_PER_DIM * self.dim}
            sources.append(SourceInfo(name, (self.dim,), rows))
        return tuple(sources)

    def build(self, source: SourceInfo, seed: int) -> Source:
        """Return the inputs and targets of one task: training, validation, then test rows."""
        name, dim = source.name, self.dim
        train, val, test = int(self._of("samples", name)), source.rows["val"], source.rows["test"]
        rng = stream(seed, f"inputs/{name}")
        drawn = rng.standard_normal((train, dim))
        blocks = [
            drawn if self.design == "gaussian" else orthonormal_design(drawn),
            stream(seed, f"inputs/{name}/val").standard_normal((val, dim)),
            centred_design(stream(seed, f"inputs/{name}/test").standard_normal((test, dim))),
        ]
        inputs = np.concatenate(blocks).astype(np.float32)
        noise = np.zeros(len(inputs))
        noise[:train] = stream(seed, f"observation/{name}").standard_normal(train)
        noise[train : train + val] = stream(seed, f"observation/{name}/val").standard_normal(val)
        theta = self._of("norm", name) * self._directions(seed)[NAMES.index(name)]
        targets = inputs.astype(np.float64) @ theta + self._of("noise", name) * noise
        splits = {
            "train": np.arange(source.rows["train"]),
            "val": np.arange(train, train + val),
            "test": np.arange(train + val, train + val + test),
        }
        return Source(name, inputs, {name: targets.astype(np.float32)[:, None]}, splits)

    def true_vectors(self, seed: int) -> np.ndarray:
        """Return the true vectors of the selected tasks, float64 (tasks, dim), for tests and theory."""
        directions = dict(zip(NAMES, self._directions(seed), strict=True))
        return np.stack([self._of("norm", name) * directions[name] for name in self.selected()])

    def optimum(self, network: LinearNetwork, seed: int) -> tuple[float, ...] | None:
        """Return the excess risks at the optimum of a run on this seed's data; orthonormal design only."""
        if self.design != "orthonormal":
            return None
        estimates = []
        for source in self.load(seed).sources:
            rows = source.splits["train"]
            (targets,) = source.targets.values()
            estimates.append(source.inputs[rows].T.astype(np.float64) @ targets[rows, 0] / len(rows))
        found = optimum(network, np.stack(estimates))
        return None if found is None else tuple(((found - self.true_vectors(seed)) ** 2).sum(1).tolist())

    def expectation(self, network: LinearNetwork) -> tuple[float, ...] | None:
        """Return the mean excess risks over seeds at the optimum; orthonormal design without label noise only."""
        if self.design != "orthonormal" or any(self.setting("label_noise").values()):
            return None
        sds, samples = (np.array(list(self.setting(field).values())) for field in ("noise", "samples"))
        found = expected_risks(network, self.true_vectors(0), sds**2 / samples)
        return None if found is None else tuple(found.tolist())

    def narrowed(self: S, tasks: Sequence[str]) -> S:
        """Return the suite with only these tasks; `a` alone forgets the cosine, which is not its own."""
        suite = super().narrowed(tasks)
        return replace(suite, cosine=type(self).cosine) if tuple(tasks) == ("a",) else suite

    def faults(self) -> Iterator[Fault]:
        """Yield everything that is wrong with the settings; keys are field names."""
        yield from super().faults()
        if self.dim < 2:
            yield Fault("dim", "must be at least 2", self.dim)
        if not -1 <= self.cosine <= 1:
            yield Fault("cosine", "must be from -1 to 1", self.cosine)
        for name in ("resplit", "splits"):
            if getattr(self, name):
                yield Fault(name, "has no meaning here: every seed draws its own data", getattr(self, name))
        least, why = 1, ""
        if self.design == "orthonormal":
            least, why = self.dim, ", the dimension, for an orthonormal design"
            if self.train_size is not None:
                rule = "would break the orthonormal design: set `suite.samples`"
                yield Fault("train_size", rule, self.train_size)
        names = self.selected()
        most = int(free_memory_mib() * 2**20 / (8 * max(self.dim, 1)))
        rule = f"must be at least {least}{why}, and at most {most:,}, as many rows as free memory holds"
        yield from per_task_faults("samples", self.samples, names, NAMES, rule, lambda n: least <= n <= most)
        rule = "must be a standard deviation of at least 0"
        yield from per_task_faults("noise", self.noise, names, NAMES, rule, lambda v: 0 <= v < math.inf)
        rule = "must be a length over 0"
        yield from per_task_faults("norm", self.norm, names, NAMES, rule, lambda v: 0 < v < math.inf)

    def _of(self, field: str, name: str) -> float:
        """Return a per-task setting of a task, the default where the task is not selected."""
        return self.setting(field).get(name, getattr(type(self), field))

    def _directions(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the true vectors at length 1, each (dim,)."""
        a = stream(seed, "teacher/a").standard_normal(self.dim)
        a /= np.linalg.norm(a)
        other = stream(seed, "teacher/b").standard_normal(self.dim)
        other -= (other @ a) * a
        other /= np.linalg.norm(other)
        return a, self.cosine * a + math.sqrt(1 - self.cosine**2) * other


def orthonormal_design(drawn: np.ndarray) -> np.ndarray:
    """Return inputs X (n, d), float64, with X'X = n I, spanning the columns of `drawn` (n, d), n >= d."""
    return math.sqrt(len(drawn)) * np.linalg.qr(drawn)[0]


def centred_design(drawn: np.ndarray) -> np.ndarray:
    """Return inputs X (n, d), float64, with X'X = n I and X'1 = 0, drawn (n, d) with n > d."""
    return orthonormal_design(np.column_stack([np.ones(len(drawn)), drawn]))[:, 1:]
