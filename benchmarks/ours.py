"""mtlrun's own row of `make bench`: the engine's real step, batches drawn and gathered as in any study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, device

from benchmarks.peers import LR, Peer
from mtlrun.catalog import load_option
from mtlrun.config import build, to_node
from mtlrun.planning.run_spec import RunSpec
from mtlrun.training.loop.cohort import Cohort

ENDLESS = 10_000_000  # steps: more than any benchmark takes
IMAGE_SUITE = {"_target_": "benchmarks.image_suite.DigitImages"}
GROUPS = {
    "suite": "digits_parity",
    "model": "mlp",
    "sharing": "hard",
    "heads": "linear",
    "weighting": "equal",
    "schedule": "joint",
    "regularization": "none",
    "optimizer": "adam",
}


def bench_cohort(
    lanes: int,
    budget: Mapping[str, Any],
    options: Mapping[str, str],
    model: Mapping[str, Any] | None = None,
    images: bool = False,
    on: str = "cpu",
    compiler: str | None = None,
) -> Cohort:
    """Return a cohort of that many seeds, of `bench_configs`, on a device, with a compiler as of `Cohort`."""
    configs = bench_configs(lanes, budget, options, model, images)
    return Cohort([RunSpec.of(config) for config in configs], device(on), compiler)


def bench_configs(
    lanes: int,
    budget: Mapping[str, Any],
    options: Mapping[str, str],
    model: Mapping[str, Any] | None = None,
    images: bool = False,
) -> list[dict[str, Any]]:
    """Return the configs of that many seeds.

    Args:
        lanes: how many runs.
        budget: steps, batch size, evaluations.
        options: the groups that depart from `GROUPS`.
        model: settings of the model that depart from its defaults.
        images: whether the suite is the digits at 28x28.
    """
    nodes: dict[str, Any] = {
        group: load_option(group, option) for group, option in {**GROUPS, **options}.items()
    }
    nodes["model"] |= model or {}
    nodes["optimizer"]["lr"] = LR
    if images:
        nodes["suite"] = dict(IMAGE_SUITE)
    config: dict[str, Any] = {group: to_node(build(node)) for group, node in nodes.items()}
    config |= {"budget": dict(budget), "dtype": "float32"}
    return [{**config, "seed": seed} for seed in range(lanes)]


def stepping(cohort: Cohort) -> Peer:
    """Return the peer that takes one step of the cohort's only phase; compiling it is not timed.

    Raises:
        RuntimeError: the step was to be compiled, and is not.
    """
    (phase,) = cohort.phases
    trainer, batches = cohort.begin(phase), enumerate(cohort.batches(phase, 0))
    cohort.compile(trainer, next(batches)[1])
    if cohort.not_compiled:
        raise RuntimeError(f"the step was not compiled: {cohort.not_compiled}")

    def step() -> Tensor:
        place, drawn = next(batches)
        losses, _ = trainer.step(drawn, place)
        return losses.mean()

    return Peer(step, len(cohort.seeds))


def endless(batch: int) -> dict[str, Any]:
    """Return a budget that no benchmark reaches the end of."""
    return {"steps": ENDLESS, "batch_size": batch, "evaluations": 1}
