"""The manifest of a study that is trained: its cells, and with how many seeds it has been judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mtlrun.catalog import Known
from mtlrun.planning.cell import Cell
from mtlrun.planning.labels import varying_settings
from mtlrun.planning.manifest import asks_the_same, current_cell
from mtlrun.planning.study import Study
from mtlrun.prepare.theory_predictions import expected
from mtlrun.store.store import Store


def write_manifest(
    study: Study, store: Store, job: Mapping[str, Any], command: Sequence[str], known: Known | None
) -> dict[str, Any]:
    """Write a study's manifest, with the cells that earlier jobs of the same command have stored; return it.

    Args:
        study: that is to be trained.
        store: gets it.
        job: one of its jobs.
        command: the overrides that asked for it.
        known: every option that has a name; without it, ours and those of installed packages.

    Raises:
        StoreError: the store cannot be read or written.
    """
    cells = _with_earlier_cells(study, store, job.get("invocation", ""), known)
    manifest = study.manifest(command) | {"cells": cells, "invocation": job.get("invocation", "")}
    manifest["expected"] = expected(cells)
    manifest["check"] = job.get("check", {})
    manifest["looks"] = _looks(study.name, store)
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


def _with_earlier_cells(
    study: Study, store: Store, invocation: str, known: Known | None
) -> list[dict[str, Any]]:
    """Return the study's cells with those that earlier jobs of the same command have stored."""
    cells = {cell.cell_id: cell for cell in study.cells}
    if invocation:
        earlier = store.written.get(study.name)  # another command may have replaced it since
        if earlier is None and study.name in store.studies():
            earlier = store.read_study(study.name)
        if earlier is not None and earlier.get("invocation") == invocation:
            cells = {c["cell_id"]: Cell(**current_cell(c)) for c in earlier["cells"]} | cells
    for cell, hyper in zip(cells.values(), varying_settings(list(cells.values()), known), strict=True):
        cell.hyper = hyper
    return [asdict(cell) for cell in cells.values()]
