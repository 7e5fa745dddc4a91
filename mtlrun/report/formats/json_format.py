"""JSON: the whole summary, or one table of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mtlrun.report.analysis.summary import Summary
from mtlrun.report.levels import PAGE, ROWS
from mtlrun.report.named_columns import ordered_table
from mtlrun.report.tables import plain, table
from mtlrun.report.text.about import about
from mtlrun.report.text.sentences import sentences

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1


def to_json(summary: Summary, level: str = "rows") -> str:
    """Return one JSON object: with level `rows` the tables of `PAGE` and how was tested, else that level alone. Both
    say what verdicts are about.

    Missing values, NaN and infinities are null.

    Raises:
        ConfigError: there is no such level.
    """
    levels = PAGE if level == ROWS else (level,)
    page: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "study": summary.study}
    page |= {n: _records((ordered_table if n == level else table)(summary, n)) for n in levels}
    if level == ROWS:
        page["statistics"] = asdict(summary.settings)
    page["about"] = about(summary.rows)
    if level == ROWS:
        page["looks"] = plain(summary.looks)
        page["sentences"] = sentences(summary)
    return json.dumps(page, indent=1, allow_nan=False, ensure_ascii=False)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [plain(record) for record in frame.to_dict("records")]
