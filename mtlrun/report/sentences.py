"""The answer in plain words: a few sentences under the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtlrun.counted import counted
from mtlrun.plan.labels import MITIGATING, PLAIN
from mtlrun.report.contrasts import BASE
from mtlrun.report.frontier_blocks import frontier_sentence
from mtlrun.report.summary import Summary
from mtlrun.report.theory import theory_sentence
from mtlrun.report.tuned import tuning_sentence, tuning_warning
from mtlrun.statistics.corrections import find_correction
from mtlrun.statistics.methods import find_method

if TYPE_CHECKING:
    import pandas as pd

_NAMED = 4


def sentences(summary: Summary) -> list[str]:
    """Return what the study found, what is undecided, and which runs are not there."""
    base = summary.rows[summary.rows["mitigation"] == BASE]
    found = _found(base, "Without mitigation, ") if len(base) else _found(summary.rows, "")
    return [
        text
        for text in (
            found,
            _repaired(summary),
            _undecided(summary.rows),
            _stopped(summary),
            _skewed(summary),
            frontier_sentence(summary.frontier),
            tuning_sentence(summary.rows),
            theory_sentence(summary.theory),
            _absent(summary),
        )
        if text
    ]


def legend(summary: Summary) -> str:
    """Return how to read the table."""
    settings = summary.settings
    test, correction = find_method(settings.method).words, find_correction(settings.correction).words
    small = f"A * marks a gain smaller than the margin of {settings.margin:g} %."
    parts = [
        "STL: each task trained alone, MTL: together.",
        "Gain in % of STL, positive is better, with its 95 % interval.",
        f"p: no gain, by {test}, {correction} over the {settings.family}.",
        "Test values, chosen on validation.",
        small if summary.rows["small"].any() else "",
        "abs: in the metric's own unit." if _has_absolute(summary) else "",
        _presets(summary.rows),
        tuning_warning(summary.rows),
    ]
    return " ".join(filter(None, parts))


def _presets(rows: pd.DataFrame) -> str:
    """Say what mitigations stand for whose names do not tell their options."""
    texts = []
    for name, *options in rows[["mitigation", *MITIGATING]].drop_duplicates().itertuples(index=False):
        set_ = {group: o for group, o in zip(MITIGATING, options, strict=True) if o != PLAIN[group]}
        if set_ and name != "+".join(set_.values()):
            texts.append(f"{name}: {' '.join(f'{group}={option}' for group, option in set_.items())}")
    more = [f"and {len(texts) - _NAMED} others"] if len(texts) > _NAMED else []
    return f"{'; '.join([*texts[:_NAMED], *more])}." if texts else ""


def _has_absolute(summary: Summary) -> bool:
    told = summary.contrasts[summary.contrasts["verdict"] != "inconclusive"]
    tables = (summary.rows, told)
    return any((table["gain_pct"].isna() & table["diff"].notna()).any() for table in tables)


def _found(rows: pd.DataFrame, begin: str) -> str:
    if not (rows["n_seeds"] + rows["n_diverged"]).any():
        return ""
    count = rows["verdict"].value_counts()
    hurt, helped, same, open_ = (
        int(count.get(word, 0)) for word in ("negative", "positive", "neutral", "inconclusive")
    )
    text = f"{begin}sharing hurt {hurt} of {_cases(rows)}, helped {helped} and left {same} unchanged"
    text = text[0].upper() + text[1:]
    return f"{text}; {open_} undecided." if open_ else f"{text}."


def _repaired(summary: Summary) -> str:
    """Say which mitigations repair the tasks that are hurt without one."""
    contrasts = summary.contrasts
    hurt = contrasts[contrasts["none_verdict"] == "negative"]
    if hurt.empty:
        return ""
    table = hurt.groupby(["mitigation", "verdict"], sort=False).size().unstack(fill_value=0)
    table = table.reindex(columns=["repairs", "partly"], fill_value=0)
    table = table.sort_values(["repairs", "partly"], ascending=False, kind="stable")
    clauses = [_clause(str(name), int(c.repairs), int(c.partly)) for name, c in table.iterrows() if c.any()]
    base = summary.rows[(summary.rows["mitigation"] == BASE) & (summary.rows["verdict"] == "negative")]
    if not clauses:
        return f"No mitigation is seen to repair any of the {_cases(base)} hurt."
    more = f"; {len(clauses) - _NAMED} others repair some" if len(clauses) > _NAMED else ""
    return f"Of the {_cases(base)} hurt, " + "; ".join(clauses[:_NAMED]) + more + "."


def _clause(name: str, whole: int, partly: int) -> str:
    if not whole:
        return f"{name} repairs {partly} in part"
    return f"{name} repairs {whole}" + (f", and {partly} in part" if partly else "")


def _undecided(rows: pd.DataFrame) -> str:
    without = rows["n_seeds"] + rows["n_diverged"] == 0
    if without.any():
        rest = _undecided(rows[~without])
        alone = without & rows["mtl_mean"].notna()
        parts = [
            _rows_have(alone, "no baseline trained yet, so no gain"),
            _rows_have(without & ~alone, "no trained seed"),
        ]
        return " ".join(filter(None, [*parts, rest]))
    open_ = rows[rows["verdict"] == "inconclusive"]
    needed = open_["seeds_needed"].dropna()
    if open_.empty:
        return ""
    text = f"{counted(len(open_), 'row is', 'rows are')} inconclusive"
    if needed.empty:
        return f"{text}."
    return f"{text}; about {needed.max():,} further seeds would decide {'it' if len(open_) == 1 else 'them'}."


def _rows_have(which: pd.Series, what: str) -> str:
    return f"{counted(int(which.sum()), 'row has', 'rows have')} {what}." if which.any() else ""


def _stopped(summary: Summary) -> str:
    """Say how many seeds a study took that stopped when conclusive, and what a fixed design would have cost."""
    if not summary.stop.get("until") or summary.pairs.empty:
        return ""
    pairs, seeds = summary.pairs, summary.pairs.groupby("cell_id")["seed"].nunique()
    runs = len({*pairs["run_id"], *pairs["stl_run_id"]})
    first = pairs[pairs["seed"] == pairs["seed"].min()]
    fixed = int(seeds.max()) * len({*first["run_id"], *first["stl_run_id"]})
    took = f"{seeds.min()}" if seeds.min() == seeds.max() else f"{seeds.min()} to {seeds.max()}"
    saved = f"; {seeds.max()} seeds for every cell would have been {fixed:,} runs" if runs != fixed else ""
    return (
        f"Seeds were added until conclusive, at most {summary.stop['max']}: cells took {took} seeds, {runs:,} runs "
        f"with their baselines{saved}."
    )


def _skewed(summary: Summary) -> str:
    """Warn of rows whose differences are so skewed that their tests reject too often at this number of seeds."""
    rows = summary.rows[summary.rows["skewed"].fillna(False)]
    rows = rows[~(rows["n_seeds"] >= rows["skew_seeds"]).fillna(False)]
    if rows.empty:
        return ""
    names = list(dict.fromkeys(rows["task"]))
    named = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    tasks = "task" if len(names) == 1 else "tasks"
    text = f"{counted(len(rows), 'row has', 'rows have')} clearly skewed differences ({tasks} {named}): "
    if rows["skew_seeds"].isna().all():
        advice = "use statistics=paired_t with many seeds"
        return f"{text}false alarms are likelier than p says, and more seeds do not mend that; {advice}."
    return f"{text}false alarms are likelier than p says below about {rows['skew_seeds'].max():,} seeds."


def _absent(summary: Summary) -> str:
    counts = summary.counts
    parts = [
        f"{counts[status]:,} {word}"
        for status, word in (("diverged", "diverged"), ("failed", "failed"), ("missing", "not trained yet"))
        if counts[status]
    ]
    total = sum(counts.values())
    return f"Of {counted(total, 'run')}, {', '.join(parts)}." if parts else ""


def _cases(rows: pd.DataFrame) -> str:
    """Return how many there are; a task that stands there under several settings is several cases."""
    several = rows.duplicated(["suite", "task"]).any()
    return counted(len(rows), "case" if several else "task")
