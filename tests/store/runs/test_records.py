"""A run survives the way to Parquet and back, and a segment that cannot be trusted is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from mtlrun.store.runs.records import RunRecord, to_table


def _record(**changes: object) -> RunRecord:
    fields = {
        "run_id": "a1",
        "seed": 3,
        "config": {"b": 1, "a": [1, 2]},
        "status": "finished",
        "error": None,
        "device": "cpu",
        "versions": {"torch": "2.13"},
        "cost": {"wall_s": np.float32(0.5)},
        "diagnostics": {"cosine": np.array([1.0, np.nan])},
        "curves": {
            "task": ["digit", "parity"],
            "split": ["val", "test"],
            "metric": ["accuracy", "loss"],
            "step": np.array([10, 20]),
            "value": np.array([0.5, np.inf]),
        },
        "finished_at": "2026-01-01T00:00:00+00:00",
    }
    return RunRecord(**{**fields, **changes})  # type: ignore[arg-type]


def _segment(path: Path, **changes: object) -> Path:
    pq.write_table(to_table([_record(**changes)]), path)
    return path


def test_record_becomes_one_row_with_canonical_json_and_nested_curves() -> None:
    row = to_table([_record()]).to_pylist()[0]
    assert row["config"] == '{"a":[1,2],"b":1}'
    assert json.loads(row["cost"]) == {"wall_s": 0.5}
    assert str(json.loads(row["diagnostics"])) == "{'cosine': [1.0, nan]}"
    assert row["curves"] == [
        {"task": "digit", "split": "val", "metric": "accuracy", "step": 10, "value": 0.5},
        {"task": "parity", "split": "test", "metric": "loss", "step": 20, "value": np.inf},
    ]


def test_records_with_and_without_curves_share_a_table() -> None:
    failed = _record(
        run_id="b2", status="failed", error="boom", curves={name: [] for name in _record().curves}
    )
    table = to_table([failed, _record(), failed])
    assert [len(curves) for curves in table["curves"].to_pylist()] == [0, 2, 0]
    assert table["error"].to_pylist() == ["boom", None, "boom"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"status": "done"}, "`status` must be one of .* found 'done'"),
        ({"curves": {"task": []}}, "`curves` must have the columns"),
        ({"curves": {**_record().curves, "value": [1.0]}}, "`curves` must have columns of one length"),
    ],
)
def test_inconsistent_record_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _record(**changes)


def test_object_that_is_not_data_cannot_be_stored() -> None:
    with pytest.raises(TypeError, match=r"cannot hold .*Path"):
        to_table([_record(config={"store": Path("runs")})])
