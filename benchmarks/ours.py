"""mtlrun's own row of `make bench`: the engine's real step, batches drawn and gathered as in any study."""

from __future__ import annotations

from torch import Tensor, device

from benchmarks.peers import LR, Peer
from mtlrun.catalog import load_option
from mtlrun.config import build, to_node
from mtlrun.training.cohort import Cohort

ENDLESS = 10_000_000  # steps: more than any benchmark takes
GROUPS = {
    "suite": "digits_parity",
    "model": "mlp",
    "sharing": "hard",
    "heads": "linear",
    "schedule": "joint",
    "regularization": "none",
    "optimizer": "adam",
}


def mtlrun_lanes(width: int, batch: int, lanes: int, weighting: str, on: str = "cpu") -> Peer:
    """Return the engine training that many lanes of the two-task digits MLP."""
    nodes = {g: load_option(g, option) for g, option in {**GROUPS, "weighting": weighting}.items()}
    nodes["model"] |= {"width": width, "depth": 2}
    nodes["optimizer"]["lr"] = LR
    config = {group: to_node(build(node)) for group, node in nodes.items()}
    config |= {"budget": {"steps": ENDLESS, "batch_size": batch, "evaluations": 1}, "dtype": "float32"}
    cohort = Cohort([{**config, "seed": seed} for seed in range(lanes)], device(on))
    (phase,) = cohort.phases
    trainer, batches = cohort.begin(phase), enumerate(cohort.batches(phase, 0))

    def step() -> Tensor:
        place, drawn = next(batches)
        losses, _ = trainer.step(drawn, place)
        return losses.mean()

    return Peer(step, lanes)
