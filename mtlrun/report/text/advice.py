"""What mitigations do, in sentences: what they repair and what they make worse, and which has the best mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from mtlrun.planning.labels import base_suite
from mtlrun.report.analysis.contrasts import BASE
from mtlrun.report.analysis.summary import Summary
from mtlrun.text.pluralize import pluralize, some_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NAMED = 4
_GOOD = ("repairs", "partly", "better")


def repaired(summary: Summary) -> str:
    """Say which mitigations repair the tasks that are hurt without one, and which tasks they make worse."""
    contrasts = summary.contrasts
    base = summary.rows[(summary.rows["mitigation"] == BASE) & (summary.rows["verdict"] == "negative")]
    if contrasts.empty or base.empty:
        return ""
    hurt = contrasts["none_verdict"] == "negative"
    table = pd.crosstab(contrasts["mitigation"], contrasts["verdict"].where(hurt, "unhurt")).reindex(
        index=list(dict.fromkeys(contrasts["mitigation"])), columns=_GOOD, fill_value=0
    )
    table = table.sort_values(list(_GOOD), ascending=False, kind="stable")
    worse = dict(list(contrasts[contrasts["verdict"] == "worse"].groupby("mitigation", sort=False)))
    good = [_clause(str(name), counts, worse) for name, counts in table.iterrows() if counts.any()]
    bad = [_worse(name, mine) for name, mine in worse.items() if not table.loc[name].any()]
    text = f"No mitigation is seen to repair any of the {cases_of(base)} hurt."
    if good:
        text = f"Of the {cases_of(base)} hurt, {_some(good)}."
    return f"{text} Worse than none: {_some(bad)}." if bad else text


def _clause(name: str, counts: pd.Series, worse: Mapping[str, pd.DataFrame]) -> str:
    """Return as "mgda repairs 1, but makes digit worse by 8.7 %"."""
    done = (
        f"repairs {counts['repairs']}" if counts["repairs"] else "",
        f"repairs {counts['partly']} in part" if counts["partly"] else "",
        f"improves {counts['better']}, a loss not excluded" if counts["better"] else "",
    )
    text = f"{name} {' and '.join(filter(None, done))}"
    if name not in worse:
        return text
    several, largest, by = _largest_loss(worse[name])
    return f"{text}, but makes {several}{largest} {'most' if several else 'worse'}{by}"


def _worse(name: str, mine: pd.DataFrame) -> str:
    """Return as "mgda on digit by 8.7 %"."""
    several, largest, by = _largest_loss(mine)
    return f"{name} on {len(mine)}, {largest} most{by}" if several else f"{name} on {largest}{by}"


def _largest_loss(mine: pd.DataFrame) -> tuple[str, str, str]:
    """Return "4 worse, " where there are several, the task that loses most, and by how much."""
    largest = mine.sort_values("gain_pct").iloc[0]
    by = f" by {-largest['gain_pct']:.1f} %" if largest["gain_pct"] < 0 else ""
    return f"{len(mine)} worse, " if len(mine) > 1 else "", str(largest["task"]), by


def _some(clauses: Sequence[str]) -> str:
    more = [f"{len(clauses) - _NAMED} others"] if len(clauses) > _NAMED else []
    return "; ".join([*clauses[:_NAMED], *more])


def advice(summary: Summary) -> str:
    """Return one line on the mitigations as wholes: the highest mean gain over tasks, and whether any repairs all.

    It is no stronger than the rows: it says where no task is shown to be better than without mitigation, and where a
    mitigation that repairs all makes others worse.
    """
    means = _means(summary)
    if len(means) < 2 or summary.contrasts.empty or _lacks_tasks(summary):
        return ""
    is_base = means["mitigation"] == BASE
    best = means.assign(base=is_base).sort_values(["value", "base"], kind="stable").iloc[-1]
    tied = means[means["value"].map(_percent) == _percent(best["value"])]
    if len(tied) > 1:
        names = some_of([str(name) for name in tied["mitigation"]], _NAMED)
        text = f"Highest mean gain over tasks: a tie of {names}, {_percent(best['value'])} %"
        return f"{text}; {_all_repaired(summary)}."
    text = f"Highest mean gain over tasks: {best['mitigation']}, {_percent(best['value'])} %"
    text += f" [{best['low']:+.1f}, {best['high']:+.1f}]"
    if best["mitigation"] == BASE:
        return f"{text}, that is without mitigation."
    if is_base.any():
        text += f" (none: {_percent(means.loc[is_base, 'value'].iloc[0])} %)"
    own = summary.contrasts[summary.contrasts["mitigation"] == best["mitigation"]]
    if not own["verdict"].isin(_GOOD).any():
        text += ", not shown to be better than none on any task"
    return f"{text}; {_all_repaired(summary)}."


def _lacks_tasks(summary: Summary) -> bool:
    """Return whether a filter left out tasks of some cell: its mean gain then is of more than what is shown."""
    shown = summary.suites["cell_id"].map(summary.rows["cell_id"].value_counts())
    return bool((summary.suites["n_tasks"] > shown).any())


def _percent(value: float) -> str:
    """Return a gain as it is shown, 0 without a sign that says nothing."""
    text = f"{value:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text


def _all_repaired(summary: Summary) -> str:
    contrasts = summary.contrasts
    hurt = contrasts[contrasts["none_verdict"] == "negative"]
    if hurt.empty:
        return "sharing is not shown to hurt any task"
    words = contrasts.groupby("mitigation", sort=False)["verdict"].agg(list)
    cases = ((summary.rows["mitigation"] == BASE) & (summary.rows["verdict"] == "negative")).sum()
    whole = hurt.groupby("mitigation", sort=False)["verdict"].agg(
        lambda found: len(found) >= cases and (found == "repairs").all()
    )
    repairing = [str(name) for name in whole.index[whole]]
    clean = [name for name in repairing if "worse" not in words[name]]
    if clean:
        verb = "repairs all and makes" if len(clean) == 1 else "repair all and make"
        return f"{' and '.join(clean[:_NAMED])} {verb} none worse"
    if repairing:
        verb = "repairs all but makes" if len(repairing) == 1 else "repair all but make"
        return f"{' and '.join(repairing[:_NAMED])} {verb} others worse"
    return "no mitigation repairs all"


def _means(summary: Summary) -> pd.DataFrame:
    """Return the mean gain of each mitigation, with its interval: over all suites, or over the only one.

    None where a study has several settings besides mitigations, or several suites with nothing in common.
    """
    found = summary.aggregates
    columns = {"mean_gain": "value", "mean_gain_low": "low", "mean_gain_high": "high"}
    if found.empty and summary.rows["suite"].nunique() == 1:
        found, columns = summary.suites, {"delta_m": "value", "ci_low": "low", "ci_high": "high"}
    found = found.rename(columns=columns)
    if found.empty or found["mitigation"].duplicated().any():
        return found[:0]
    return found[found[["value", "low", "high"]].notna().all(axis=1)].reset_index(drop=True)


def cases_of(rows: pd.DataFrame) -> str:
    """Return how many there are; a task with several settings or partners is several cases."""
    several = rows.assign(suite=rows["suite"].map(base_suite)).duplicated(["suite", "task"]).any()
    return pluralize(len(rows), "case" if several else "task")


def unconverged(rows: pd.DataFrame) -> pd.Series:
    """Return which rows with a verdict are known not to have converged."""
    trained = rows["n_seeds"] + rows["n_diverged"] > 0
    return trained & rows["converged"].eq(False).fillna(False).astype(bool)
