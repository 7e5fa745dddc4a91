"""How many rows a table for people may have: a page of hundreds of thousands opens nowhere."""

from __future__ import annotations

from mtlrun.errors import ConfigError
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.levels import LEVELS
from mtlrun.report.tables import table


def check_rows(summary: Summary, level: str, most: int) -> None:
    """Raise ConfigError where a table has more rows than a format shows, with what to do.

    A table with a form for people has a line or so for each row of the report.

    Args:
        summary: what is to be shown.
        level: which table.
        most: rows that the format shows.
    """
    rows = len(summary.rows if level in LEVELS and LEVELS[level].block else table(summary, level))
    if rows > most:
        raise ConfigError(
            [
                f"`--level {level}` has {rows:,} rows, too many for this format, which shows {most:,}: narrow them "
                "with `--filter`, or use `--format csv` or `parquet`"
            ]
        )
