"""The gate: are the results of a study still what its lock file says?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mtlrun.errors import ConfigError, Fault, LockError
from mtlrun.lockfile import Seeded, gains_by_seed, identity, lock, read_lock
from mtlrun.report.markdown import escape
from mtlrun.report.words import shown
from mtlrun.statistics.change import Change, change, seeds_to_check
from mtlrun.statistics.corrections import holm

if TYPE_CHECKING:
    from mtlrun.report.summary import Summary

__all__ = ["GateResult", "GateRow", "check", "lock", "read_lock", "to_markdown"]

OUTCOMES = ("regressed", "missing", "underpowered", "changed verdict", "improved", "pass")
"""From bad to good, the order of the table."""


@dataclass(frozen=True)
class GateRow:
    """One row of the lock and what became of it.

    Attributes:
        locked: the row in the lock.
        outcome: one of `OUTCOMES`.
        found: the change, None where nothing could be compared.
        margin: what may be lost, in percent of the row's scale.
        verdict: the verdict now, empty where the row is missing.
        seeds_needed: seeds a side to decide an underpowered row, if any number does.
        config_changed: whether a row of this name has another config than the lock's.
        n_diverged: seeds that diverged now.
    """

    locked: Mapping[str, Any]
    outcome: str
    found: Change | None
    margin: float
    verdict: str
    seeds_needed: int | None
    config_changed: bool
    n_diverged: int


@dataclass(frozen=True)
class GateResult:
    """All rows of a lock, from bad to good, and what else is different.

    Attributes:
        study: the lock's study.
        rows: what became of each.
        new_rows: rows of the study that the lock does not have.
        environment: what differs in versions and device, in words.
    """

    study: str
    rows: list[GateRow]
    new_rows: int
    environment: list[str]

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows by outcome, from bad to good; outcomes without rows are left out."""
        found = Counter(row.outcome for row in self.rows)
        return {outcome: found[outcome] for outcome in OUTCOMES if outcome in found}

    @property
    def exit_code(self) -> int:
        """1 if any row regressed, else 3 if any is underpowered or missing, else 0."""
        counts = self.counts
        if "regressed" in counts:
            return 1
        return 3 if "underpowered" in counts or "missing" in counts else 0


def check(
    locked: Mapping[str, Any], manifest: Mapping[str, Any], summary: Summary, margin: float | None = None
) -> GateResult:
    """Compare a study with its lock, row by row.

    Rows are matched by config hash and task, else by their names. The change of the mean gain is tested seed by
    seed where all locked seeds are there now, else as two samples (see `statistics.change`). In this order:

    - `missing`: there is no such row, or it has no seed yet.
    - `regressed`: it lost more than the margin, or runs diverge that did not. Tests of loss keep the level
      together (Holm over the rows), so that an unchanged study is called regressed with at most alpha.
    - `improved`: it won more than the margin, Holm over the rows likewise.
    - `pass`: a loss of the margin or more is excluded at alpha, or no seed changed by more than round-off.
      These tests need no correction: all rows must pass, and the chance that a study passes of which any row
      lost the margin is at most alpha (Berger, Technometrics 24, 1982, intersection-union tests).
    - `changed verdict`: passes, but the verdict is another one. For information.
    - `underpowered`: anything else.

    Args:
        locked: what `read_lock` gave.
        manifest: the study that the summary is of.
        summary: the results now, whole, without filters.
        margin: percent that may be lost; the lock's own, by row, where None.

    Raises:
        LockError: the lock shares no row with the study.
        ConfigError: a negative margin.
    """
    if margin is not None and not 0 <= margin < float("inf"):
        raise ConfigError([Fault("--margin", "must be a number, not negative", margin)])
    records = cast("list[dict[str, Any]]", summary.rows.to_dict("records"))
    by_hash = {(row["cell_id"], row["task"]): row for row in records}
    by_name = {identity(row): row for row in by_hash.values()}
    fresh = [
        by_hash.get((row["cell_id"], row["task"])) or by_name.get(identity(row)) for row in locked["rows"]
    ]
    if not any(fresh):
        raise LockError(
            f"the lock file of study `{locked['study']}` has no row in common with study `{manifest['study']}`: "
            "check the study that was locked, or lock this one"
        )
    gains = gains_by_seed(summary)
    margins = [row["margin"] if margin is None else margin for row in locked["rows"]]
    changes = [
        _change(row, now, gains, percent)
        for row, now, percent in zip(locked["rows"], fresh, margins, strict=True)
    ]
    rows = _judge(locked, fresh, changes, margins)
    matched = {(now["cell_id"], now["task"]) for now in fresh if now}
    return GateResult(
        study=locked["study"],
        rows=sorted(rows, key=lambda row: OUTCOMES.index(row.outcome)),
        new_rows=len(by_hash) - len(matched),
        environment=_environment(locked, summary),
    )


def _change(
    row: Mapping[str, Any], now: Mapping[str, Any] | None, gains: Seeded, percent: float
) -> Change | None:
    if now is None:
        return None
    before = dict(zip(row["seeds"], row["gains"], strict=True))
    after = gains.get((now["cell_id"], now["task"]), {})
    if not after:
        return None
    paired = before.keys() <= after.keys()
    seeds = sorted(before if paired else after)
    return change(
        np.array([before[seed] for seed in sorted(before)]),
        np.array([after[seed] for seed in seeds]),
        paired=paired,
        margin=percent / 100 * row["scale"],
        scale=row["scale"],
    )


def _judge(
    locked: Mapping[str, Any],
    fresh: list[dict[str, Any] | None],
    changes: list[Change | None],
    margins: list[float],
) -> list[GateRow]:
    alpha = locked["statistics"]["alpha"]
    lost = holm(np.array([np.nan if found is None else found.p_lost for found in changes]))
    won = holm(np.array([np.nan if found is None else found.p_won for found in changes]))
    rows = []
    for position, (row, now, found) in enumerate(zip(locked["rows"], fresh, changes, strict=True)):
        outcome = _outcome(row, now, found, bool(lost[position] < alpha), bool(won[position] < alpha), alpha)
        margin = margins[position] / 100 * row["scale"]
        needed = None
        if outcome == "underpowered" and found is not None and found.n > 1:
            needed = seeds_to_check(found, margin, alpha, len(changes))
        rows.append(
            GateRow(
                locked=row,
                outcome=outcome,
                found=found,
                margin=margins[position],
                verdict=str(now["verdict"]) if now else "",
                seeds_needed=needed,
                config_changed=now is not None and now["cell_id"] != row["cell_id"],
                n_diverged=int(now["n_diverged"]) if now else 0,
            )
        )
    return rows


def _outcome(
    row: Mapping[str, Any],
    now: Mapping[str, Any] | None,
    found: Change | None,
    lost: bool,
    won: bool,
    alpha: float,
) -> str:
    if now is not None and now["n_diverged"] > 0 and row["n_diverged"] == 0:
        return "regressed"
    if now is None or found is None:
        return "missing"
    if found.none or not (lost or won):
        if not found.none and found.p_kept >= alpha:
            return "underpowered"
        return "pass" if now["verdict"] == row["verdict"] else "changed verdict"
    return "regressed" if lost else "improved"


def _environment(locked: Mapping[str, Any], summary: Summary) -> list[str]:
    before: Mapping[str, str] = locked.get("versions") or {}
    now = summary.versions
    words = [
        f"{name} {before.get(name, 'none')} -> {now.get(name, 'none')}"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]
    device = ", ".join(summary.devices)
    if device != locked.get("device", device):
        words.append(f"device {locked['device']} -> {device}")
    return words


def to_markdown(result: GateResult) -> str:
    """Return the result as Markdown: the sum, what differs in the environment, and a table from bad to good."""
    said = {0: "passed", 1: "regressed", 3: "undecided"}[result.exit_code]
    counts = ", ".join(f"{number} {outcome}" for outcome, number in result.counts.items())
    lines = [
        f"## mtlrun check: {escape(result.study)} {said}",
        "",
        f"Of {len(result.rows)} rows: {counts}.",
        "",
    ]
    if result.new_rows:
        lines += [f"{result.new_rows} rows of the study are not in the lock file.", ""]
    if result.environment:
        lines += [f"Changed since the lock: {escape('; '.join(result.environment))}.", ""]
    header = (
        "outcome",
        "suite",
        "task",
        "setting",
        "gain in lock",
        "change %",
        "margin %",
        "verdict",
        "seeds",
        "note",
    )
    lines += ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return "\n".join([*lines, *(_line(row) for row in result.rows)])


def _line(row: GateRow) -> str:
    locked = row.locked
    hyper = [f"{key}={value}" for key, value in locked["hyper"].items()]
    per_cent = 100 / locked["scale"] if locked["scale"] else float("nan")
    gain = f"{shown(per_cent * np.mean(locked['gains']), '+.2f')} %" if locked["gains"] else "-"
    known = row.found is not None and row.found.n > 1
    moved = shown(per_cent * row.found.mean, "+.2f") if row.found is not None and known else "-"
    verdict = (
        locked["verdict"]
        if row.verdict in ("", locked["verdict"])
        else f"{locked['verdict']} -> {row.verdict}"
    )
    cells = [
        row.outcome,
        locked["suite"],
        locked["task"],
        " ".join([locked["sharing"], locked["mitigation"], *hyper]),
        gain,
        moved,
        f"{row.margin:g}",
        verdict,
        str(row.found.n) if row.found is not None else "0",
        _note(row),
    ]
    return "| " + " | ".join(escape(cell) for cell in cells) + " |"


def _note(row: GateRow) -> str:
    parts = []
    if row.n_diverged:
        parts.append(f"{row.n_diverged} seeds diverged")
    if row.config_changed:
        parts.append("config changed")
    if row.found is not None and not row.found.paired:
        parts.append("other seeds than in the lock")
    if row.outcome == "underpowered":
        needed = f"about {row.seeds_needed} seeds" if row.seeds_needed else "more seeds"
        parts.append(f"{needed} would decide")
    return "; ".join(parts)
