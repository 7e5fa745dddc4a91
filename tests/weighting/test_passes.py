"""What a step costs in forward and backward passes, counted in the engine, is what every weighting's page says."""

import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config

from mtlrun.catalog import describe, load_option, options
from mtlrun.training.loop.step import Program

TASKS = ("digit", "even", "prime")
WORDS = {  # forward and backward passes with three tasks, and how a page tells them of T
    (1, 1): "Cost: one backward pass a step",
    (1, 3): "Cost: T backward passes a step",
    (2, 1): "Cost: one backward and two forward passes a step",
    (3, 7): "Cost: 2 T + 1 backward and three forward passes a step",
    (5, 3): "Cost: three backward and five forward passes a step",
}


@pytest.fixture
def passes(monkeypatch):
    """Count passes: forward ones through the network, backward ones by what part of it they reach."""
    torch.set_num_threads(1)
    counts = {"forward": 0, "shared": 0, "heads": 0}
    see, differentiate = Program.see, torch.autograd.grad

    def seen(program, lanes, examples):
        counts["forward"] += 1
        return see(program, lanes, examples)

    def differentiated(outputs, inputs, *rest, **options):
        found = differentiate(outputs, inputs, *rest, **options)
        wanted = [inputs] if isinstance(inputs, torch.Tensor) else inputs
        reached = {id(x) for x, g in zip(wanted, found, strict=True) if g is not None}
        for part in ("shared", "heads"):
            counts[part] += bool(reached & counts["leaves"][part])
        return found

    monkeypatch.setattr(Program, "see", seen)
    monkeypatch.setattr(torch.autograd, "grad", differentiated)

    def count(**choices):
        configs = [
            run_config(s, suite="digits_attributes", suite__tasks=list(TASKS), **choices) for s in (0, 1)
        ]
        cohort = cohort_of(configs, torch.device("cpu"))
        trainer, batch = cohort.begin(cohort.phases[0]), next(cohort.batches(cohort.phases[0], 0))
        leaves = trainer.program.forward.leaves
        counts["leaves"] = {
            part: {id(x) for n, x in leaves.items() if ("heads" in n) == (part == "heads")}
            for part in ("shared", "heads")
        }
        counts.update(forward=0, shared=0, heads=0)
        trainer.step(batch, 0)
        return counts["forward"], counts["shared"], counts["heads"]

    return count


@pytest.mark.parametrize("name", options("weighting"))
def test_the_page_tells_the_passes_of_a_step(name, passes):
    forward, backward, _ = passes(weighting=name)
    assert WORDS[forward, backward] in describe("weighting", name).docstring


@pytest.mark.parametrize(
    "name", [n for n in options("weighting") if "gradients_at" in load_option("weighting", n)]
)
def test_at_the_representation_one_pass_goes_below_it(name, passes):
    forward, below, heads = passes(weighting=name, weighting__gradients_at="representation")
    assert (forward, below, heads) == (1, 1, len(TASKS))
    assert (
        "at the representation T through the heads and one below it" in describe("weighting", name).docstring
    )


def test_a_scalarizer_of_torchjd_takes_one(passes):
    assert passes(weighting="torchjd", weighting__name="GeometricMean")[:2] == (1, 1)
