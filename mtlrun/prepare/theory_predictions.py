"""What theory says of a study's cells, where their suites can say it: kept in the manifest, for the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mtlrun.config import build, to_node
from mtlrun.data.suite import Suite
from mtlrun.memo import Memo
from mtlrun.planning.runs import canonical_json
from mtlrun.schedule.base import Phase
from mtlrun.theory.linear import LinearNetwork
from mtlrun.training.network import Parts

ALONE = LinearNetwork(features=1, heads="none", tie=0.0, weights=(1.0,))
"""Of one task every linear network comes to the same."""

Told = dict[str, dict[str, Any]]


def expected(cells: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Told]]:
    """Return by cell id, for cells whose suite knows their optimum, what their runs must come to.

    Each entry has `mtl` and `stl`, the baselines; these have for each judged task `optimum`, the primary metric at
    the optimum for each of the cell's seeds, and `expectation`, its mean over all seeds by a formula, or None.

    Args:
        cells: as of a manifest.
    """
    memo, found = Memo(), dict[str, dict[str, Told]]()
    for cell in cells:
        suite: Suite = build(cell["config"]["suite"])
        if type(suite).optimum is Suite.optimum or suite.losses:
            continue  # it knows none, or theory is not of its errors
        network = linear_network(Parts.of(cell["config"]), len(suite.selected()))
        together = None if network is None else _told(suite, network, cell["seeds"])
        if together is None:
            continue
        alone: Told = {}
        for task in (task["name"] for task in cell["tasks"]):
            single = suite.narrowed([task])
            key = canonical_json([to_node(single), cell["seeds"]])
            told: Told | None = memo.keyed(key, _told, single, ALONE, cell["seeds"])
            alone.update(told or {})
        found[cell["cell_id"]] = {"mtl": {task: together[task] for task in alone}, "stl": alone}
    return found


def linear_network(parts: Parts, tasks: int) -> LinearNetwork | None:
    """Return what is trained, where it is a linear network under fixed weights of all losses and nothing else."""
    features, heads, tie = parts.model.linear_features, parts.heads.linear_form, parts.sharing.tie
    weights = parts.weighting.constant(tasks)
    if features is None or heads is None or tie is None or weights is None or min(weights) <= 0:
        return None
    regularization = parts.regularization
    alters = regularization.active or regularization.masks or regularization.shapes_losses
    if alters or regularization.compares or parts.optimizer.weight_decay:
        return None
    phases = parts.schedule.phases(tasks, 1)
    if parts.sharing.capacity != "same_width" or phases != [Phase(1, tuple(range(tasks)))]:
        return None
    return LinearNetwork(features, heads, tie, weights)


def _told(suite: Suite, network: LinearNetwork, seeds: Sequence[int]) -> Told | None:
    """Return `optimum` and `expectation` by task; None where the suite cannot say."""
    optima = []
    for seed in seeds:
        optimum = suite.optimum(network, seed)
        if optimum is None:
            return None
        optima.append(optimum)
    names, expectation = suite.selected(), suite.expectation(network)
    return {
        name: {
            "optimum": [optimum[place] for optimum in optima],
            "expectation": None if expectation is None else expectation[place],
        }
        for place, name in enumerate(names)
    }
