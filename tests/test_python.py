"""The front door for Python: `mtlrun.run`, `plan`, `load`, `Results`."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.commands import mtlrun as command
from support.commands import reported

import mtlrun
from mtlrun.errors import ConfigError, StoreError

SMALL = {"budget": {"steps": 20}, "model": {"width": 8}}


def arrays(rows: int = 120, **settings):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(rows, 4))
    targets = {"sign": (inputs[:, 0] > 0).astype(int), "sum": inputs.sum(1)}
    return mtlrun.ArraySuite(inputs=inputs, targets=targets, **settings)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    store = tmp_path_factory.mktemp("store")
    return mtlrun.run(
        "suite=digits_two", mitigation=["none", "pcgrad"], seeds=3, store=str(store), progress=False, **SMALL
    )


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, mtlrun; print([m for m in ('torch', 'pandas', 'hydra', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names():
    assert {"run", "plan", "load", "Results", "ArraySuite"} <= {*mtlrun.__all__} <= {*dir(mtlrun)}
    with pytest.raises(AttributeError, match="no attribute 'train'"):
        mtlrun.train  # noqa: B018


def test_python_and_the_command_line_have_equal_run_ids_and_tables(results, tmp_path):
    overrides = ("budget.steps=20", "model.width=8", f"store={tmp_path}")
    done = command("sweep", "suite=digits_two", "mitigation=none,pcgrad", "seeds=3", *overrides)
    assert done.code == 0
    told = reported(tmp_path)
    assert set(results.runs["run_id"]) == {
        row["run_id"] for row in reported(tmp_path, "--level", "runs")["runs"]
    }
    for name in ("gain_pct", "ci_low", "ci_high", "p", "verdict", "task", "mitigation"):
        expected = [row[name] for row in told["rows"]]
        found = [None if isinstance(v, float) and np.isnan(v) else v for v in results.rows[name]]
        assert found == pytest.approx(expected) if name.startswith("ci") or name == "p" else found == expected
    printed = " ".join(done.out.split())
    assert all(sentence in printed for sentence in mtlrun.load(tmp_path).sentences())


def test_the_same_call_trains_nothing_twice(results, capfd):
    store = str(results.manifest["cells"] and results.summary and results.study)
    assert store == results.study
    again = mtlrun.plan("suite=digits_two", mitigation=["none", "pcgrad"], seeds=3, **SMALL)
    assert again["runs_new"] == 12  # in the default store, which is none of this test's
    assert "12 runs" in str(again)
    assert capfd.readouterr().err == ""


def test_tables_are_tidy(tmp_path):
    found = mtlrun.run(
        suite=arrays(),
        mitigation="none",
        seeds=[3, 5],
        store=str(tmp_path),
        progress=False,
        **{"suite.train_size": [20, 40], "budget.batch_size": 16, **SMALL},
    )
    assert set(found.rows["suite.train_size"]) == {20, 40}
    assert "hyper" not in found.rows and list(found.rows["task"]) == ["sign", "sum"] * 2
    assert set(found.runs["seed"]) == {3, 5}
    assert set(found.curves["side"]) == {"stl", "mtl"} and "suite.train_size" in found.curves
    assert found.counts == {"finished": 12, "diverged": 0, "failed": 0, "missing": 0}
    assert len(found.where(task="sum").rows) == 2
    assert all(isinstance(getattr(found, name), pd.DataFrame) for name in ("suites", "cost", "contrasts"))
    found.write(tmp_path / "report.md")
    assert "sign" in (tmp_path / "report.md").read_text()
    for call, message in {
        lambda: found.table("gain"): "`level` must name a table, found 'gain'",
        lambda: found.where(tasks="sum"): "`where` must name a column, found 'tasks'",
        lambda: found.where(task="sun"): "`where task` must be a value that some row has, found 'sun'",
        lambda: found.write("report.doc"): "says its format, or `format` must name one, found 'report.doc'",
        lambda: found.write("report", format="doc"): "`format` must name a format, found 'doc'",
        lambda: found.plot_gain_over("lr"): "`setting` ",
    }.items():
        with pytest.raises(ConfigError, match=message) as error:
            call()
        assert "--" not in str(error.value)
    found.write(tmp_path / "rows", "rows", "csv")
    assert (tmp_path / "rows").read_text().startswith("suite,")
    assert "<pre" in found._repr_html_() and "2 rows" not in repr(found)


def test_settings_are_the_command_lines(tmp_path):
    with pytest.raises(ConfigError, match=r"`weighting`.*pcgard"):
        mtlrun.run(weighting="pcgard", store=str(tmp_path))
    with pytest.raises(ConfigError, match="empty list"):
        mtlrun.plan(mitigation=[], store=str(tmp_path))
    with pytest.raises(ConfigError, match=r"`suite`.*int"):
        mtlrun.plan(suite=3, store=str(tmp_path))
    with pytest.raises(StoreError):
        mtlrun.load(tmp_path, "no_such_study")
    assert list(tmp_path.iterdir()) == []


def test_tasks_as_a_tuple_are_one_list(tmp_path):
    planned = mtlrun.plan(
        suite="digits_attributes", seeds=1, store=str(tmp_path), **{"suite.tasks": ("digit", "even")}, **SMALL
    )
    assert planned["cells"] == 1


def test_a_script_without_a_main_guard_is_not_run_again_by_workers(tmp_path):
    script = tmp_path / "study.py"
    script.write_text(
        textwrap.dedent(
            f"""
            print("begins")
            import mtlrun
            found = mtlrun.run("suite=digits_two", "launch.processes=2", "launch.width=2", seeds=2, progress=False,
                               store={str(tmp_path / "store")!r}, budget={{"steps": 5}})
            print(found.counts["finished"])
            """
        )
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, cwd="/")
    assert (done.returncode, done.stdout) == (0, "begins\n6\n"), done.stderr


def test_a_suite_class_of_a_script_trains_in_its_own_process(tmp_path):
    body = (Path(__file__).parent / "support" / "own_suites.py").read_text()
    script = tmp_path / "study.py"
    inputs = np.random.default_rng(0).normal(size=(60, 6)).astype(np.float32)
    for name, array in (("x", inputs), ("kind", np.arange(60) % 3), ("size", inputs[:, :1])):
        np.save(tmp_path / f"{name}.npy", array)
    script.write_text(
        body + "\nimport mtlrun\nprint(mtlrun.run(suite=Files(), seeds=2, progress=False, "
        f"store={str(tmp_path / 'store')!r}, budget={{'steps': 5}}).counts['finished'])\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0


def test_pictures_are_drawn_into_given_axes_or_into_their_own(results):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4))
    given = figure.add_subplot()
    assert results.plot_gains(ax=given) is given
    assert given.get_xlabel() and len(given.texts) > 4
    own = results.where(mitigation="none", task="left").plot_curves()
    assert own.get_ylabel() == "accuracy" or "accuracy" in own.get_title()
    panels = results.plot_diagnostics("gradient_cosines")
    assert panels is not None
    with pytest.raises(ConfigError, match=r"no setting|numeric|varies"):
        results.plot_gain_over()
    with pytest.raises(ConfigError, match="size"):
        results.plot_gains(size="poster")


def test_a_mapping_sets_keys_of_the_suite(tmp_path):
    planned = mtlrun.plan(
        "suite=digits_two", suite={"train_size": [50, 100]}, seeds=1, store=str(tmp_path), **SMALL
    )
    assert planned["cells"] == 2
