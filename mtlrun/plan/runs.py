"""What identifies a run: a hash of everything that its result depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

FORMAT = 1
"""Goes up when the same config would no longer give the same run, so that old runs are not reused."""


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, whole floats kept as floats."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def config_id(config: Mapping[str, Any]) -> str:
    """Return the id of a canonical config: a run's where it has a seed, else a cell's. 16 hex digits."""
    return hashlib.sha256(canonical_json({"format": FORMAT, **config}).encode()).hexdigest()[:16]
