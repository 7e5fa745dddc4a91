"""Stores and locks that were edited: every command ends with one clear message, and no traceback.

A kept corpus holds edits that ended in a traceback once, or that the message must tell; Hypothesis looks for others.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.commands import Result, mtlrun, tiny
from support.mutations import EDITS, edited, paths, read_rows, write_rows

PLANNED = ("mitigation=none,fork_merge", "seeds=4", "controls=[shuffled]")
CELL = ("study", "cells", 0)


class Base(NamedTuple):
    """A good store and its lock, which are left as they are, with what they hold.

    Attributes:
        store: its folder.
        documents: by kind what may be edited: the manifest, the lock, and the rows of a segment.
        segment: the name of that segment.
        run_id: of a run with weights.
    """

    store: Path
    documents: dict[str, Any]
    segment: str
    run_id: str


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    folder = tmp_path_factory.mktemp("good")
    store = folder / "runs"
    assert (
        mtlrun("run", *tiny(store, *PLANNED, "study=s", "save=best", "tune.optimizer.lr=[0.01,0.1]")).code
        == 0
    )
    assert mtlrun("lock", str(store), "-o", str(folder / "lock.json")).code == 0
    manifest = json.loads((store / "studies" / "s.json").read_text())
    run_id = manifest["study"]["cells"][0]["runs"][0]
    held = {path.name: read_rows(path) for path in store.glob("*.parquet")}
    segment = next(name for name, rows in held.items() if run_id in [row["run_id"] for row in rows])
    lock = json.loads((folder / "lock.json").read_text())
    rows = sorted(held[segment], key=lambda row: not row["scores"])  # corpus edits are of the first
    return Base(store, {"manifest": manifest, "lock": lock, "segment": rows}, segment, run_id)


def _written(base: Base, folder: Path, kind: str, document: Any) -> tuple[Path, Path]:
    """Write a copy of the store and of the lock, one of them with another document; return both."""
    store, lock = folder / "runs", folder / "lock.json"
    shutil.rmtree(store, ignore_errors=True)
    shutil.copytree(base.store, store)
    lock.write_text(json.dumps(document if kind == "lock" else base.documents["lock"]))
    if kind == "manifest":
        (store / "studies" / "s.json").write_text(json.dumps(document))
    elif kind == "segment":
        write_rows(store / base.segment, document)
    return store, lock


def _commands(base: Base, store: Path, lock: Path) -> Iterator[tuple[str, ...]]:
    """Yield command lines that read all that a store and a lock hold."""
    where = ("--store", str(store))
    yield "check", str(lock), *where
    yield "report", str(store), "--format", "json"
    for level in ("curves", "phases", "attribution", "cost"):
        yield "report", str(store), "--level", level, "--format", "csv"
    yield "report", str(store)
    yield "lock", str(store), "-o", str(store / "new.json")
    yield "plan", *tiny(store, *PLANNED)
    yield "predict", base.run_id, str(store / "none.npy"), *where
    yield "export", base.run_id, *where, "-o", str(store / "model")


def _clear(command: tuple[str, ...], result: Result) -> None:
    """Fail unless a command ended as it may: with a message where it did not do what was asked."""
    assert result.code in (0, 1, 2, 3), (command, result.err)
    assert "Traceback" not in result.err, (command, result.err)
    if result.code == 2:
        assert result.err.startswith("mtlrun: ") and len(result.err) < 4000, (command, result.err)


CORPUS = [
    (
        "manifest",
        (*CELL, "runs", 0),
        "remove",
        r"`cells\[0\].runs` must have a run for each of the 4 seeds, found 3",
    ),
    (
        "manifest",
        (*CELL, "baselines", "digit"),
        "remove",
        r"`cells\[0\].baselines` and `tasks` must .* lacks `digit`",
    ),
    (
        "manifest",
        (*CELL, "baselines", "digit", 0),
        "null",
        r"`cells\[0\].baselines.digit\[0\]` must be text, found null",
    ),
    ("manifest", (*CELL, "config"), "as text", r"`cells\[0\].config` must be an object"),
    (
        "manifest",
        (*CELL, "seeds"),
        "list of objects",
        r"`cells\[0\].seeds\[0\]` must be a whole number .* found {\"a\": 1}",
    ),
    ("manifest", (*CELL, "labels", "mitigation"), "remove", r"`cells\[0\].labels.mitigation` must be there"),
    (
        "manifest",
        (*CELL, "phases", 0, "end"),
        "zero",
        r"`cells\[0\].phases\[0\].end` must be a whole number of at least 1",
    ),
    (
        "manifest",
        (*CELL, "tasks", 0, "direction"),
        "text",
        r"`cells\[0\].tasks\[0\].direction` must be one of those",
    ),
    ("manifest", (*CELL, "hyper"), "list", r"`cells\[0\].hyper` must be an object"),
    ("manifest", ("study", "cells", 1), "remove", ""),
    (
        "manifest",
        ("study", "statistics", "alpha"),
        "text",
        r"`statistics.alpha` of study `s` must be a finite number",
    ),
    (
        "manifest",
        ("study", "statistics", "method"),
        "text",
        r"`statistics.method` of study `s` must be paired_t or",
    ),
    ("manifest", ("study", "looks"), "list of texts", "`looks` must be an object"),
    ("manifest", ("number",), "text", "`number` must be a whole number"),
    ("manifest", ("study",), "null", "`study` an object"),
    ("segment", (0, "run_id"), "null", "`run_id` must have a value for each run"),
    ("segment", (0, "status"), "text", "`status` must be one of finished, diverged, failed, found 'x'"),
    ("segment", (0, "cost"), "empty", "`cost` is no JSON"),
    ("segment", (0, "cost", "wall_s"), "remove", "`cost.wall_s` must be there"),
    ("segment", (0, "versions"), "list", "`versions` must be an object"),
    (
        "segment",
        (0, "diagnostics", "constant_guess"),
        "list of texts",
        "`diagnostics.constant_guess` must be an object",
    ),
    (
        "segment",
        (0, "diagnostics", "active", 0, 0),
        "list",
        r"`diagnostics.active\[0\]\[0\]` must be a whole number",
    ),
    (
        "segment",
        (0, "diagnostics", "weights", 0),
        "remove",
        "`diagnostics.weights` must have a value for each of the `steps`",
    ),
    (
        "segment",
        (0, "diagnostics", "gradient_cosines"),
        "list of texts",
        r"`diagnostics.gradient_cosines\[0\]` must be a number",
    ),
    ("segment", (0, "curves", 0, "step"), "null", "`curves.step` must have a value"),
    ("segment", (0, "curves"), "list", "finished runs lack values"),
    ("segment", (0, "scores", 0, "values"), "list", "`scores.cases` must be at least 1"),
    ("lock", ("rows", 0, "seeds"), "list of objects", r"`rows\[0\].gains` must be a list with one number"),
    ("lock", ("rows", 0, "seeds", 0), "list of objects", r"`rows\[0\].seeds\[0\]` must be a whole number"),
    ("lock", ("cells", 0, "config", "sources"), "list", ""),
    ("lock", ("cells", 0, "phases"), "text", r"`cells\[0\].phases` must be a list"),
    ("lock", ("versions",), "list of texts", "`versions` must be an object"),
    ("lock", ("statistics", "alpha"), "nan", "`statistics.alpha` must be a level"),
]


@pytest.mark.parametrize(("kind", "path", "edit", "told"), CORPUS)
def test_kept_edits_are_told(
    base: Base, tmp_path: Path, kind: str, path: tuple[Any, ...], edit: str, told: str
) -> None:
    document = base.documents[kind]
    if path[-1] not in ("sources",):
        changed = edited(document, path, edit)
    else:  # there are none in a study of our own options
        changed = edited({**document}, path[:-1], "object")
        changed["cells"][0]["config"] = {"sources": ["x"]}
    store, lock = _written(base, tmp_path, kind, changed)
    errors = ""
    for command in list(_commands(base, store, lock))[: 1 if kind == "lock" else 4]:
        result = mtlrun(*command)
        _clear(command, result)
        errors += result.err
    assert re.search(told, errors), errors


KINDS = st.sampled_from(["manifest", "segment", "lock"])
QUICK = {
    "deadline": None,
    "database": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


def _search(base: Base, folder: Path, data: Any, kind: str, edit: str) -> None:
    """Make an edit at a drawn place, and run every command on it."""
    document = base.documents[kind]
    found = list(paths(document))
    path = found[data.draw(st.integers(0, len(found) - 1), label="place")]
    store, lock = _written(base, folder, kind, edited(document, path, edit))
    for command in _commands(base, store, lock):
        _clear(command, mtlrun(*command))


@settings(max_examples=2, derandomize=True, **QUICK)
@given(data=st.data(), kind=KINDS, edit=st.sampled_from(sorted(EDITS)))
def test_no_edit_ends_in_a_traceback(base: Base, tmp_path: Path, data: Any, kind: str, edit: str) -> None:
    _search(base, tmp_path, data, kind, edit)


@pytest.mark.slow
@settings(max_examples=200, **QUICK)
@given(data=st.data(), kind=KINDS, edit=st.sampled_from(sorted(EDITS)))
def test_search_for_edits_that_end_in_a_traceback(
    base: Base, tmp_path: Path, data: Any, kind: str, edit: str
) -> None:
    _search(base, tmp_path, data, kind, edit)


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    "content", ["", "{", "[" * 100_000, "null", "[]", "\ufeff{}", '{"schema_version": 2}', b"\xff"]
)
def test_what_is_no_json_is_told(base: Base, tmp_path: Path, content: str | bytes) -> None:
    store, lock = _written(base, tmp_path, "lock", base.documents["lock"])
    data = content.encode() if isinstance(content, str) else content
    for path in (lock, store / "studies" / "s.json"):
        path.write_bytes(data)
        results = [mtlrun(*command) for command in list(_commands(base, store, lock))[:2]]
        assert results[0].code == 2 and f"`{path if path == lock else lock}`" in results[0].err
        if path != lock:
            assert results[1].code == 2 and f"study file `{path}` cannot be read" in results[1].err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_pipe_in_the_place_of_a_study_or_a_segment_is_told(base: Base, tmp_path: Path) -> None:
    store, _ = _written(base, tmp_path, "lock", base.documents["lock"])
    for name in ("aa.parquet", "studies/t.json", "weights/x.last.safetensors"):
        os.mkfifo(store / name)
        command = ("plan", *tiny(store)) if name.startswith("weights") else ("report", str(store))
        result = mtlrun(*command)
        assert result.code == 2 and f"`{store / name}` must be a file, and is a pipe" in result.err
        (store / name).unlink()


def test_study_written_last_is_the_last_whatever_the_clock_says(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import datetime, timezone

    from mtlrun.store.store import Store

    store, _ = _written(base, tmp_path, "lock", base.documents["lock"])

    class Early(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(2001, 1, 1, tzinfo=timezone.utc)

    monkeypatch.setattr("mtlrun.store.studies.datetime", Early)
    manifest = Store(store).read_study("s")
    Store(store).write_study({**manifest, "study": "later"})
    assert Store(store).read_study()["study"] == "later"
    page = json.loads((store / "studies" / "later.json").read_text())
    del page["number"]  # as an earlier version wrote it
    (store / "studies" / "later.json").write_text(json.dumps(page))
    assert Store(store).read_study()["study"] == "s"
