"""The state of training as arrays and JSON, and back: nothing in it can run code.

A tree is made of mappings with text as keys, lists, tensors, NumPy arrays, numbers, text and None. Its arrays are
numbered; JSON has the rest, with marks where arrays stand. Tensors keep their layout in memory: some kernels round
by it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

Tree = Any
"""As above."""

AS_BITS = {torch.bfloat16: torch.int16}
"""Types that NumPy lacks, and those that carry their bits."""


def packed(tree: Tree) -> tuple[dict[str, np.ndarray], str]:
    """Return the arrays of a tree by number, and its JSON. Arrays share memory with tensors of the CPU."""
    arrays: dict[str, np.ndarray] = {}

    def kept(array: np.ndarray) -> str:
        arrays[str(len(arrays))] = np.ascontiguousarray(array)
        return str(len(arrays) - 1)

    def marked(node: Tree) -> Any:
        if isinstance(node, Tensor):
            dense = _narrowed(node.detach()).cpu()
            bits = dense.view(AS_BITS[node.dtype]) if node.dtype in AS_BITS else dense
            about = {"shape": list(node.shape), "stride": list(node.stride()), "dtype": str(node.dtype)}
            return {"tensor": kept(bits.numpy()), **about}
        if isinstance(node, np.ndarray):
            return {"array": kept(node), "shape": list(node.shape)}
        if isinstance(node, Mapping):
            return {"mapping": {key: marked(value) for key, value in node.items()}}
        if isinstance(node, list | tuple):
            return [marked(value) for value in node]
        return node

    return arrays, json.dumps(marked(tree))


def unpacked(arrays: Mapping[str, np.ndarray], text: str, device: torch.device) -> Tree:
    """Return the tree of `packed`, its tensors on a device.

    Raises:
        ValueError, KeyError, TypeError, RuntimeError: the parts do not fit each other.
    """

    def found(node: Any) -> Tree:
        if isinstance(node, list):
            return [found(value) for value in node]
        if not isinstance(node, dict):
            return node
        if "tensor" in node:
            return _tensor(arrays[node["tensor"]], node, device)
        if "array" in node:
            return arrays[node["array"]].reshape(node["shape"])
        return {key: found(value) for key, value in node["mapping"].items()}

    return found(json.loads(text))


def same_shapes(one: Tree, other: Tree) -> bool:
    """Whether two trees have tensors of the same shapes and types in the same places."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.shape == other.shape and one.dtype == other.dtype
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same_shapes(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same_shapes, one, other))
    return type(one) is type(other)


def _narrowed(tensor: Tensor) -> Tensor:
    """Return a tensor with one element along each axis over which it repeats itself."""
    for axis, (size, stride) in enumerate(zip(tensor.shape, tensor.stride(), strict=True)):
        if stride == 0 and size > 1:
            tensor = tensor.narrow(axis, 0, 1)
    return tensor


def _tensor(array: np.ndarray, about: Mapping[str, Any], device: torch.device) -> Tensor:
    shape, strides = about["shape"], about["stride"]
    dtype = getattr(torch, about["dtype"].removeprefix("torch."))
    dense = [1 if s == 0 and n > 1 else n for n, s in zip(shape, strides, strict=True)]
    found = torch.empty_strided(dense, strides, dtype=dtype, device=device)
    bits = torch.from_numpy(array)
    found.copy_((bits.view(dtype) if dtype in AS_BITS else bits).reshape(dense))
    return found.expand(shape)
