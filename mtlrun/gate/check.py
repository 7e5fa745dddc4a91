"""Every row of a lock file, held against a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from mtlrun.errors import LockError
from mtlrun.gate.differences import config_changes, environment_changes
from mtlrun.gate.lockfile import Seeded, Stored, check_margin, gains_by_seed, identity, kept_cells
from mtlrun.gate.result import GateResult, GateRow, ordered
from mtlrun.report.analysis.pairs.layout import split_ratio
from mtlrun.statistics.change import Change, change_by_seed, seeds_to_check
from mtlrun.statistics.corrections import holm

if TYPE_CHECKING:
    from mtlrun.report.analysis.summary import Summary

Row = Mapping[str, Any]


class _Pair(NamedTuple):
    """A row of the lock, the row of the study that it is held against, and the change between them.

    Attributes:
        locked: the row in the lock.
        now: the row in the study, None where there is none.
        margin: percent of the row's scale that may be lost.
        ratio: n_test / n_train where each seed has its own split, else 0.
        found: the change, None where one side has no seed.
        changed: what is different in config and code.
    """

    locked: Row
    now: Row | None
    margin: float
    ratio: float
    found: Change | None
    changed: tuple[str, ...]


def check(
    locked: Mapping[str, Any],
    manifest: Mapping[str, Any],
    summary: Summary,
    margin: float | None = None,
    *,
    stored: Stored | None = None,
    share: float = 1.0,
    planned: float = 1.0,
) -> GateResult:
    """Compare a study with its lock, row by row.

    Rows are matched by config hash and task, else by their names. The change of the mean gain is tested seed by
    seed where the two sides have enough seeds in common, else as two samples (`mtlrun.statistics.change`). In this
    order:

    - `missing`: there is no such row, or it has no seed yet.
    - `regressed`: it lost more than the margin, or runs diverge that did not. Tests of loss keep the level
      together (Holm over the rows), so that an unchanged study is called regressed with at most alpha.
    - `improved`: it won more than the margin, Holm over the rows likewise.
    - `pass`: a loss of the margin or more is excluded at alpha, or no seed changed by more than round-off.
      These tests need no correction: all rows must pass, and the chance that a study passes of which any row
      lost the margin is at most alpha (Berger, Technometrics 24, 1982, intersection-union tests).
    - `changed verdict`: passes, but from as many seeds the verdict is another one. For information.
    - `underpowered`: anything else.

    Args:
        locked: what `read_lock` gave.
        manifest: the study that the summary is of.
        summary: the results now, whole, without filters.
        margin: percent that may be lost; the lock's own, by row, where None.
        stored: canonical configs of the study's runs by run id, to say what changed in those of baselines.
        share: of the level that this look may use, where there are several.
        planned: of the level that the next look may use, for which `seeds_needed` is estimated.

    Raises:
        LockError: the lock shares no row with the study.
        ConfigError: a negative margin.
    """
    check_margin(margin)
    records = cast("list[dict[str, Any]]", summary.rows.to_dict("records"))
    fresh = _same_rows(locked, records, manifest["study"])
    cells = {cell["cell_id"]: cell for cell in kept_cells(manifest, stored or {})}
    before = {cell["cell_id"]: cell for cell in locked.get("cells", ())}
    gains = gains_by_seed(summary)
    pairs = [
        _pair(row, now, row["margin"] if margin is None else margin, gains, before, cells)
        for row, now in zip(locked["rows"], fresh, strict=True)
    ]
    alpha = locked["statistics"]["alpha"]
    return GateResult(
        study=locked["study"],
        rows=ordered(_judge(pairs, alpha * share, alpha * planned)),
        new_rows=len(records) - len({(now["cell_id"], now["task"]) for now in fresh if now}),
        environment=environment_changes(locked, summary),
        alpha=alpha,
        held=None if manifest["study"] == locked["study"] else manifest["study"],
    )


def _same_rows(
    locked: Mapping[str, Any], records: Sequence[dict[str, Any]], study: str
) -> list[dict[str, Any] | None]:
    """Return for each locked row the study's row of the same config, else of the same names, else None.

    Raises:
        LockError: there is none at all.
    """
    by_hash = {(row["cell_id"], row["task"]): row for row in records}
    by_name = {identity(row): row for row in records}
    found = [
        by_hash.get((row["cell_id"], row["task"])) or by_name.get(identity(row)) for row in locked["rows"]
    ]
    if not any(found):
        raise LockError(
            f"the lock file of study `{locked['study']}` has no row in common with study `{study}`: check the study "
            "that was locked, or lock this one"
        )
    return found


def _pair(
    row: Row,
    now: Row | None,
    margin: float,
    gains: Seeded,
    before: Mapping[str, Mapping[str, Any]],
    cells: Mapping[str, Mapping[str, Any]],
) -> _Pair:
    if now is None:
        return _Pair(row, None, margin, 0.0, None, ())
    was, cell = before.get(row["cell_id"]), cells[now["cell_id"]]
    ratio = split_ratio(cell, now["task"])
    gained = dict(zip(row["seeds"], row["gains"], strict=True))
    after = gains.get((now["cell_id"], now["task"]), {})
    found = None
    if gained and after:
        allowed = margin / 100 * row["scale"]
        found = change_by_seed(gained, after, margin=allowed, scale=row["scale"], ratio=ratio)
    return _Pair(row, now, margin, ratio, found, tuple(_changed(row, was, cell)))


def _changed(row: Row, was: Mapping[str, Any] | None, cell: Mapping[str, Any]) -> list[str]:
    """Return what is different in the config of a cell, and in that of the baseline of the row's task."""
    same = cell["cell_id"] == row["cell_id"]
    if was is None:  # a lock file of schema version 1 has no configs
        return [] if same else ["config"]
    words = [] if same else config_changes(was["config"], cell["config"]) or ["config"]
    alone = [side["baselines"].get(row["task"]) for side in (was, cell)]
    if None not in alone:
        words += [f"baseline: {word}" for word in config_changes(*alone, only_common=True)]
    return words


def _judge(pairs: list[_Pair], alpha: float, planned: float) -> list[GateRow]:
    lost, won = (_significant([pair.found for pair in pairs], name, alpha) for name in ("p_lost", "p_won"))
    return [
        _gate_row(pair, _outcome(pair, has_lost, has_won, alpha), planned, rows=len(pairs))
        for pair, has_lost, has_won in zip(pairs, lost, won, strict=True)
    ]


def _significant(found: list[Change | None], name: str, alpha: float) -> list[bool]:
    """Return for each row whether a p value is under alpha, by Holm over the rows that have one."""
    p = np.array([np.nan if change is None else getattr(change, name) for change in found])
    return (holm(p) < alpha).tolist()


def _gate_row(pair: _Pair, outcome: str, planned: float, rows: int) -> GateRow:
    needed = None
    if outcome == "underpowered" and pair.found is not None and pair.found.n > 1:
        margin = pair.margin / 100 * pair.locked["scale"]
        needed = seeds_to_check(pair.found, margin, planned, rows, ratio=pair.ratio)
    return GateRow(
        locked=pair.locked,
        outcome=outcome,
        found=pair.found,
        margin=pair.margin,
        verdict=str(pair.now["verdict"]) if pair.now else "",
        seeds_needed=needed,
        changed=pair.changed,
        n_diverged=int(pair.now["n_diverged"]) if pair.now else 0,
    )


def _outcome(pair: _Pair, lost: bool, won: bool, alpha: float) -> str:
    row, now, found = pair.locked, pair.now, pair.found
    if now is not None and now["n_diverged"] > 0 and row["n_diverged"] == 0:
        return "regressed"
    if now is None or found is None:
        return "missing"
    if found.none or not (lost or won):
        if not found.none and found.p_kept >= alpha:
            return "underpowered"
        as_many = now["n_seeds"] >= len(row["seeds"])
        return "changed verdict" if as_many and now["verdict"] != row["verdict"] else "pass"
    return "regressed" if lost else "improved"
