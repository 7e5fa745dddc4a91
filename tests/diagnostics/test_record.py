"""The stored shape of what was recorded of gradients."""

import json

import numpy as np
import pytest
import torch

from mtlrun.diagnostics.record import Record, of_evaluations, of_steps, rounded

ONES = torch.ones(1, 2)


def gramian(*layers):
    """Return the Gramian (1, L, T, T) of one lane from the tasks' gradients in each layer."""
    return torch.stack([g @ g.T for g in map(torch.tensor, layers)]).unsqueeze(0)


def test_numbers_keep_four_digits_and_their_signs():
    values = np.array([0.0, 123456.0, -0.000012345678, 2 / 3, -1.0, 9.99999, 1e-30])
    assert rounded(values).tolist() == [0.0, 123500.0, -1.235e-05, 0.6667, -1.0, 10.0, 1e-30]


def test_conflict_is_counted_where_there_is_a_cosine():
    agreeing, opposed = [[1.0, 0.0], [1.0, 1.0]], [[1.0, 0.0], [-0.5, 0.0]]
    unlabelled = [[1.0, 0.0], [0.0, 0.0]]
    records = [
        Record(1, (0, 1), ONES, gramian(agreeing, opposed)),
        Record(2, (0, 1), ONES, gramian(opposed, opposed)),
        Record(3, (0, 1), ONES, gramian(unlabelled, agreeing)),
        Record(4, (0, 1), ONES, gramian(unlabelled, unlabelled)),
    ]
    (found,) = of_steps(records, [["a", "b"]], ["low", "high"])
    assert found["steps"] == [1, 2, 3, 4]
    assert found["layers"] == ["low", "high"]
    assert found["layer_cosine"][0] == [[0.7071], [-1.0]]
    assert found["layer_cosine"][2] == [[None], [0.7071]]
    assert found["cosine"] == [[0.2357], [-1.0], [0.5], [None]]
    assert found["norm"][1] == [1.414, 0.7071]
    assert found["magnitude_similarity"][1] == [0.8]
    assert found["layer_conflict_share"] == [[0.5], [0.6667]]
    assert found["conflict_share"] == [0.3333]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_tasks_that_a_step_did_not_train_have_no_values():
    records = [
        Record(5, (0, 2), 2 * ONES, gramian([[1.0, 0.0], [0.0, 2.0]])),
        Record(9, (0, 1, 2), torch.ones(1, 3), gramian([[1.0], [-1.0], [1.0]])),
    ]
    (found,) = of_steps(records, [["a", "b", "c"]], [])
    assert found["pairs"] == [["a", "b"], ["a", "c"], ["b", "c"]]
    assert found["cosine"] == [[None, 0.0, None], [-1.0, 1.0, -1.0]]
    assert found["weight"] == [[2.0, None, 2.0], [1.0, 1.0, 1.0]]
    assert found["norm"][0] == [1.0, None, 2.0]
    assert found["conflict_share"] == [1.0, 0.0, 1.0]
    assert found["layer_cosine"] == [[], []]


def test_nothing_recorded_is_empty():
    assert of_steps([], [["a"], ["a"]], []) == [{}, {}]


def test_evaluations_keep_the_tasks_that_were_trained():
    records = [
        Record(10, (0, 1), ONES, gramian([[1.0, 0.0], [3.0, 4.0]]), torch.tensor([2 / 3])),
        Record(20, (1,), torch.ones(1, 1), None),
        Record(30, (0, 1), ONES, gramian([[float("nan")], [1.0]]), torch.tensor([float("inf")])),
    ]
    (found,) = of_evaluations(records, 1)
    assert found["active"] == [[0, 1], [1], [0, 1]]
    assert found["weights"] == [[1.0, 1.0], [1.0], [1.0, 1.0]]
    assert found["gradient_cosines"] == [pytest.approx([0.6]), None, [None]]
    assert found["curvature"] == [0.6667, None, None]
