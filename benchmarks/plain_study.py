"""The study of ten mitigations as a script without mtlrun: a loop over runs, each trained by the plain loop.

Written as a competent user would: fused Adam, data as tensors in memory, batches drawn once, no
synchronisation or evaluation beyond what is asked for, TorchJD where a method needs each task's gradient. Of every
kind of run a sample is timed; the caller extrapolates by count. Short runs before it take what torch does once.

`python -m benchmarks.plain_study --first-seed 0 --seeds 3 --epochs 20` prints JSON: a list of timed runs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional as F
from torchjd.aggregation import MGDA, PCGrad
from torchjd.autojac import jac_to_grad, mtl_backward

VAL_ROWS, TEST_ROWS = 300, 600  # of 1,797; 897 train
BATCH, WIDTH, LR = 32, 64, 1e-3
EVALUATIONS = 10
L1, L2 = 1e-4, 1e-3  # factors of the penalties, on weights and not on biases
DWA_TEMPERATURE = 2.0
AGGREGATORS = {"pcgrad": PCGrad, "mgda": MGDA}
OUTPUTS = (10, 1)  # digit, parity


class Kind(NamedTuple):
    """What a run trains: a method for the tasks' losses, the kind of heads, a penalty, and which tasks."""

    method: str = "sum"
    heads: str = "linear"
    penalty: str = "none"
    tasks: tuple[int, ...] = (0, 1)

    @property
    def name(self) -> str:
        tasks = "+".join(("digit", "parity")[task] for task in self.tasks)
        return f"{self.method} {self.heads} {self.penalty} {tasks}"


MITIGATIONS = {
    "none": Kind(),
    "uncertainty": Kind("uncertainty"),
    "dwa": Kind("dwa"),
    "static": Kind("static"),
    "pcgrad": Kind("pcgrad"),
    "mgda": Kind("mgda"),
    "separate_heads": Kind(heads="mlp"),
    "l1": Kind(penalty="l1"),
    "l2": Kind(penalty="l2"),
    "sequential": Kind("sequential"),
}


def kinds() -> list[Kind]:
    """Return every kind of run of the study: the mitigations, and a baseline per heads, penalty and task."""
    both = list(MITIGATIONS.values())
    settings = dict.fromkeys((kind.heads, kind.penalty) for kind in both)
    return both + [Kind("sum", heads, penalty, (task,)) for heads, penalty in settings for task in (0, 1)]


class Data(NamedTuple):
    """Inputs (N, 64), digits (N,) and parities (N, 1), and the rows of each part."""

    inputs: Tensor
    targets: tuple[Tensor, Tensor]
    parts: dict[str, Tensor]


def load() -> Data:
    """Return the digits with a fixed stratified split."""
    pixels, labels = load_digits(return_X_y=True)
    rows, test = train_test_split(
        np.arange(len(labels)), test_size=TEST_ROWS, stratify=labels, random_state=0
    )
    train, val = train_test_split(rows, test_size=VAL_ROWS, stratify=labels[rows], random_state=0)
    digit = torch.as_tensor(labels, dtype=torch.int64)
    parts = {"train": train, "val": val, "test": test}
    return Data(
        torch.as_tensor(pixels / 16, dtype=torch.float32),
        (digit, (digit % 2).float().unsqueeze(1)),
        {name: torch.as_tensor(part) for name, part in parts.items()},
    )


class Run:
    """One run of a kind: networks, optimizer, the method's own state; `train` gives its final accuracies."""

    def __init__(self, kind: Kind, seed: int, data: Data, epochs: float) -> None:
        torch.manual_seed(seed)
        self.kind, self.data = kind, data
        self.encoder = nn.Sequential(nn.Linear(64, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU())
        self.heads = nn.ModuleDict({str(task): _head(kind.heads, OUTPUTS[task]) for task in kind.tasks})
        self.log_variances = nn.Parameter(torch.zeros(len(kind.tasks)))
        learned = [self.log_variances] if kind.method == "uncertainty" else []
        weights = [*self.encoder.parameters(), *self.heads.parameters()]
        self.penalised = [weight for weight in weights if weight.dim() > 1]
        self.adam = torch.optim.Adam([*weights, *learned], lr=LR, fused=True)
        self.aggregator = AGGREGATORS[kind.method]() if kind.method in AGGREGATORS else None
        self.dwa = _DWA(len(kind.tasks))
        train = data.parts["train"]
        self.steps = round(epochs * len(train) / BATCH)
        passes = [torch.randperm(len(train)) for _ in range(int(epochs) + 2)]
        self.order = train[torch.cat(passes)[: self.steps * BATCH]].view(self.steps, BATCH)
        self.steps_per_epoch = len(train) / BATCH
        self.history: list[dict[str, list[float]]] = []

    def train(self) -> dict[str, list[float]]:
        """Train all tasks together, or one after another; return the test part's final metrics."""
        phases = [(t,) for t in self.kind.tasks] if self.kind.method == "sequential" else [self.kind.tasks]
        stops = {round(self.steps * (k + 1) / EVALUATIONS) for k in range(EVALUATIONS)}
        for tasks in phases:
            for step, rows in enumerate(self.order):
                self._step(rows, tasks, step)
                if step + 1 in stops:
                    self._evaluate()
        return self.history[-1]

    def _step(self, rows: Tensor, tasks: Sequence[int], step: int) -> None:
        features = self.encoder(self.data.inputs[rows])
        targets = {task: self.data.targets[task][rows] for task in tasks}
        losses = [_loss(task, self.heads[str(task)](features), targets[task]) for task in tasks]
        self.adam.zero_grad()
        if self.aggregator is not None:
            shared = list(self.encoder.parameters())
            own = [list(self.heads[str(task)].parameters()) for task in tasks]
            mtl_backward(losses, features, tasks_params=own, shared_params=shared, parallel_chunk_size=1)
            jac_to_grad(shared, self.aggregator)
        else:
            self._objective(losses, step).backward()
        self.adam.step()

    def _objective(self, losses: list[Tensor], step: int) -> Tensor:
        method, penalty = self.kind.method, self.kind.penalty
        if method == "uncertainty":
            total = (torch.exp(-self.log_variances) * torch.stack(losses) + self.log_variances).sum() / 2
        elif method == "dwa":
            new_epoch = int(step / self.steps_per_epoch) > int((step - 1) / self.steps_per_epoch)
            stacked = torch.stack(losses)
            total = (self.dwa.weights(stacked.detach(), new_epoch) * stacked).sum()
        else:  # `static` with its default weights of 1 is the sum too
            total = sum(losses[1:], losses[0])
        if penalty == "l1":
            return total + L1 * sum(weight.abs().sum() for weight in self.penalised)
        if penalty == "l2":
            return total + L2 * sum(weight.square().sum() for weight in self.penalised)
        return total

    @torch.no_grad()
    def _evaluate(self) -> None:
        """Record accuracy and log loss of each task on each part; of the training part as many rows as of val."""
        found: dict[str, list[float]] = {}
        for name, rows in self.data.parts.items():
            part = rows[:VAL_ROWS] if name == "train" else rows
            features = self.encoder(self.data.inputs[part])
            for task in self.kind.tasks:
                outputs, target = self.heads[str(task)](features), self.data.targets[task][part]
                right = outputs.argmax(1) == target if task == 0 else (outputs > 0) == (target > 0.5)
                accuracy = right.float().mean().item()
                found[f"{name} {task}"] = [accuracy, _loss(task, outputs, target).item()]
        self.history.append(found)


class _DWA:
    """Dynamic weight average (Liu et al. 2019, eq. 7): weights from the mean losses of the last two epochs."""

    def __init__(self, tasks: int) -> None:
        self.current = torch.ones(tasks)
        self.means: list[Tensor] = []
        self.total, self.count = torch.zeros(tasks), 0

    def weights(self, losses: Tensor, new_epoch: bool) -> Tensor:
        if new_epoch and self.count:
            self.means = [*self.means[-1:], self.total / self.count]
            self.total, self.count = torch.zeros_like(self.total), 0
            if len(self.means) == 2:
                ratio = self.means[1] / self.means[0]
                self.current = len(ratio) * torch.softmax(ratio / DWA_TEMPERATURE, 0)
        self.total, self.count = self.total + losses, self.count + 1
        return self.current


def _head(kind: str, outputs: int) -> nn.Module:
    if kind == "linear":
        return nn.Linear(WIDTH, outputs)
    return nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, outputs))


def _loss(task: int, outputs: Tensor, target: Tensor) -> Tensor:
    return (F.cross_entropy, F.binary_cross_entropy_with_logits)[task](outputs, target)


def timed(act: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return what a function gives, and the wall and CPU seconds that it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = act()
    return found, time.perf_counter() - wall, time.process_time() - cpu


def _train(kind: Kind, seed: int, data: Data, epochs: float) -> dict[str, list[float]]:
    return Run(kind, seed, data, epochs).train()


def main(argv: Sequence[str] | None = None) -> None:
    """Train the sample one run after another, print each run's cost and final test metrics."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1, help="seeds of each kind")
    parser.add_argument("--epochs", type=float, default=20)
    args = parser.parse_args(argv)
    torch.set_num_threads(1)  # faster than two on networks this small
    data, runs = load(), []
    for method in ("sum", *AGGREGATORS):  # what torch and TorchJD do once belongs to the start, not to a run
        Run(Kind(method), 0, data, 1).train()
    for kind in kinds():
        for seed in range(args.first_seed, args.first_seed + args.seeds):
            metrics, wall_s, cpu_s = timed(partial(_train, kind, seed, data, args.epochs))
            runs.append({"kind": kind.name, "seed": seed, "wall_s": wall_s, "cpu_s": cpu_s, "final": metrics})
    json.dump(runs, sys.stdout)


if __name__ == "__main__":
    main()
