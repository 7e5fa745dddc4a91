"""The answer in plain words: a few sentences under the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtlrun.planning.labels import base_suite
from mtlrun.planning.manifest import MITIGATING, PLAIN
from mtlrun.report.analysis.contrasts import BASE
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.analysis.theory import theory_sentence
from mtlrun.report.analysis.tuning import tuning_sentence, tuning_warning
from mtlrun.report.levels import LEVELS, ROWS
from mtlrun.report.tables import table
from mtlrun.report.text.about import about, seeds_alone
from mtlrun.report.text.advice import advice, cases_of, repaired, unconverged
from mtlrun.report.text.blocks.diagnostics import conflict_sentence
from mtlrun.report.text.blocks.overfitting import overfitting_sentence
from mtlrun.report.text.blocks.pareto import frontier_sentence
from mtlrun.report.text.empty_studies import says_nothing
from mtlrun.report.text.made_with import mixed_sentence
from mtlrun.report.text.number_format import UNICODE, Marks, never
from mtlrun.report.text.undecided import undecided
from mtlrun.statistics.corrections import find_correction
from mtlrun.statistics.methods import find_method
from mtlrun.text.pluralize import pluralize

if TYPE_CHECKING:
    import pandas as pd

_NAMED = 4


def sentences(summary: Summary) -> list[str]:
    """Return what the study found, what is undecided, and which runs are not there."""
    if summary.best:
        return _of_best(summary)
    base = summary.rows[summary.rows["mitigation"] == BASE]
    found = _found(base, "Without mitigation, ") if len(base) else _found(summary.rows, "")
    return [
        text
        for text in (
            found,
            *says_nothing(summary.rows),  # before advice that it makes moot
            repaired(summary),
            undecided(summary.rows),
            _unconverged(summary.rows),
            seeds_alone(summary.rows, summary.settings.over),
            _left_out(summary),
            _stopped(summary),
            _looks(summary),
            _skewed(summary),
            conflict_sentence(summary),
            overfitting_sentence(summary),
            frontier_sentence(summary.frontier),
            tuning_sentence(summary.rows),
            theory_sentence(summary.theory),
            mixed_sentence(summary),
            _absent(summary),
            advice(summary),
        )
        if text
    ]


def _of_best(summary: Summary) -> list[str]:
    """Return what is to be said of the best cells alone."""
    told = (summary.best, undecided(summary.rows), _unconverged(summary.rows), _absent(summary))
    return [text for text in told if text]


def legend(summary: Summary, marks: Marks = UNICODE) -> str:
    """Return how to read the table."""
    settings = summary.settings
    test, correction = find_method(settings.method).words, find_correction(settings.correction).words
    small = f"A * marks a gain smaller than the margin of {settings.margin:g} %."
    parts = [
        about(summary.rows),
        "STL: each task trained alone, MTL: together.",
        "Gain in % of STL, positive is better, with its 95 % interval.",
        f"p: no gain, by {test}, {correction} over the {settings.family}.",
        _selected(summary.rows),
        small if summary.rows["small"].any() else "",
        f"{marks.unconverged}: not converged." if unconverged(summary.rows).any() else "",
        f"+{marks.infinite}: no number of seeds (or splits) decides."
        if any(map(never, summary.rows.itertuples()))
        else "",
        "abs: in the metric's own unit." if _has_absolute(summary) else "",
        _presets(summary.rows),
        tuning_warning(summary.rows),
    ]
    return " ".join(filter(None, parts))


def footnote(summary: Summary, level: str, marks: Marks = UNICODE) -> str:
    """Return what stands under a table: how to read the rows, or what the verdicts of another level are about."""
    if level == ROWS:
        return legend(summary, marks)
    shown = table(summary, level)
    scope = about(summary.rows) if "over" in shown and len(shown) else ""
    return " ".join(filter(None, [LEVELS[level].note, scope]))


def _selected(rows: pd.DataFrame) -> str:
    """Say at which step test values are read."""
    last = rows["select"] == "last"
    if last.all():
        return "Test values at the last step."
    return "Test values at the step that validation chose" + (", or at the last." if last.any() else ".")


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
    cases = cases_of(rows) + _tasks_in(rows)
    text = f"{begin}sharing hurt {hurt} of {cases}, helped {helped} and left {same} unchanged"
    text = text[0].upper() + text[1:]
    return f"{text}; {open_} undecided." if open_ else f"{text}."


def _tasks_in(rows: pd.DataFrame) -> str:
    """Return as " (5 tasks in 10 pairs)" where tasks of one suite are judged with several partners; else nothing."""
    tasks = rows.assign(base=rows["suite"].map(base_suite)).groupby(["base", "task"])["suite"].nunique()
    if not (tasks > 1).any():
        return ""
    noun = "pair" if rows["partners"].map(len).eq(1).all() else "suite"
    return f" ({pluralize(len(tasks), 'task')} in {pluralize(rows['suite'].nunique(), noun)})"


def _unconverged(rows: pd.DataFrame) -> str:
    """Warn of rows whose runs were still getting better when training ended."""
    short = rows[unconverged(rows)]
    if short.empty:
        return ""
    names = list(dict.fromkeys(short["task"]))
    named = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    tasks = "task" if len(names) == 1 else "tasks"
    are = pluralize(len(short), "row is", "rows are")
    text = f"{are} not converged ({tasks} {named}): validation was still improving when training ended"
    return f"{text}. Train longer (budget.epochs, budget.steps or budget.min_steps)."


def _left_out(summary: Summary) -> str:
    """Say which tasks delta-m and the mean gains do not count."""
    rows = summary.rows
    unscaled = set(
        rows["task"][rows["gain_pct"].isna() & rows["diff"].notna()]
    )  # not those with no seeds yet
    names = [
        t for t in dict.fromkeys(t for tasks in summary.suites["left_out"] for t in tasks) if t in unscaled
    ]
    shown = summary.suites["delta_m"].notna().any()
    if not names or not shown:
        return ""
    return f"Mean gains leave out {', '.join(names)}, whose metric has no percentage."


def _looks(summary: Summary) -> str:
    """Say that a test for a fixed number of seeds was repeated with more of them."""
    if find_method(summary.settings.method).looks:
        return ""
    seeds = {cell_id: len(cell["seeds"]) for cell_id, cell in summary.cells.items()}
    others = {
        cell: [count for count in counts if count > 1 and count != seeds[cell]]  # one seed is no test
        for cell, counts in summary.looks.items()
        if cell in seeds
    }
    longest = max(others.values(), key=len, default=[])
    if not longest:
        return ""
    before = int(summary.rows["cell_id"].isin([cell for cell, counts in others.items() if counts]).sum())
    which = "These rows" if before == len(summary.rows) else pluralize(before, "row", "rows")
    were = "was" if before == 1 and before < len(summary.rows) else "were"
    return (
        f"{which} {were} judged before, with {', '.join(map(str, longest))} seeds, by a test made for one look: "
        "p-values are too small if seeds are added until a verdict comes. Use stop.until=conclusive, whose test "
        "allows for it."
    )


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
    text = f"{pluralize(len(rows), 'row has', 'rows have')} clearly skewed differences ({tasks} {named}): "
    if rows["skew_seeds"].isna().all():
        return f"{text}p-values are too small here, and more seeds will not fix it; use statistics=paired_t."
    return f"{text}p-values are too small below about {rows['skew_seeds'].max():,} seeds."


def _absent(summary: Summary) -> str:
    counts = summary.counts
    parts = [
        f"{counts[status]:,} {word}"
        for status, word in (("diverged", "diverged"), ("failed", "failed"), ("missing", "not trained yet"))
        if counts[status]
    ]
    total = sum(counts.values())
    return f"Of {pluralize(total, 'run')}, {', '.join(parts)}." if parts else ""
