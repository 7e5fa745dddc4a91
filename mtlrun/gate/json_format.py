"""JSON: the result for other programs."""

from __future__ import annotations

import json
from typing import Any

from mtlrun.gate.lock_schema import IDENTITY
from mtlrun.gate.result import WORDS, GateResult, GateRow
from mtlrun.report.tables import plain
from mtlrun.text.printable import plain_json

SCHEMA_VERSION = 1


def to_json(result: GateResult) -> str:
    """Return one object; differences are in the metric's unit, p values before Holm, what is missing is null."""
    page = {
        "schema_version": SCHEMA_VERSION,
        "study": result.study,
        "result": WORDS[result.exit_code],
        "exit_code": result.exit_code,
        "counts": result.counts,
        "alpha": result.alpha,
        "looks": result.looks,
        "new_rows": result.new_rows,
        "environment": result.environment,
        "rows": [_row(row) for row in result.rows],
    }
    return plain_json(json.dumps(page, indent=1, allow_nan=False))


def _row(row: GateRow) -> dict[str, Any]:
    found = row.found if row.found is not None and row.found.n > 1 else None
    return {
        "outcome": row.outcome,
        **{name: row.locked[name] for name in IDENTITY},
        "hyper": row.locked["hyper"],
        "cell_id": row.locked["cell_id"],
        "locked_seeds": len(row.locked["seeds"]),
        "margin": row.margin,
        "scale": row.locked["scale"],
        "n_seeds": row.found.n if row.found is not None else 0,
        "paired": row.found.paired if row.found is not None else None,
        "change": plain(found.mean) if found else None,
        "change_sd": plain(found.sd) if found else None,
        "p_lost": plain(found.p_lost) if found else None,
        "p_kept": plain(found.p_kept) if found else None,
        "p_won": plain(found.p_won) if found else None,
        "locked_verdict": row.locked["verdict"],
        "verdict": row.verdict or None,
        "seeds_needed": row.seeds_needed,
        "n_diverged": row.n_diverged,
        "changed": list(row.changed),
    }
