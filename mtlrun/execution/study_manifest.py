"""The manifest of a study that is trained: its cells, and with how many seeds it has been judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mtlrun.planning.cell import Cell
from mtlrun.planning.labels import set_hyper
from mtlrun.planning.manifest import asks_the_same, current_cell
from mtlrun.planning.study import Study
from mtlrun.prepare.theory_predictions import expected
from mtlrun.store.store import Store


def write_manifest(study: Study, store: Store, command: Sequence[str]) -> dict[str, Any]:
    """Write a study's manifest, with the cells that earlier jobs of the same command have stored; return it.

    Args:
        study: that is to be trained.
        store: gets it.
        command: the overrides that asked for it.

    Raises:
        StoreError: the store cannot be read or written.
    """
    cells = _with_earlier_cells(study, store)
    manifest = study.manifest(command) | {"cells": cells, "invocation": study.spec.invocation}
    manifest["expected"] = expected(cells)
    manifest["check"] = study.spec.check
    manifest["looks"] = _looks(study.spec.name, store)
    store.write_study(manifest)
    return manifest


def note_look(store: Store, manifest: dict[str, Any]) -> None:
    """Note with how many seeds a study is judged, now that it is trained, unless another command has replaced it.

    One that asks for the same has not.
    """
    store.check_there()
    stored = store.read_study(manifest["study"])
    same = asks_the_same(stored, manifest)
    for cell in manifest["cells"]:
        counts = manifest["looks"].setdefault(cell["cell_id"], [])
        others = (stored.get("looks") or {}).get(cell["cell_id"], []) if same else []
        counts += [n for n in dict.fromkeys([*others, len(cell["seeds"])]) if n not in counts]
    if same or stored.get("invocation") == manifest["invocation"]:
        store.write_study(manifest)


def _looks(name: str, store: Store) -> dict[str, list[int]]:
    """Return by cell the numbers of seeds with which this study was judged before.

    Cells that a study no longer has are remembered: it may get them again.
    """
    stored = store.read_study(name) if name in store.studies() else {}
    return {key: list(counts) for key, counts in (stored.get("looks") or {}).items()}


def _with_earlier_cells(study: Study, store: Store) -> list[dict[str, Any]]:
    """Return the study's cells with those that earlier jobs of the same command have stored."""
    name, invocation = study.spec.name, study.spec.invocation
    earlier = store.written.get(name)  # another command may have replaced it since
    if invocation and earlier is None and name in store.studies():
        earlier = store.read_study(name)
    if not invocation or earlier is None or earlier.get("invocation") != invocation:
        return [asdict(cell) for cell in study.cells]
    cells = {c["cell_id"]: Cell(**current_cell(c)) for c in earlier["cells"]}
    cells |= {cell.cell_id: cell for cell in study.cells}
    set_hyper(list(cells.values()), study.spec.known)
    return [asdict(cell) for cell in cells.values()]
