"""Stored files that were damaged: bits, cut ends, edited values; in every file of a store, and in locks."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

from support.fuzz.csv_tables import damaged, flipped
from support.mutations import EDITS, edited, paths, read_rows, write_rows

_CHECKSUM = re.compile(r"-[0-9a-f]{16}\.parquet$")


def damage(store: Path, lock: Path, rng: random.Random) -> str:
    """Change one file of a store, or its lock; return in words what was done."""
    files = [path for path in sorted(store.rglob("*")) if path.is_file()]
    segments = [path for path in files if path.suffix == ".parquet"]
    documents = [*store.glob("studies/*.json"), lock]
    way = rng.choice(["edit", "edit", "edit", "row", "row", "bits", "bits", "bytes", "bytes", "swap"])
    if way == "edit":
        path = rng.choice(documents)
        document = json.loads(path.read_text())
        place, edit = rng.choice([*paths(document)]), rng.choice(sorted(EDITS))
        path.write_text(json.dumps(edited(document, place, edit)))
        return f"{path.name}: {edit} at {place}"
    if way == "row":
        path = rng.choice(segments)
        rows = read_rows(path)
        place, edit = rng.choice([*paths(rows)]), rng.choice(sorted(EDITS))
        write_rows(path, edited(rows, place, edit))
        return f"{path.name}: {edit} at {place}"
    path = rng.choice([*files, lock])
    if way == "swap":
        other = rng.choice(files)
        content = other.read_bytes()
    else:
        content = (flipped if way == "bits" else damaged)(path.read_bytes(), rng)
    if path in segments and rng.random() < 0.7:  # so that the reader meets it behind the checksum
        path.unlink()
        path = path.with_name(_CHECKSUM.sub(".parquet", path.name))
    path.write_bytes(content)
    return f"{path.name}: {way}"
