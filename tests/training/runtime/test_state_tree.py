"""States as arrays and JSON: what goes in comes out, bit by bit, in the same layout."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mtlrun.training.runtime.state_tree import packed, same_shapes, unpacked

CPU = torch.device("cpu")


def back(tree):
    """Return a tree as it comes back from arrays and text."""
    arrays, text = packed(tree)
    return unpacked({name: array.copy() for name, array in arrays.items()}, text, CPU)


def base(dtype=torch.float32):
    return torch.arange(24).reshape(4, 6).to(dtype)


LAYOUTS = {
    "plain": base(),
    "transposed": base().T,
    "rows with gaps": base()[:, :3],
    "expanded": base()[0].expand(5, 6),
    "expanded scalar": torch.tensor(2.5).expand(3),
    "scalar": torch.tensor(1e-40),
    "empty": torch.zeros(0, 4),
    "not finite": torch.tensor([math.nan, math.inf, -0.0]),
    "flags": torch.tensor([True, False]),
    **{str(dtype): base(dtype) for dtype in (torch.float64, torch.float16, torch.bfloat16, torch.int64)},
}


@pytest.mark.parametrize("tensor", LAYOUTS.values(), ids=LAYOUTS)
def test_tensors_keep_bits_and_layout(tensor):
    found = back({"x": tensor})["x"]
    assert (found.shape, found.dtype, found.stride()) == (tensor.shape, tensor.dtype, tensor.stride())
    assert torch.equal(found.nan_to_num(7.0), tensor.nan_to_num(7.0))
    assert torch.equal(found.isnan(), tensor.isnan())
    assert torch.equal(found.signbit(), tensor.signbit())


def test_what_requires_gradients_is_packed_without():
    assert not back([torch.ones(2, requires_grad=True)])[0].requires_grad


def test_trees_keep_their_form():
    tree = {
        "mapping": {"tensor": {"array": [1, 2.5, None, True, "text", -math.inf]}},
        "empty": [{}, []],
        "array": np.array([[1.5, np.nan]]),
        "scalar array": np.array(3, np.int32),
    }
    found = back(tree)
    np.testing.assert_array_equal(found.pop("array"), tree.pop("array"))
    scalar = found.pop("scalar array")
    assert (scalar.shape, scalar.dtype, int(scalar)) == ((), np.dtype(np.int32), 3)
    tree.pop("scalar array")
    assert found == tree


def test_numbers_come_back_to_the_last_bit():
    values = [0.1 + 0.2, 5e-324, 1 / 3, 2**60 + 1]
    assert back(values) == values


@pytest.mark.parametrize(
    ("text", "error"), [('{"tensor": "9"}', KeyError), ("{", ValueError), ('{"mapping": 3}', AttributeError)]
)
def test_parts_that_do_not_fit_are_told_by_errors(text, error):
    with pytest.raises(error):
        unpacked({}, text, CPU)


def test_same_shapes():
    one = {"a": [torch.zeros(2, 3), 4], "b": (torch.zeros(1), {})}
    assert same_shapes(one, {"a": (torch.ones(2, 3), 5), "b": [torch.ones(1), {}]})
    for other in (
        {"a": [torch.zeros(2, 3), 4]},
        {"a": [torch.zeros(3, 2), 4], "b": (torch.zeros(1), {})},
        {"a": [torch.zeros(2, 3).double(), 4], "b": (torch.zeros(1), {})},
        {"a": [torch.zeros(2, 3), "4"], "b": (torch.zeros(1), {})},
        {"a": [torch.zeros(2, 3)], "b": (torch.zeros(1), {})},
    ):
        assert not same_shapes(one, other)
