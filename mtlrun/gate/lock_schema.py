"""What a lock file must hold, in the form of every version that can be read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mtlrun.errors import Fault
from mtlrun.planning.manifest_schema import CONFIG, KEPT, KEPT_OF_SOME, cell_faults, repeated
from mtlrun.schema import (
    amount,
    anything,
    fault,
    fields,
    is_number,
    list_of,
    map_of,
    maybe,
    name,
    number,
    text,
    whole,
)

SCHEMA_VERSION = 2
READABLE = (1, 2)
"""Version 1 has no `cells`: such a lock can be checked, but not trained anew."""

IDENTITY = (
    *("suite", "task", "metric", "direction", "sharing", "heads", "weighting", "schedule"),
    *("regularization", "mitigation"),
)
"""The columns of text that, with `hyper`, tell rows apart."""

_ROW = fields(
    {
        **dict.fromkeys((*IDENTITY, "cell_id", "verdict"), text),
        "hyper": map_of(anything),
        **dict.fromkeys(("margin", "scale", "n_diverged"), amount),
    },
    {"stl_mean": maybe(number)},
)
_CELL = fields({**KEPT, "baselines": map_of(CONFIG)}, KEPT_OF_SOME)
_PAGE = fields(
    {"study": name, "statistics": map_of(anything)},
    {"versions": maybe(map_of(text)), "device": text, "command": list_of(text)},
)


def lock_faults(page: Any) -> Iterator[Fault]:
    """Yield what is wrong with the JSON of a lock file."""
    if not isinstance(page, dict) or "schema_version" not in page:
        yield Fault("schema_version", "must be there; this is no lock file of mtlrun")
        return
    if isinstance(page["schema_version"], bool) or page["schema_version"] not in READABLE:
        versions = " or ".join(map(str, READABLE))
        yield fault("schema_version", f"must be {versions} for this mtlrun", page["schema_version"])
        return
    yield from _PAGE(page, "")
    settings = page.get("statistics")
    alpha: Any = settings.get("alpha") if isinstance(settings, dict) else None
    if not is_number(alpha) or not 0 < alpha < 0.5:
        yield fault("statistics.alpha", "must be a level above 0 and below 0.5", alpha)
    rows, cells = page.get("rows"), page.get("cells", [])
    if not isinstance(rows, list) or not rows:
        yield Fault("rows", "must be a list of rows, one at least")
        return
    for position, row in enumerate(rows):
        for one in _row_faults(row) if isinstance(row, dict) else [fault("", "must be an object", row)]:
            yield one._replace(key=f"rows[{position}]{'.' if one.key else ''}{one.key}")
    found = list(list_of(_CELL)(cells, "cells"))
    yield from found
    if found:
        return
    yield from repeated("cells", "cell_id", [cell["cell_id"] for cell in cells])
    for position, cell in enumerate(cells):
        for one in cell_faults(cell):
            yield one._replace(key=f"cells[{position}].{one.key}")


def _row_faults(row: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _ROW(row, "")
    seeds, gains = row.get("seeds"), row.get("gains")
    if not isinstance(seeds, list) or not isinstance(gains, list) or len(seeds) != len(gains):
        yield Fault("gains", "must be a list with one number for each of `seeds`")
        return
    found = [one for place, seed in enumerate(seeds) for one in whole()(seed, f"seeds[{place}]")]
    yield from found or repeated("seeds", "", seeds)
    for position, gain in enumerate(gains):
        if not is_number(gain):
            yield Fault(f"gains[{position}]", f"must be a finite number, found {json.dumps(gain)}")
