"""What a study's manifest says; read without what plans a study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

LABELLED = ("sharing", "heads", "weighting", "schedule", "regularization")
MITIGATING = ("heads", "weighting", "schedule", "regularization")
PLAIN = {"heads": "linear", "weighting": "equal", "schedule": "joint", "regularization": "none"}
"""What `mitigation=none` stands for."""


def study_runs(cells: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the ids of all runs of a manifest's cells, baselines included."""
    found: set[str] = set()
    for cell in cells:
        found.update(cell["runs"], *cell["baselines"].values())
        for by_task in (cell.get("controls") or {}).values():
            found.update(*by_task.values())
    return found


def asks_the_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two manifests have the same cells with the same seeds, judged in the same way."""
    return _asked(one) == _asked(other)


def _asked(manifest: Mapping[str, Any]) -> tuple[Any, ...]:
    cells = {cell["cell_id"]: (cell["seeds"], is_reported(cell)) for cell in manifest["cells"]}
    return cells, *(manifest.get(key) or {} for key in ("statistics", "stop", "check"))


def is_reported(cell: Mapping[str, Any]) -> bool:
    """Return whether a manifest's cell has rows; older manifests say `judged`, the oldest nothing."""
    return bool(cell.get("reported", cell.get("judged", True)))


def current_cell(cell: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest's cell with today's names of its fields."""
    return {("reported" if key == "judged" else key): value for key, value in cell.items()}
