"""What validation says of the settings that were tried, and what a report tells of it. Test values have no part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mtlrun.report.analysis.pairs.layout import lay_out
from mtlrun.report.analysis.pairs.paired_values import measure
from mtlrun.statistics.paired_tests.student import Array
from mtlrun.text.pluralize import pluralize

if TYPE_CHECKING:
    import pandas as pd


_FEW = 8

_Chosen = tuple[Mapping[str, Any], list[str]]
"""Settings, and which of them lie at the edge of what was tried."""


class Tried(NamedTuple):
    """One task of one cell that was tried: oriented means over the tuning seeds, higher is better.

    Attributes:
        joint: of the cell; minus infinity where a seed is missing or diverged.
        alone: of the task's baseline, likewise.
        natural_zero: whether a ratio of two values has a meaning.
    """

    joint: float
    alone: float
    natural_zero: bool


def tried_values(
    manifest: Mapping[str, Any], runs: pd.DataFrame, curves: pd.DataFrame
) -> dict[str, dict[str, Tried]]:
    """Return validation values at the selected steps, by cell id and task.

    Args:
        manifest: of the trials.
        runs: as of `mtlrun.report.analysis.summary.summarise`.
        curves: likewise.

    Raises:
        DataError: a finished run lacks the values of its primary metric.
    """
    layout = lay_out(manifest, whole=True)
    pairs = measure(layout, runs, curves).pairs
    means = {name: _means(pairs, name, len(layout.units)) for name in ("val", "stl_val")}
    found: dict[str, dict[str, Tried]] = {}
    for unit, about in enumerate(layout.units.to_dict("records")):
        joint, alone = (about["sign"] * means[name][unit] for name in ("val", "stl_val"))
        tried = Tried(_or_worst(joint), _or_worst(alone), bool(about["natural_zero"]))
        found.setdefault(about["cell_id"], {})[about["task"]] = tried
    return found


def _means(pairs: pd.DataFrame, name: str, units: int) -> Array:
    """Return the mean over seeds of each unit (U,); NaN where a seed has no value."""
    total = np.zeros(units)
    np.add.at(total, pairs["unit"].to_numpy(), pairs[name].to_numpy(dtype=float))
    return total / np.maximum(np.bincount(pairs["unit"], minlength=units), 1)


def _or_worst(value: float) -> float:
    return float(value) if np.isfinite(value) else -np.inf


def tuning_warning(rows: pd.DataFrame) -> str:
    """Return a warning that goes with every table and picture where some rows were tuned and others less; else ""."""
    if rows["tuned"].isna().all():
        return ""
    trials = {about[key] if about else 0 for about in rows["tuned"] for key in ("trials", "stl_trials")}
    return "NOT all tuned over equally many trials." if len(trials) > 1 else ""


def tuning_sentence(rows: pd.DataFrame) -> str:
    """Return what was tuned, what was chosen, and whether all rows had as many trials; empty where nothing was."""
    tuned = rows[rows["tuned"].notna()]
    if tuned.empty:
        return ""
    trials: dict[int, list[str]] = {}
    chosen: dict[str, _Chosen] = {}
    for row in tuned.to_dict("records"):
        about = row["tuned"]
        name = " ".join(dict.fromkeys([row["sharing"], row["mitigation"], *map(str, row["hyper"].values())]))
        trials.setdefault(about["trials"], []).append(name)
        trials.setdefault(about["stl_trials"], []).append(f"{row['task']} alone")
        alone = f"{row['suite']} {row['task']} alone" + _strategy(row)
        chosen[f"{row['suite']} {name}"] = about["settings"], about["edge"]
        chosen[alone] = about["stl_settings"], about["stl_edge"]
    seeds = pluralize(tuned["tuned"].iloc[0]["seeds"], "seed")
    text = f"Settings were chosen on validation over {seeds} of their own"
    if len(trials) == 1:
        text += f", of {pluralize(next(iter(trials)), 'trial')} each"
    else:
        named = [f"{count}: {_named(names)}" for count, names in sorted(trials.items())]
        text += f". NOT of equally many trials ({'; '.join(named)}): those with more had more chances"
    if len(tuned) < len(rows):
        untuned = pluralize(len(rows) - len(tuned), "row was", "rows were")
        text += f". {untuned} not tuned, which is no fair comparison with the others"
    chosen = {name: choice for name, choice in chosen.items() if choice[0]}  # others know none of the keys
    return f"{text}. Chosen: {_told(chosen)}.{_edges(chosen)}"


def _strategy(row: Mapping[str, Any]) -> str:
    """Return what tells baselines of one task apart: what they share with their cell."""
    found = [
        row[name] for name, plain in (("heads", "linear"), ("regularization", "none")) if row[name] != plain
    ]
    return "".join(f" {name}" for name in found)


def _told(chosen: Mapping[str, _Chosen]) -> str:
    """Return each choice where they are few, else how often each setting was chosen."""
    if len(chosen) <= _FEW:
        return "; ".join(f"{name}: {_settings(setting)}" for name, (setting, _) in chosen.items())
    counts = Counter(_settings(setting) for setting, _ in chosen.values())
    return "; ".join(f"{text} {pluralize(count, 'time')}" for text, count in counts.most_common())


def _edges(chosen: Mapping[str, _Chosen]) -> str:
    """Say which keys were chosen at the edge of what was tried."""
    counts = Counter(key for _, edge in chosen.values() for key in edge)
    named = ", ".join(f"{key} {pluralize(count, 'time')}" for key, count in counts.most_common())
    of = pluralize(len(chosen), "choice")
    text = f" At the edge of the values tried: {named}, of {of}; better ones may lie beyond."
    return text if counts else ""


def _settings(setting: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in setting.items()
    )


def _named(names: Sequence[str], most: int = 4) -> str:
    distinct = list(dict.fromkeys(names))
    more = f"; {len(distinct) - most} others" if len(distinct) > most else ""
    return "; ".join(distinct[:most]) + more
