"""What the verdicts of a report are about, in words: which networks, and which errors are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtlrun.data.task import METRICS
from mtlrun.statistics.settings import EXAMPLES, SPLITS

if TYPE_CHECKING:
    import pandas as pd

EXACT = [metric.name for metric in METRICS.values() if metric.exact]
_MOST = 4


def about(rows: pd.DataFrame) -> str:
    """Return as "Verdicts are about networks trained on these 897 rows: over seeds and 600 test examples.".

    One clause for each kind of row; where there are more than a few kinds, their sizes are given as ranges.

    Args:
        rows: of a report, those with a gain.
    """
    known = rows[rows["n_seeds"] > 0]
    if known.empty:
        return ""
    clauses: dict[str, list[str]] = {}
    kinds = ["suite", "metric", "over", "n_train", "n_test", "n_examples", "n_splits"]
    for record in known.drop_duplicates(kinds).to_dict("records"):
        clauses.setdefault(_clause(record), []).append(record["suite"])
    named = [suite for suites in clauses.values() for suite in dict.fromkeys(suites)]
    if len(clauses) > _MOST or len(set(named)) < len(named):
        kinds = known.groupby(["over", known["metric"].isin(EXACT)], sort=False)
        clauses = {_ranges(part): list(part["suite"]) for _, part in kinds}
    if len(clauses) == 1:
        return f"Verdicts are about {next(iter(clauses))}."
    told = [f"{', '.join(dict.fromkeys(suites))}: {clause}" for clause, suites in clauses.items()]
    return f"Verdicts are about: {'; '.join(told)}."


def _clause(record: dict[str, Any]) -> str:
    trained = _number(record["n_train"])
    rows = f"these {trained} rows" if trained else "these training rows"
    if record["over"] == SPLITS:
        sample = f"samples of {trained} rows" if trained else "samples"
        splits = f"{_number(record['n_splits'])} random splits"
        return f"training on other {sample} of the same source: over {splits} and their seeds"
    if record["metric"] in EXACT:
        return f"networks trained on {rows}: over seeds; {record['metric']} is exact for the population"
    tested = f"{_number(record['n_test'])} " if _number(record["n_test"]) else ""
    if record["over"] == EXAMPLES:
        cases = f"{_number(record['n_examples'])} test {record['cases']}"
        return f"networks trained on {rows}: over seeds and {cases}"
    return f"networks trained on {rows}: over seeds only, on these {tested}test rows"


def _ranges(part: pd.DataFrame) -> str:
    over = part["over"].iloc[0]
    rows = f"these training sets ({_range(part['n_train'])} rows)"
    if over == SPLITS:
        splits = f"{_range(part['n_splits'])} random splits"
        return f"training on other samples of the same sources: over {splits} and their seeds"
    if over == EXAMPLES:
        return f"networks trained on {rows}: over seeds and {_range(part['n_examples'])} test examples"
    if part["metric"].isin(EXACT).all():
        exact = ", ".join(dict.fromkeys(part["metric"]))
        return f"networks trained on {rows}: over seeds; {exact} is exact for the population"
    return f"networks trained on {rows}: over seeds only, on the same test rows"


def _range(values: pd.Series) -> str:
    found = values.dropna().astype(float)
    if found.empty:
        return "?"
    low, high = int(found.min()), int(found.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _number(value: Any) -> str:
    import pandas as pd

    return "" if pd.isna(value) else f"{int(value):,}"
