"""What the verdicts of a report are about, in words: which networks, and which errors are counted."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from mtlrun.data.task import METRICS
from mtlrun.statistics.settings import EXAMPLES, SEEDS, SPLITS
from mtlrun.text.pluralize import pluralize, some_of

if TYPE_CHECKING:
    import pandas as pd

EXACT = [metric.name for metric in METRICS.values() if metric.exact]
_MOST = 4


def about(rows: pd.DataFrame) -> str:
    """Return as "Verdicts are about networks trained on these 897 rows: over seeds and 600 test examples.".

    One clause for each kind of row, with the suites or tasks in parentheses that it is of where there are several;
    where there are more than a few kinds, their sizes are given as ranges.

    Args:
        rows: of a report; those with two seeds or more count, for others have no verdict.
    """
    known = rows[rows["n_seeds"] > 1]
    if known.empty:
        return "One seed gives no verdict." if (rows["n_seeds"] > 0).any() else ""
    told = _clauses(known)
    if len(told) > _MOST:
        kinds = known.groupby(["over", known["metric"].isin(EXACT)], sort=False)
        told = [_ranges(part) for _, part in kinds]
    return f"Verdicts are about {'; '.join(told)}."


def seeds_alone(rows: pd.DataFrame, over: str) -> str:
    """Say which rows are over seeds only although the study asked for more, and what helps; "" for none."""
    known = rows[(rows["n_seeds"] > 1) & (rows["over"] == SEEDS) & ~rows["metric"].isin(EXACT)]
    if known.empty or over == SEEDS:
        return ""
    names = some_of(list(dict.fromkeys(known["task"])))
    return (
        f"{pluralize(len(known), 'row is', 'rows are')} over seeds only ({names}): the test part is one case, or "
        "runs lack scores of test examples at the evaluations that are read, because an earlier version trained "
        "them or budget.patience was changed afterwards. Training into another store gives them."
    )


def _clauses(known: pd.DataFrame) -> list[str]:
    """Return as "networks trained on these 30 rows: over seeds and 40 test examples (a), over seeds and ... (b)"."""
    kinds = ["suite", "task", "metric", "over", "n_train", "n_test", "n_examples", "n_splits"]
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for record in known.drop_duplicates(kinds).to_dict("records"):
        found.setdefault(_parts(record), []).append((record["suite"], record["task"]))
    names = dict(zip(found, _names(list(found.values())), strict=True))
    differ = len(set(names.values())) > 1
    told: dict[str, list[str]] = {}
    for (networks, error), name in names.items():
        told.setdefault(networks, []).append(error + (f" ({name})" if differ else ""))
    return [f"{networks}: {', '.join(errors)}" for networks, errors in told.items()]


def _names(parts: list[list[tuple[str, str]]]) -> list[str]:
    """Return what each part of the rows is of: suites, or tasks where a suite's tasks are in several parts."""
    suites = [list(dict.fromkeys(suite for suite, _ in part)) for part in parts]
    whole = list(itertools.chain.from_iterable(suites))
    if len(whole) == len(set(whole)):
        return [some_of(names) for names in suites]
    several = len(set(whole)) > 1
    return [
        some_of([f"{suite} {task}" if several else task for suite, task in dict.fromkeys(part)])
        for part in parts
    ]


def _parts(record: dict[str, Any]) -> tuple[str, str]:
    """Return which networks a row is about, and which errors are counted."""
    trained = _number(record["n_train"])
    rows = f"these {trained} rows" if trained else "these training rows"
    networks = f"networks trained on {rows}"
    if record["over"] == SPLITS:
        sample = f"samples of {trained} rows" if trained else "samples"
        error = f"over {_number(record['n_splits'])} random splits and their seeds"
        return f"training on other {sample} of the same source", error
    if record["metric"] in EXACT:
        return networks, f"over seeds; {record['metric']} is exact for the population"
    if record["over"] == EXAMPLES:
        return networks, f"over seeds and {_number(record['n_examples'])} test {record['cases']}"
    tested = f"{_number(record['n_test'])} " if _number(record["n_test"]) else ""
    return networks, f"over seeds only, on these {tested}test rows"


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
