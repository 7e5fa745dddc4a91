"""Lateral connections of progressive networks."""

import numpy as np
import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config
from support.networks import counts, inputs_of, moved, network_of

from mtlrun.sharing.lateral import Connection, Lateral

CPU = torch.device("cpu")


@pytest.mark.parametrize("suite", ("digits_parity", "digits_permuted"))
@pytest.mark.parametrize("model", ("mlp", "convnet"))
def test_it_begins_as_separate_columns(suite, model):
    lateral, separate = (network_of(suite=suite, model=model, sharing=s) for s in ("lateral", "separate"))
    for ours, theirs in zip(lateral(inputs_of(suite)), separate(inputs_of(suite)), strict=True):
        assert torch.equal(ours, theirs)


def test_a_connection_by_hand():
    # One feature of each of two columns, rank 1: V = [1, 2], b = -1, U = 3, c = 0.5: (2, 1) gives 3 * 3 + 0.5.
    connection = Connection((1,), 2, 1)
    with torch.no_grad():
        for parameter, value in zip(
            connection.parameters(), ([[1.0, 2.0]], [-1.0], [[3.0]], [0.5]), strict=True
        ):
            parameter.copy_(torch.tensor(value))
        assert connection([torch.tensor([[2.0]]), torch.tensor([[1.0]])]).item() == 9.5


def test_two_columns_by_hand():
    body = moved(network_of(suite="digits_parity", sharing="lateral")).body
    (x,) = inputs_of("digits_parity")
    first_a, first_b, second_a, second_b = body.blocks
    to_a, to_b = body.connections
    one = first_a(x)
    two = second_a(x) + to_a([one])
    features = [first_b(one), second_b(two) + to_b([first_b(one)])]
    for ours, theirs in zip(body([x]), features, strict=True):
        assert torch.equal(ours, theirs)


def test_the_first_task_trains_as_if_alone_and_the_second_reads_it():
    torch.set_num_threads(1)
    lateral, separate = (
        cohort_of([run_config(seed=s, sharing=sharing) for s in (0, 1)], CPU).train()[0].parameters
        for sharing in ("lateral", "separate")
    )
    for place in ("0.1", "1.1"):
        ours, theirs = (
            p[f"body.{n}.weight"]
            for p, n in ((lateral, f"blocks.{place}"), (separate, f"branches.0.{place}"))
        )
        assert np.allclose(ours, theirs, rtol=1e-12, atol=1e-14)
    assert not np.allclose(lateral["body.blocks.2.1.weight"], separate["body.branches.1.0.1.weight"])


def test_one_task_after_another_freezes_earlier_columns():
    torch.set_num_threads(1)
    config = run_config(0, sharing="lateral", schedule="sequential", steps=5)
    cohort = cohort_of([config, config | {"seed": 1}], CPU)
    first, second = cohort.phases
    for phase in (first, second):
        trainer = cohort.begin(phase)
        begun = {n: p.detach().clone() for n, p in cohort.parameters.items()}
        for step, batch in enumerate(cohort.batches(phase, 0)):
            trainer.step(batch, step)
        trained = {cohort.owners[n] for n, p in cohort.parameters.items() if not torch.equal(p, begun[n])}
        assert trained == set(phase.tasks)


def test_parameters_counted_by_hand():
    # A connection maps the 16 features of one column to 16 and back, twice 16 * 16 + 16; there are two.
    network = network_of(suite="digits_parity", sharing="lateral")
    assert counts(network) == {0: 1312 + 170, 1: 1312 + 4 * 272 + 17}


def test_its_settings_are_checked():
    assert [f.key for f in Lateral(0).faults()] == ["rank"]
    assert not list(Lateral(1).faults())
