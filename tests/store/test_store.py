"""What is appended is read back, by any number of writers, and nothing half-written is ever seen."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mtlrun.errors import StoreError
from mtlrun.store.runs.records import RunRecord
from mtlrun.store.store import Store

COST = {"wall_s": 1.5, "steps": 20, "lanes": 2, "parameters_shared": 10, "parameters_task": {"digit": 5}}


def _study(name: str, runs: int = 1) -> dict[str, Any]:
    """Return a manifest of one cell."""
    names = ("suite", "sharing", "heads", "weighting", "schedule", "regularization", "mitigation")
    cell = {
        "config": {"suite": {}},
        "cell_id": "c",
        "labels": dict.fromkeys(names, "x"),
        "select": "last",
        "tasks": [{"name": "a", "kind": "binary", "metric": "accuracy", "direction": "higher"}],
        "seeds": list(range(runs)),
        "runs": [f"r{k}" for k in range(runs)],
        "baselines": {"a": [f"b{k}" for k in range(runs)]},
    }
    return {"study": name, "statistics": {}, "cells": [cell]}


def _record(
    run_id: str, status: str = "finished", seed: int = 0, values: tuple[float, ...] = (0.5,)
) -> RunRecord:
    n = len(values)
    return RunRecord(
        run_id=run_id,
        seed=seed,
        config={"model": {"width": 16}, "seed": seed},
        status=status,
        error="boom" if status == "failed" else None,
        device="cpu",
        versions={"mtlrun": "0.1.0"},
        cost=COST,
        diagnostics={"cosine": float("nan")},
        curves={
            "task": ["digit"] * n,
            "split": ["val"] * n,
            "metric": ["accuracy"] * n,
            "step": list(range(n)),
            "value": values,
        },
        finished_at="2026-01-01T00:00:00+00:00",
    )


def _append_many(path: Path, writer: int) -> None:
    store = Store(path)
    for k in range(10):
        store.append([_record(f"{writer}-{k}", seed=writer)])


def test_empty_store_reads_as_empty_and_makes_no_folder(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    assert store.statuses() == {}
    assert list(store.runs().columns)[:3] == ["run_id", "seed", "status"]
    assert list(store.curves().columns) == ["run_id", "task", "split", "metric", "step", "value"]
    assert len(store.runs()) == len(store.curves()) == 0
    assert store.studies() == []
    store.check_writable()
    assert not (tmp_path / "runs").exists()


def test_runs_come_back_whole_and_in_order(tmp_path: Path) -> None:
    store = Store(tmp_path / "deep" / "runs")
    store.append([_record("b", seed=7), _record("a", "failed")])
    store.append([_record("c", "diverged")])
    runs = store.runs()
    assert runs["run_id"].tolist() == ["b", "a", "c"]
    assert runs["seed"].tolist() == [7, 0, 0]
    assert runs["status"].tolist() == ["finished", "failed", "diverged"]
    assert runs["error"].tolist() == [None, "boom", None]
    first = runs.iloc[0]
    assert first["config"] == {"model": {"width": 16}, "seed": 7}
    assert first["versions"] == {"mtlrun": "0.1.0"}
    assert first["cost"] == COST
    assert np.isnan(first["diagnostics"]["cosine"])
    assert store.runs(["c", "unknown"])["run_id"].tolist() == ["c"]


def test_first_result_wins_and_supersedes_a_failure(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append([_record("a", "failed", values=()), _record("b", values=(0.1,))])
    store.append([_record("a", "diverged", values=(0.2,)), _record("b", "diverged", values=(0.3,))])
    store.append([_record("a", values=(0.4,)), _record("b", "failed", values=()), _record("c", "failed")])
    assert store.statuses() == {"a": "diverged", "b": "finished", "c": "failed"}
    curves = store.curves(["a", "b"])
    assert dict(zip(curves["run_id"], curves["value"], strict=True)) == {"a": 0.2, "b": 0.1}


def test_of_failures_the_last_counts(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append([_record("a", "failed", seed=1)])
    store.append([_record("a", "failed", seed=2)])
    assert store.runs()["seed"].tolist() == [2]


def test_curves_are_long_categorical_and_keep_non_finite_values(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append([_record("a", values=(0.5, np.nan, -np.inf)), _record("b", values=())])
    store.append([_record("c", values=(1.0,))])
    curves = store.curves()
    assert curves["run_id"].tolist() == ["a", "a", "a", "c"]
    assert curves["step"].tolist() == [0, 1, 2, 0]
    np.testing.assert_array_equal(curves["value"], [0.5, np.nan, -np.inf, 1.0])
    kinds = curves.dtypes.astype(str)
    assert [kinds[name] for name in ("run_id", "task", "split", "metric")] == ["category"] * 4
    assert (kinds["step"], kinds["value"]) == ("int64", "float64")


def test_curves_are_taken_from_the_right_rows_when_some_are_left_out(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append([_record(str(k), values=(float(k), k + 0.5)) for k in range(6)])
    curves = store.curves(["4", "1"])
    assert curves["run_id"].tolist() == ["1", "1", "4", "4"]
    assert curves["value"].tolist() == [1.0, 1.5, 4.0, 4.5]


def test_two_hundred_thousand_values_come_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    values = tuple(np.linspace(0, 1, 100))
    for start in range(0, 2000, 500):
        store.append([_record(str(start + k), values=values) for k in range(500)])
    curves = store.curves()
    assert len(curves) == 200_000
    assert curves["run_id"].nunique() == 2000
    np.testing.assert_allclose(curves.groupby("run_id", observed=True)["value"].sum(), sum(values))


def test_several_processes_append_at_once(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(_append_many, [tmp_path / "runs"] * 4, range(4)))
    assert len(Store(tmp_path / "runs").statuses()) == 40
    assert {path.name for path in (tmp_path / "runs").iterdir() if path.suffix != ".parquet"} == {".index"}


def test_leftovers_of_a_cut_write_are_ignored(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append([_record("a")])
    (tmp_path / ".20260101T000000.parquet.1234.tmp").write_bytes(b"half")
    (tmp_path / ".hidden.parquet").write_bytes(b"half")
    assert store.statuses() == {"a": "finished"}


def test_interrupted_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "runs")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        store.append([_record("a")])
    assert list((tmp_path / "runs").iterdir()) == []


def test_damaged_segment_is_named_and_the_rest_stays_readable(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append([_record("a")])
    bad = store.append([_record("b")])
    bad.write_bytes(bad.read_bytes()[:-20])
    for read in (store.statuses, store.runs, store.curves):
        with pytest.raises(StoreError, match=bad.name):
            read()
    bad.rename(tmp_path.parent / bad.name)
    assert store.statuses() == {"a": "finished"}


def test_append_of_nothing_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one record"):
        Store(tmp_path).append([])


def test_studies_are_listed_replaced_and_the_last_written_is_the_default(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write_study(_study("zeta"))
    store.write_study(_study("alpha"))
    assert store.studies() == ["alpha", "zeta"]
    assert store.read_study() == _study("alpha")
    store.write_study(_study("zeta", runs=2))
    os.utime(tmp_path / "studies" / "zeta.json", (0, 0))  # a copied store has other file times
    assert store.read_study() == _study("zeta", runs=2)
    assert store.read_study("alpha") == _study("alpha")


def test_unknown_study_gets_near_matches(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write_study(_study("quickstart"))
    with pytest.raises(StoreError, match="did you mean quickstart") as caught:
        store.read_study("quickstat")
    assert str(tmp_path) in str(caught.value)


def test_store_without_studies_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"holds no study yet.*`mtlrun sweep"):
        Store(tmp_path).read_study()


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a b", "-x", "a\n", "x" * 129, None])
def test_study_name_cannot_leave_the_folder(tmp_path: Path, name: object) -> None:
    store = Store(tmp_path / "runs")
    with pytest.raises(StoreError, match="`study` must begin with a letter or digit"):
        store.write_study({"study": name})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["{", "[]", '{"schema_version": 9}', '{"schema_version": 1, "study": 0}'])
def test_damaged_study_file_is_named(tmp_path: Path, content: str) -> None:
    store = Store(tmp_path)
    store.write_study(_study("s"))
    (tmp_path / "studies" / "s.json").write_text(content)
    with pytest.raises(StoreError, match=r"studies/s\.json` cannot be read"):
        store.read_study("s")


def test_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "FILE").write_text("")
    for path in (tmp_path / "FILE", tmp_path / "FILE" / "sub"):
        with pytest.raises(StoreError, match="FILE` must be a folder, and is a file"):
            Store(path).check_writable()
        with pytest.raises(StoreError, match="cannot be"):
            Store(path).append([_record("a")])
    with pytest.raises(StoreError, match="FILE` must be a folder, and is a file"):
        Store(tmp_path / "FILE").statuses()


def test_folder_that_refuses_files_is_named() -> None:
    with pytest.raises(StoreError, match="no file can be made in `/proc"):
        Store("/proc/runs").check_writable()


def test_folder_of_something_else_is_not_taken_for_a_store(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*")
    Store(tmp_path).check_writable()
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(StoreError, match="is not a store"):
        Store(tmp_path).check_writable()
    Store(tmp_path).append([_record("a")])
    Store(tmp_path).check_writable()


def test_equal_texts_are_parsed_once_and_others_are_not_mixed_up(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append([_record("a"), _record("b")])
    runs = store.runs()
    assert runs["versions"].iloc[0] is runs["versions"].iloc[1]
    assert runs["config"].iloc[0] == _record("a").config and runs["config"].iloc[1] == _record("b").config
