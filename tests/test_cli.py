"""The commands and what they promise, on tiny studies."""

from __future__ import annotations

import importlib.metadata
import io
import json
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.commands import mtlrun, planned, reported, segments, tiny

ROW = (
    "suite, task, kind, metric, direction, sharing, heads, weighting, schedule, regularization, mitigation, hyper, "
    "tuned, n_seeds, n_diverged, stl_mean, stl_sd, mtl_mean, mtl_sd, diff, diff_low, diff_high, gain_pct, ci_low, "
    "ci_high, p, p_adjusted, verdict, seeds_needed"
)
"""The contract of report rows."""


def tables(text: str) -> int:
    """Count the transfer tables in a text by their headers."""
    return sum("STL" in line and "MTL" in line and "verdict" in line for line in text.splitlines())


def test_a_command_trains_with_its_baselines_and_prints_one_table(trained):
    code, out, err, _ = trained.result
    assert code == 0
    assert tables(out) == 1
    assert "training 12 runs in 4 cohorts on 1 process" in err  # 3 seeds of 2 tasks alone and of 2 weightings
    assert [line for line in out.splitlines() if "pcgrad" in line and "digit" not in line]


def test_the_same_command_again_trains_nothing_and_prints_the_same(trained):
    before = segments(trained.store)
    again = mtlrun("run", *trained.overrides)
    assert (again.code, again.out, again.err) == (0, trained.result.out, "")
    assert segments(trained.store) == before


@pytest.mark.parametrize("command", [["sweep"], ["run", "-m"]])
def test_sweep_is_run_and_options_stand_anywhere(command, trained):
    name, *options = command
    again = mtlrun(name, *trained.overrides[:2], *options, *trained.overrides[2:])
    assert (again.code, again.out, again.err) == (0, trained.result.out, "")


def test_a_widened_grid_trains_only_what_is_missing(tmp_path):
    store = tmp_path / "store"
    assert mtlrun("run", *tiny(store)).code == 0
    before = segments(store)
    plan = planned(*tiny(store, "weighting=equal,static", "sharing=hard,branched"))
    assert (plan["runs_new"], plan["runs_reused"]) == (9, 9)
    wider = mtlrun("sweep", *tiny(store, "weighting=equal,static", "sharing=hard,branched"))
    assert "training 9 runs, reusing 9" in wider.err
    after = segments(store)
    assert before.items() < after.items()
    assert len(reported(store)["rows"]) == 8
    more_seeds = planned(*tiny(store)[1:], "seeds=5")
    assert (more_seeds["runs_new"], more_seeds["runs_reused"]) == (6, 9)


def test_what_does_not_change_a_result_is_reused(trained):
    plan = planned(*trained.overrides, "study=other", "launch.width=2", "statistics.margin=3", "device=cpu")
    assert (plan["runs_new"], plan["cohorts"]) == (0, 0)


def test_plan_trains_nothing_and_makes_no_folder(tmp_path):
    store = tmp_path / "some" / "store"
    facts = planned(*tiny(store, "weighting=equal,pcgrad"))
    assert (facts["runs_new"], facts["runs_reused"], facts["cohorts"]) == (12, 0, 4)
    assert facts["lanes"] == [3, 3, 3, 3]
    assert facts["estimate_s"] >= 0
    assert facts["memory_mib"] > 0
    text = mtlrun("plan", *tiny(store, "weighting=equal,pcgrad"))
    assert text.code == 0
    assert "to train  12 runs, 240 run-steps" in text.out
    assert not (tmp_path / "some").exists()


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", ["terminal", "json", "csv", "parquet", "md", "svg", "png", "latex", "html"])
def test_a_report_is_the_same_in_a_file_and_on_standard_output(name, trained, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    path = tmp_path / "folder" / "out"
    shown = mtlrun("report", str(trained.store), "--format", name)
    written = mtlrun("report", str(trained.store), "--format", name, "--output", str(path))
    assert (shown.code, written.code, written.out) == (0, 0, "")
    assert path.read_bytes() == shown.data
    if name not in ("parquet", "png"):
        assert shown.data.endswith(b"\n")
        assert not shown.data.endswith(b"\n\n")


def test_a_file_without_format_gets_that_of_its_ending(trained, tmp_path):
    for name, begin in (("x.png", b"\x89PNG"), ("x.md", b"**"), ("x.json", b"{"), ("x.html", b"<!doctype")):
        path = tmp_path / "folder" / name
        written = mtlrun("report", str(trained.store), "-o", str(path))
        assert (written.code, written.out) == (0, "")
        assert written.err == f"wrote study main to {path} ({path.suffix[1:]})\n"
        assert path.read_bytes().startswith(begin)


def test_json_keeps_the_contract(trained):
    page = reported(trained.store)
    assert page["schema_version"] == 1
    assert page["study"] == "main"
    assert {"rows", "contrasts", "suites", "cost"} <= page.keys()
    assert len(page["rows"]) == 4
    for row in page["rows"]:
        assert set(ROW.split(", ")) <= row.keys()
        assert row["n_seeds"] == 3
        assert row["ci_low"] <= row["gain_pct"] <= row["ci_high"]
    assert {c["mitigation"] for c in page["contrasts"]} == {"pcgrad"}
    assert [s["n_tasks"] for s in page["suites"]] == [2, 2]


def test_tables_and_pictures_can_be_read_by_others(trained, tmp_path):
    def written(name: str) -> Path:
        path = tmp_path / name
        assert mtlrun("report", str(trained.store), "--format", name, "-o", str(path)).code == 0
        return path

    csv, parquet = pd.read_csv(written("csv")), pd.read_parquet(written("parquet"))
    assert list(csv.columns) == list(parquet.columns)
    assert list(csv["gain_pct"]) == pytest.approx(list(parquet["gain_pct"]))
    assert len(csv) == 4
    assert xml.etree.ElementTree.parse(written("svg")).getroot().tag.endswith("svg")
    assert written("png").read_bytes().startswith(b"\x89PNG")
    lines = written("md").read_text().splitlines()
    assert [line for line in lines if line.startswith("| digit")]


def test_levels_give_values_per_seed_and_over_training(trained):
    runs = reported(trained.store, "--level", "runs")["runs"]
    assert len(runs) == 12  # 2 cells, 2 tasks, 3 seeds
    assert all(run["d"] == pytest.approx(run["mtl"] - run["stl"]) for run in runs)
    curves = reported(trained.store, "--level", "curves")["curves"]
    assert {point["step"] for point in curves} == {10, 20}
    assert {point["side"] for point in curves} == {"mtl", "stl"}


def test_filters_choose_rows_and_leave_statistics_alone(trained):
    whole = {(r["task"], r["mitigation"]): r for r in reported(trained.store)["rows"]}
    rows = reported(trained.store, "--filter", "task=digit", "--filter", "mitigation=pcgrad")["rows"]
    assert rows == [whole["digit", "pcgrad"]]


def test_studies_of_one_store_have_names(tmp_path):
    store = tmp_path / "store"
    mtlrun("run", *tiny(store, "study=first", "suite.tasks=[digit]"))
    mtlrun("run", *tiny(store, "study=second", "suite.tasks=[parity]"))
    assert [r["task"] for r in reported(store)["rows"]] == ["parity"]
    assert [r["task"] for r in reported(store, "--study", "first")["rows"]] == ["digit"]


def edited_lock(path: Path, change: float) -> Path:
    """Write beside a lock file one whose gains are all so much higher in its first row."""
    page = json.loads(path.read_text())
    page["rows"][0]["gains"] = [gain + change for gain in page["rows"][0]["gains"]]
    other = path.with_name("edited.json")
    other.write_text(json.dumps(page))
    return other


def test_a_study_passes_its_own_lock_and_fails_an_edited_one(trained, tmp_path):
    path, note = tmp_path / "lock.json", tmp_path / "note.md"
    locked = mtlrun("lock", str(trained.store), "-o", str(path))
    assert (locked.code, locked.out) == (0, "")
    assert "locked 4 rows" in locked.err
    checked = mtlrun("check", str(path), "--store", str(trained.store), "--output", str(note))
    assert checked.code == 0
    assert "4 pass" in checked.out
    assert note.read_text().startswith("## mtlrun check: main passed\n\nOf 4 rows: 4 pass.\n")
    failed = mtlrun("check", str(edited_lock(path, 0.5)), "--store", str(trained.store))
    assert failed.code == 1
    assert "1 regressed" in failed.out


def test_too_few_other_seeds_leave_the_gate_undecided(trained, tmp_path):
    path, store = tmp_path / "lock.json", tmp_path / "store"
    mtlrun("lock", str(trained.store), "-o", str(path))
    mtlrun("run", *tiny(store, "weighting=equal,pcgrad")[1:], "seeds=[7,8]")
    checked = mtlrun("check", str(path), "--store", str(store))
    assert checked.code == 3
    assert "underpowered" in checked.out


def test_a_lock_of_another_study_is_refused(trained, tmp_path):
    path, store = tmp_path / "lock.json", tmp_path / "store"
    mtlrun("lock", str(trained.store), "-o", str(path))
    mtlrun("run", *tiny(store, "suite=linear_teachers"))
    refused = mtlrun("check", str(path), "--store", str(store))
    assert (refused.code, refused.out) == (2, "")
    assert "no row in common" in refused.err
    missing = mtlrun("check", str(tmp_path / "none.json"), "--store", str(store))
    assert missing.code == 2
    assert "none.json" in missing.err


def test_list_and_show_explain_every_option():
    groups = mtlrun("list")
    assert groups.code == 0
    listed = {line.split()[0]: line.split(maxsplit=1)[1].split(", ") for line in groups.out.splitlines()}
    assert {"suite", "model", "sharing", "weighting", "mitigation", "experiment"} <= listed.keys()
    for group, options in listed.items():
        assert [line.split()[0] for line in mtlrun("list", group).out.splitlines()] == options
        for option in options:
            page = mtlrun("show", f"{group}={option}")
            assert page.code == 0
            assert page.out.startswith(f"{group}={option}")
    page = mtlrun("show", "weighting=dwa").out
    assert "weighting.tau=2.0" in page
    assert "2019" in page  # its paper
    assert "sets weighting=dwa" in mtlrun("show", "mitigation=dwa").out


def test_list_and_show_know_a_users_own_options(tmp_path):
    (tmp_path / "weighting").mkdir()
    (tmp_path / "weighting" / "mine.yaml").write_text("# My own.\n_target_: mine.Mine\nfactor: 2 # times\n")
    own = ("--config-dir", str(tmp_path))
    assert "mine" in mtlrun("list", *own).out
    assert "mine                 My own." in mtlrun("list", "weighting", *own).out.splitlines()
    assert "weighting.factor=2  # times" in mtlrun("show", "weighting=mine", *own).out
    assert mtlrun("show", "weighting=dwa", *own).out == mtlrun("show", "weighting=dwa").out
    unknown = mtlrun("show", "weighting=mine")
    assert (unknown.code, unknown.out) == (2, "")
    assert mtlrun("list", "--config-dir", str(tmp_path / "none")).code == 2


def test_without_a_command_help_is_printed():
    bare = mtlrun()
    assert bare.code == 0
    assert bare.out == mtlrun("--help").out
    assert "sweep" in bare.out
    assert mtlrun("--version").out == f"mtlrun {importlib.metadata.version('mtlrun')}\n"


def test_the_console_script_is_this_command_line():
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="mtlrun")
    assert script.value == "mtlrun.cli:main"


def test_reading_commands_start_without_what_is_heavy(trained):
    script = (
        "import sys\n"
        "from support.commands import mtlrun\n"
        "def heavy(): return sorted({'torch', 'pandas', 'hydra', 'sklearn', 'matplotlib'} & set(sys.modules))\n"
        "for line in ['list', 'list weighting', 'show weighting=dwa', '--help', 'run --help', 'completion bash']:\n"
        "    assert mtlrun(*line.split()).code == 0\n"
        "assert mtlrun('_complete', 'mtlrun run weighting.').code == 0\n"
        "print(heavy())\n"
        f"assert mtlrun('report', {str(trained.store)!r}).code == 0\n"
        "print(heavy())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=Path(__file__).parent, check=True
    )
    assert done.stdout.splitlines() == ["[]", "['pandas']"]


class Narrow(io.TextIOWrapper):
    """A stream that knows ASCII only."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="ascii", write_through=True)


@pytest.mark.parametrize("name", ["terminal", "md", "html"])
def test_no_report_fails_for_a_sign_that_cannot_be_shown(name, trained, monkeypatch: Any):
    from mtlrun.cli import main

    stream = Narrow()
    monkeypatch.setenv("COLUMNS", "120")  # a narrower table leaves standard deviations out
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert main(["report", str(trained.store), "--format", name]) == 0
    text = stream.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]
    assert "inconclusive" in text
    assert name != "terminal" or "+-" in text
