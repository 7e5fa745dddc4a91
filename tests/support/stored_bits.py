"""Every bit of what a store keeps of its runs, but for times and costs."""

from __future__ import annotations

import json
from pathlib import Path

from mtlrun.store.segments import Segments
from mtlrun.store.weights import Weights


def stored_bits(store: Path) -> dict[str, str]:
    """Return for each run its status, diagnostics, curves and scores, and each file of weights, as text."""
    segments, found = Segments(store), {}
    columns = ("run_id", "status", "error", "diagnostics", "curves", "scores")
    for segment in segments.listed():
        for row in segments.read(segment, columns).to_pylist():
            curves = [(*entry.values(), entry["value"].hex()) for entry in row.pop("curves")]
            diagnostics = json.loads(row.pop("diagnostics"))
            found[row.pop("run_id")] = repr((row, curves, diagnostics))
    weights = Weights(store)
    for run_id, rules in weights.names().items():
        for rule in sorted(rules):
            saved = weights.read(run_id, rule)
            tensors = {
                (step, name): (str(array.dtype), array.shape, array.tobytes().hex())
                for step, arrays in saved.tensors.items()
                for name, array in arrays.items()
            }
            found[f"{run_id}.{rule}"] = repr((saved.steps, sorted(tensors.items())))
    return found
