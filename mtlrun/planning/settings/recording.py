"""How often training records diagnostics, under `diagnostics`. No part of a run's id: it changes no result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mtlrun.errors import Fault

EVALUATIONS, OFF = "evaluations", "off"


def recording_faults(node: Any) -> Iterator[Fault]:
    """Yield what is wrong with the settings under `diagnostics`."""
    if not isinstance(node, dict) or not node.keys() <= {"every"}:
        yield Fault("diagnostics", "has one setting", node, ["every"])
    elif "every" in node:
        every = node["every"]
        number = isinstance(every, int) and not isinstance(every, bool) and every >= 0
        if not number and every is not False and every not in (EVALUATIONS, OFF):  # YAML reads off as false
            yield Fault(
                "diagnostics.every",
                "must be a whole number of steps or a valid choice",
                every,
                [EVALUATIONS, OFF],
            )


def steps_between(job: Mapping[str, Any]) -> int | None:
    """Return the steps from one record to the next: 0 for no records, None for one at each evaluation."""
    every = (job.get("diagnostics") or {}).get("every", EVALUATIONS)
    if every == EVALUATIONS:
        return None
    return 0 if every == OFF else int(every)
