"""The same training written the ordinary way: one run, plain torch, no lanes. Slow, and independent of the engine.

Strategies are written here from their papers on whole gradients, not on Gramians.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from mtlrun.config import build
from mtlrun.streams import stream
from mtlrun.training.network import Parts, build_network

LOSS = {
    "multiclass": F.cross_entropy,
    "binary": F.binary_cross_entropy_with_logits,
    "multilabel": F.binary_cross_entropy_with_logits,
    "regression": F.mse_loss,
}


def plain_loop(config: dict[str, Any]) -> dict[str, np.ndarray]:
    """Train one run with Adam (torch's default implementation) and return its parameters and running statistics."""
    suite, seed, parts = build(config["suite"]), config["seed"], Parts.of(config)
    data, dtype = suite.load(seed), getattr(torch, config["dtype"])
    network = build_network(parts, suite.info(), seed).to(dtype)
    named = dict(network.named_parameters())
    owners = network.owners()
    shared = [n for n in named if owners[n] is None]
    log_variance = torch.zeros(len(data.tasks), dtype=dtype, requires_grad=True)
    method = type(parts.weighting).__name__
    extra = [log_variance] if method == "Uncertainty" else []
    adam = torch.optim.Adam([*named.values(), *extra], lr=parts.optimizer.lr, foreach=False)
    batches = [batches_of(seed, source, config["budget"]["batch_size"]) for source in data.sources]
    history: list[list[np.ndarray]] = [[]]
    rows_per_epoch = max(len(s.splits["train"]) for s in data.sources)
    for step in range(config["budget"]["steps"]):
        size = config["budget"]["batch_size"]
        if step and int(step * size / rows_per_epoch) > int((step - 1) * size / rows_per_epoch):
            history.append([])
        rows = [next(b) for b in batches]
        inputs = [torch.from_numpy(s.inputs[r]).to(dtype) for s, r in zip(data.sources, rows, strict=True)]
        outputs = network(inputs)
        losses = []
        for task, output in zip(data.tasks, outputs, strict=True):
            target = torch.from_numpy(data.sources[task.source].targets[task.name][rows[task.source]])
            target = target.to(dtype) if target.is_floating_point() else target
            losses.append(LOSS[task.kind](output, target))
        adam.zero_grad()
        if method in ("PCGrad", "MGDA") and shared:
            _surgery(method, named, shared, losses)
        else:
            total = _weighted_sum(method, parts.weighting, losses, log_variance, history)
            total.backward()
        history[-1].append(np.array([loss.item() for loss in losses]))
        adam.step()
    statistics = {n: b for n, b in network.named_buffers() if ".running_" in n}
    return {n: p.detach().numpy() for n, p in (named | statistics).items()}


def batches_of(seed: int, source: Any, size: int) -> Any:
    """Yield the row numbers of a run's batches, without end."""
    rng, rows = stream(seed, f"batches/{source.name}"), source.splits["train"]
    endless = itertools.chain.from_iterable(rng.permutation(rows) for _ in itertools.count())
    while True:
        yield np.array(list(itertools.islice(endless, size)))


def _weighted_sum(method: str, weighting: Any, losses: Any, log_variance: Any, history: Any) -> torch.Tensor:
    if method == "Uncertainty":
        return sum(loss / (2 * torch.exp(s)) + s / 2 for loss, s in zip(losses, log_variance, strict=True))
    weights = np.ones(len(losses))
    if method == "Static":
        weights = np.broadcast_to(weighting.weights, len(losses))
    if method == "DWA" and len(history) > 2:
        ratio = np.mean(history[-2], 0) / np.mean(history[-3], 0)
        exponentials = np.exp(ratio / weighting.tau)
        weights = len(losses) * exponentials / exponentials.sum()
    return sum(float(w) * loss for w, loss in zip(weights, losses, strict=True))


def _surgery(method: str, named: Any, shared: list[str], losses: Any) -> None:
    """Set every parameter's gradient, for two tasks."""
    own = [n for n in named if n not in shared]
    gradients = []
    for loss in losses:
        found = torch.autograd.grad(loss, [named[n] for n in shared], retain_graph=True)
        gradients.append(torch.cat([g.flatten() for g in found]))
    a, b = gradients
    if method == "PCGrad":
        dot = a @ b
        combined = a + b if dot >= 0 else (a - dot / (b @ b) * b) + (b - dot / (a @ a) * a)
    else:
        first = float(((b - a) @ b / ((a - b) @ (a - b))).clamp(0, 1))
        combined = first * a + (1 - first) * b
    sum(losses).backward(inputs=[named[n] for n in own])
    sizes = [named[n].numel() for n in shared]
    for name, part in zip(shared, combined.split(sizes), strict=True):
        named[name].grad = part.view_as(named[name])
