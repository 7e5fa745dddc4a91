"""docs/python_loop.md: its examples run, the second one with every strategy, and its table names what is needed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import mtlrun.weighting
from mtlrun.catalog import load_option, options
from mtlrun.config import build
from mtlrun.weighting import Balancer
from mtlrun.weighting.base import Weighting

PAGE = (Path(__file__).parents[2] / "docs" / "python_loop.md").read_text(encoding="utf-8")
EXAMPLE, ANY_STRATEGY = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
NEEDS = dict(re.findall(r"^\| (`.*?) \| (.*?) \|$", PAGE, re.M))
STRATEGIES = options("weighting")


def strategy(name: str) -> Weighting:
    found = build(load_option("weighting", name))
    assert isinstance(found, Weighting)
    return found


def test_the_example_is_short_and_learns_both_tasks() -> None:
    assert len(EXAMPLE.splitlines()) < 25
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-c", EXAMPLE]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    losses = re.match(r"\[([\d.]+), ([\d.]+)\] \[", done.stdout)
    assert losses and all(float(loss) < 0.2 for loss in losses.groups())  # 2 before training


@pytest.mark.parametrize("name", STRATEGIES)
def test_one_loop_serves_every_strategy(name: str) -> None:
    torch.set_num_threads(1)
    step = {"torch": torch}
    exec(compile(ANY_STRATEGY, "python_loop.md", "exec"), step)
    weighting = strategy(name)
    generator = torch.Generator().manual_seed(0)
    batches = [torch.randn(16, 4, generator=generator) for _ in range(8)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = nn.Sequential(nn.Linear(4, 8), nn.Tanh())
        heads = nn.ModuleList(nn.Linear(8, 1) for _ in range(3))

    def task_losses(features: torch.Tensor, batch: list[torch.Tensor]) -> list[torch.Tensor]:
        return [(head(features) - batch[0][:, k : k + 1]).square().mean() for k, head in enumerate(heads)]

    given = {"steps_per_epoch": 2, "rows": [10, 20, 30], "lr": 0.01}
    balancer = Balancer(weighting, encoder.parameters(), 3, **given)
    optimizer = torch.optim.SGD([*encoder.parameters(), *heads.parameters(), *balancer.parameters()], lr=0.01)
    before = [p.detach().clone() for p in encoder.parameters()]
    for k in range(4):
        probes = [[batches[k + 4]], [batches[k]]]
        weights = step["train_step"](balancer, optimizer, encoder, task_losses, [batches[k]], probes)
        assert weights.shape == (3,) and weights.isfinite().all()
    assert all((p - q).norm() > 0 for p, q in zip(encoder.parameters(), before, strict=True))


def needing(words: str) -> set[str]:
    """Return the classes that stand beside some words in the table of needs."""
    rows = [classes for classes, needs in NEEDS.items() if words in needs]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_the_table_names_every_strategy_that_needs_more() -> None:
    classes = {type(strategy(name)).__name__: strategy(name) for name in STRATEGIES}
    facts = mtlrun.weighting.base.Facts(2, 1, (1, 1))
    declared = {
        "steps_per_epoch": {n for n, w in classes.items() if w.watches_epochs},
        "after_step": {n for n, w in classes.items() if w.watches_update},
        "probe_losses": {n for n, w in classes.items() if w.probe != "none"},
        "lr=": {n for n, w in classes.items() if w.probe == "validation_slopes"},
        "balancer.parameters()": {n for n, w in classes.items() if w.learned(facts)},
    }
    assert {words: needing(words) for words in declared} == declared
