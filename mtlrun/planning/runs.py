"""What identifies a run: a hash of everything that its result depends on."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mtlrun.config import identity
from mtlrun.user_code import find, targets_in

PARTS = ("suite", "model", "sharing", "heads", "weighting", "schedule", "regularization", "optimizer")
"""The groups that a run's result depends on."""

FORMAT = 2
"""Goes up when the same config would no longer give the same run, so that old runs are not reused."""


def source_digests(nodes: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return a digest of the source file of every class or function that is not ours, by `_target_`, however deep.

    A user who changes the code of a strategy and repeats a command means another run. Ours is under `FORMAT`.
    """
    targets = sorted({t for node in nodes for t in targets_in(node) if not t.startswith("mtlrun.")})
    files = {target: _source_file(find(target)) for target in targets}
    return {t: hashlib.sha256(Path(f).read_bytes()).hexdigest()[:16] for t, f in files.items() if f}


def _source_file(found: Any) -> str | None:
    """Return the Python file in which a class or function stands, or None for what is compiled or in a notebook."""
    try:
        file = inspect.getsourcefile(inspect.unwrap(found))
    except (TypeError, OSError):  # OSError: of a module without a file, as of a notebook
        return None
    return file if file is not None and os.path.isfile(file) else None


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, whole floats kept as floats."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def config_id(config: Mapping[str, Any]) -> str:
    """Return the id of a canonical config: a run's where it has a seed, else a cell's. 16 hex digits."""
    return hashlib.sha256(canonical_json(_identified(config)).encode()).hexdigest()[:16]


def run_ids(config: Mapping[str, Any], seeds: Sequence[int]) -> list[str]:
    """Return the id of a cell's run for each seed: `config_id` of the config with that seed.

    The seeds go into the cell's text at the place where sorted keys have them, so that only that part of the
    text is hashed anew.
    """
    whole = _identified(config)
    before = canonical_json({k: v for k, v in whole.items() if k < "seed"})[:-1]
    after = canonical_json({k: v for k, v in whole.items() if k > "seed"})[1:]
    begun = hashlib.sha256(before.encode())
    ids = []
    for seed in seeds:
        hashed = begun.copy()
        hashed.update(f',"seed":{seed}{"," if after != "}" else ""}{after}'.encode())
        ids.append(hashed.hexdigest()[:16])
    return ids


def _identified(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that is hashed; settings that are younger than the option count from their first other value."""
    return {"format": FORMAT, **{key: identity(value) for key, value in config.items()}}
