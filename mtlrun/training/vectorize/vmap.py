"""From functions of one run to functions of all lanes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from mtlrun.user_code import FOREIGN_ERRORS, told

T = TypeVar("T")

HINT = (
    "this code serves many runs at once: it may not branch on values (torch.where chooses), take them out of "
    "tensors, change these in place or draw random numbers; a weighting may say one_by_one = True"
)


class NotVectorised(RuntimeError):
    """Code written for one run does what vmap cannot do for all; its cause is vmap's own error."""


def lift(function: Callable[..., Any], lanes: int, one_by_one: bool = False) -> Callable[..., Any]:
    """Return a function of one run as a function of R lanes: every tensor gains a leading axis.

    The epoch flag of `Signals`, a tensor without axes, is the same for all lanes. One lane needs no vmap; a function
    that vmap cannot take gets the lanes `one_by_one`.
    """
    if one_by_one:
        return lambda *args: _stacked([function(*_lane(args, k)) for k in range(lanes)])
    if lanes == 1:
        return lambda *args: _map(
            lambda x: x.unsqueeze(0), function(*_map(lambda x: x.squeeze(0) if x.dim() else x, args))
        )

    def lifted(*args: Any) -> Any:
        whole = _tensors(args)
        stacked = [x for x in whole if x.dim()]  # flat: vmap takes long to walk nested arguments
        shape: list[Any] = []

        def flat(*lane: Tensor) -> list[Tensor]:
            own = iter(lane)
            shape[:] = [function(*_map(lambda x: next(own) if x.dim() else x, args))]
            return _tensors(shape)

        try:
            found = iter(torch.vmap(flat)(*stacked))
        except RuntimeError as error:
            if not str(error).startswith("vmap: "):
                raise
            raise NotVectorised(HINT).with_traceback(error.__traceback__) from error
        return _map(lambda _: next(found), shape[0])

    return lifted


def without_loops(work: Callable[[], T]) -> tuple[T | None, str | None]:
    """Return what vmapped work gives and None, or None and why vmap cannot take it, in a line.

    What vmap only takes by a loop inside, which it warns of, it counts as not able to take.
    """
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            found = work()
    except FOREIGN_ERRORS as error:
        return None, told(error).partition(". ")[0]
    for warning in warned:
        if "performance drop" in str(warning.message):
            return None, str(warning.message).partition(". ")[0]
    return found, None


def _lane(tree: Any, lane: int) -> Any:
    """Return one lane's part of stacked tensors."""
    return _map(lambda x: x[lane] if x.dim() else x, tree)


def _stacked(trees: list[Any]) -> Any:
    """Return equal trees of tensors as one, with a leading axis."""
    return tree_map(lambda *leaves: torch.stack(leaves), *trees)


def _map(function: Callable[[Tensor], Any], tree: Any) -> Any:
    """Apply a function to every tensor of nested dicts, lists and tuples; other leaves become None."""
    if isinstance(tree, Tensor):
        return function(tree)
    if isinstance(tree, dict):
        return {k: _map(function, v) for k, v in tree.items()}
    if isinstance(tree, list | tuple):
        items = [_map(function, v) for v in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    return None


def _tensors(tree: Any) -> list[Tensor]:
    """Return the tensors of nested dicts, lists and tuples, in the order in which `_map` meets them."""
    found: list[Tensor] = []
    _map(found.append, tree)
    return found
