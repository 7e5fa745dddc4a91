"""The command line, called in this process, on studies small enough for tests."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

from mtlrun.cli import main

TINY = (
    "seeds=3",
    "budget=steps",
    "budget.steps=20",
    "budget.evaluations=2",
    "model.width=16",
    "launch.processes=1",
)


class Result(NamedTuple):
    """What a command gave: exit code, the text of both streams, and standard output as bytes."""

    code: int
    out: str
    err: str
    data: bytes


def mtlrun(*arguments: str) -> Result:
    """Run a command line; `sys.path` is as before afterwards."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
    path = list(sys.path)
    try:
        with redirect_stdout(streams[0]), redirect_stderr(streams[1]):
            code = main(arguments)
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.path[:] = path
    out, err = (stream.buffer.getvalue() for stream in streams)  # type: ignore[attr-defined]
    return Result(code, out.decode(errors="replace"), err.decode(), out)


def tiny(store: Path, *overrides: str) -> list[str]:
    """Return the overrides of a tiny study."""
    no_width = {"model=resnet18", "model=convnet_deep", "model=custom"} & {*overrides}
    small = [o for o in TINY if not (no_width and o.startswith("model.width"))]
    return [*small, f"store={store}", *overrides]


def segments(store: Path) -> dict[str, bytes]:
    """Return the content of every segment of a store, by name."""
    return {path.name: path.read_bytes() for path in store.glob("*.parquet")}


def planned(*overrides: str) -> dict[str, Any]:
    """Return what `mtlrun plan --format json` prints."""
    return json.loads(mtlrun("plan", "--format", "json", *overrides).out)


def reported(store: Path, *arguments: str) -> dict[str, Any]:
    """Return what `mtlrun report --format json` prints."""
    return json.loads(mtlrun("report", str(store), "--format", "json", *arguments).out)


def values_by_run(store: Path) -> dict[str, tuple[float, float]]:
    """Return the selected values of a store's last study, (baseline, multi-task), by run, task and seed."""
    rows = reported(store, "--level", "runs")["runs"]
    return {f"{row['run_id']}/{row['task']}/{row['seed']}": (row["stl"], row["mtl"]) for row in rows}
