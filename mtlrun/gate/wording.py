"""A result in words, the same in every format for people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mtlrun.gate.result import WORDS, GateResult, GateRow
from mtlrun.report.text.number_format import shown
from mtlrun.text.pluralize import pluralize

HEADER = (
    "outcome",
    "suite",
    "task",
    "strategy",
    "gain in lock %",
    "change %",
    "margin %",
    "verdict",
    "seeds",
    "note",
)

CHANGED = "changed: "


def title(result: GateResult) -> str:
    """Return the one line that says it all."""
    held = f"{result.held}, held against the lock of {result.study}," if result.held else result.study
    return f"mtlrun check: {held} {WORDS[result.exit_code]}"


def sentences(result: GateResult) -> list[str]:
    """Return what is to say of the study as a whole."""
    counts = ", ".join(f"{number} {outcome}" for outcome, number in result.counts.items())
    said = [f"Of {pluralize(len(result.rows), 'row')}: {counts}."]
    said.append("Tested over seeds, on the same data: whether the study still comes out as it did.")
    if result.new_rows:
        are = "is" if result.new_rows == 1 else "are"
        said.append(f"{pluralize(result.new_rows, 'row')} of the study {are} not in the lock file.")
    if result.environment:
        said.append(f"Changed since the lock: {'; '.join(result.environment)}.")
    if result.looks > 1:
        said.append(f"Looked at {result.looks} times, at a level of {result.alpha:g} for all looks together.")
    return said


def strategy(row: GateRow) -> str:
    """Return the sharing scheme, the mitigation and the settings that tell the row apart."""
    hyper = [f"{key}={value}" for key, value in row.locked["hyper"].items()]
    return " ".join([row.locked["sharing"], row.locked["mitigation"], *hyper])


def cells(row: GateRow, shared: Sequence[str] = ()) -> list[str]:
    """Return a line of the table, as `HEADER` names its columns, without notes that all rows share."""
    locked = row.locked
    per_cent = 100 / locked["scale"] if locked["scale"] else float("nan")
    gain = shown(per_cent * float(np.mean(locked["gains"])), "+.2f") if locked["gains"] else "-"
    known = row.found is not None and row.found.n > 1
    fewer = row.found is None or row.found.n < len(locked["seeds"])  # they say less; that is no change
    same = fewer or row.verdict == locked["verdict"]
    verdict = locked["verdict"] if same else f"{locked['verdict']} -> {row.verdict}"
    return [
        row.outcome,
        locked["suite"],
        locked["task"],
        strategy(row),
        gain,
        shown(per_cent * row.found.mean, "+.2f") if row.found is not None and known else "-",
        f"{row.margin:g}",
        verdict,
        str(row.found.n) if row.found is not None else "0",
        note(row, shared),
    ]


def note(row: GateRow, shared: Sequence[str] = ()) -> str:
    """Return what else is to say of a row: divergence, what changed, how many seeds would decide.

    Args:
        row: of the table.
        shared: what of it is said elsewhere.
    """
    return _joined([part for part in _parts(row) if part not in shared])


def shared_notes(rows: Sequence[GateRow]) -> list[str]:
    """Return the notes that several rows have without exception, so that they are said once."""
    if len(rows) < 2:
        return []
    return [part for part in _parts(rows[0]) if all(part in _parts(row) for row in rows[1:])]


def below(shared: Sequence[str]) -> str:
    """Return the sentence that says what all rows share; "" where they share nothing."""
    return f"Of every row: {_joined(shared)}." if shared else ""


def _joined(parts: Sequence[str]) -> str:
    """Return parts in one line, with all that changed in one list."""
    changed = [part.removeprefix(CHANGED) for part in parts if part.startswith(CHANGED)]
    others = [part for part in parts if not part.startswith(CHANGED)]
    return "; ".join([*([CHANGED + ", ".join(changed)] if changed else []), *others])


def _parts(row: GateRow) -> list[str]:
    parts = []
    if row.n_diverged:
        parts.append(f"{pluralize(row.n_diverged, 'seed')} diverged")
    parts += [CHANGED + change for change in row.changed]
    if row.found is not None and not row.found.paired:
        parts.append("other seeds than in the lock")
    if row.outcome == "underpowered":
        parts.append(_needed(row))
    return parts


def _needed(row: GateRow) -> str:
    had = len(row.locked["seeds"])
    if not row.seeds_needed:
        return (
            "more seeds would decide"
            if row.found is None or row.found.n < 2
            else "no number of seeds decides"
        )
    words = f"about {pluralize(row.seeds_needed, 'seed')} would decide whether the margin is lost"
    return words if row.seeds_needed <= had else f"{words}, and the lock has {had}"
