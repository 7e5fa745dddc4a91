"""Stop when conclusive: which cells get more seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mtlrun.config import build
from mtlrun.planning.study import Place, Study
from mtlrun.planning.tuning import AS_GIVEN, Choice
from mtlrun.statistics.stop import Stop
from mtlrun.store.store import Store


def more_seeds(
    study: Study, manifest: Mapping[str, Any], choices: Mapping[Place, Choice], store: Store
) -> dict[Place, Choice]:
    """Return the choices with more seeds for the cells that have no verdict; none where nothing is to be added.

    Points of a front, which have no verdict of their own, get as many as the cell that has most.

    Args:
        study: trained.
        manifest: of the study, with all its cells.
        choices: of its cells so far.
        store: has its runs.
    """
    stop: Stop = build(study.spec.stop)
    if stop.until is None:
        return {}
    from mtlrun.report.analysis.summary import summarise  # with all of pandas, which other studies spare

    ids = set(study.runs)
    rows = summarise(manifest, store.runs(ids), store.curves(ids), store.scores(ids)).rows
    open_ = rows[(rows["verdict"] == "inconclusive") & (rows["n_diverged"] == 0)]
    undecided, seeds = set(open_["cell_id"]), {cell.cell_id: cell.seeds for cell in study.cells}
    longer = {key: stop.extended(old) if key in undecided else old for key, old in seeds.items()}
    longest = max(longer.values(), key=len)
    longer |= {cell.cell_id: longest for cell in study.cells if not cell.reported}
    if all(len(longer[key]) == len(old) for key, old in seeds.items()):
        return {}
    return {
        (job, place): replace(choices.get((job, place), AS_GIVEN), seeds=longer[cell_id])
        for job, cell_ids in enumerate(study.jobs)
        for place, cell_id in enumerate(cell_ids)
    }
