"""How wide an encoder must be for a network on it to have a given size."""

from __future__ import annotations

from collections.abc import Callable

from mtlrun.errors import ConfigError, Fault
from mtlrun.models.base import Model

KEY = "sharing.capacity"


def closest_in_size(model: Model, size: Callable[[Model], int], wanted: int) -> Model:
    """Return an encoder of the given kind, of the width with which `size` comes closest to `wanted`.

    Of two widths that come equally close it is the narrower one.

    Args:
        model: gives everything but the width.
        size: parameters of a network on an encoder; they do not fall as it gets wider.
        wanted: parameters, as many as that network would have.

    Raises:
        ConfigError: the model has one width only, or `size` is above `wanted` at the narrowest.
    """

    def at(units: int) -> Model:
        found = model.resized(units)
        if found is None:
            rule = (
                "same_parameters needs a model whose width can be chosen, as model=mlp without init_from, not"
            )
            raise ConfigError([Fault(KEY, rule, type(model).__name__)])
        return found

    if size(at(1)) > wanted:
        rule = (
            f"same_parameters cannot be had: with the narrowest encoder, {at(1)}, there are {size(at(1)):,} "
            f"parameters, and sharing=hard has {wanted:,} (a wider model has more to give)"
        )
        raise ConfigError([Fault(KEY, rule)])
    below, above = 1, 2
    while size(at(above)) < wanted:
        if size(at(2 * above)) == size(at(above)):
            raise ConfigError([Fault(KEY, "same_parameters needs a sharing scheme that uses the encoder")])
        below, above = above, 2 * above
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (middle, above) if size(at(middle)) <= wanted else (below, middle)
    return at(above if size(at(above)) - wanted < wanted - size(at(below)) else below)
