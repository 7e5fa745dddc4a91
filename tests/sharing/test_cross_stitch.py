"""Cross-stitch networks."""

import pytest
import torch
from support.networks import counts, inputs_of, moved, network_of

from mtlrun.sharing.cross_stitch import CrossStitch


@pytest.mark.parametrize("suite", ("digits_parity", "digits_permuted"))
def test_with_the_identity_it_is_separate(suite):
    stitched = network_of(suite=suite, sharing="cross_stitch", sharing__own=1.0)
    separate = network_of(suite=suite, sharing="separate")
    for ours, theirs in zip(stitched(inputs_of(suite)), separate(inputs_of(suite)), strict=True):
        assert torch.equal(ours, theirs)


def test_a_layer_by_hand():
    # One block. With a = [[0.75, 0.25], [0.5, 0.5]] the features are 0.75 h0 + 0.25 h1 and (h0 + h1) / 2.
    body = moved(network_of(suite="digits_parity", sharing="cross_stitch", model__depth=1)).body
    with torch.no_grad():
        for row, values in zip(body.mixes, ([0.75, 0.25], [0.5, 0.5]), strict=True):
            row.weight.copy_(torch.tensor(values))
        (inputs,) = inputs_of("digits_parity")
        h0, h1 = (block(inputs) for block in body.blocks)
        first, second = body([inputs])
    torch.testing.assert_close(first, 0.75 * h0 + 0.25 * h1)
    torch.testing.assert_close(second, (h0 + h1) / 2)


def test_parameters_counted_by_hand():
    # Two towers of 1040 + 272 and the first block's 2 x 2 mix are shared; a row of 2 and the head are private.
    network = network_of(suite="digits_parity", sharing="cross_stitch")
    assert counts(network) == {None: 2 * (1040 + 272) + 4, 0: 2 + 170, 1: 2 + 17}


def test_rows_begin_with_what_is_asked_and_sum_to_one():
    network = network_of(suite="digits_attributes", sharing="cross_stitch", sharing__own=0.7)
    tasks = network.body.tasks
    rows = torch.stack([row.weight for row in network.body.mixes[:tasks]])
    expected = torch.full((tasks, tasks), 0.3 / (tasks - 1)).fill_diagonal_(0.7).double()
    torch.testing.assert_close(rows, expected, rtol=1e-6, atol=1e-7)


def test_its_settings_are_checked():
    assert [f.key for f in CrossStitch(1.1).faults()] == ["own"]
    assert not list(CrossStitch(0.0).faults())


def test_one_task_has_nothing_to_stitch():
    network = network_of(suite="digits_parity", suite__tasks=["digit"], sharing="cross_stitch")
    assert counts(network) == {0: 1040 + 272 + 170}
