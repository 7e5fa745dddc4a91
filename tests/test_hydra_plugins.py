"""Our launcher and sweeper in Hydra, and that Hydra's own serve as well."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from support.commands import mtlrun, planned, reported, segments, tiny

from hydra_plugins.mtlrun_cohorts.cohorts import CohortLauncher
from mtlrun.compose import multirun
from mtlrun.store.store import Store


def values(store) -> list[tuple[Any, ...]]:
    """Return run, task, seed, baseline's and own value of every row's seeds."""
    runs = reported(store, "--level", "runs")["runs"]
    return [(r["run_id"], r["task"], r["seed"], r["stl"], r["mtl"], r["weighting"]) for r in runs]


def test_hydra_finds_both_plugins():
    found = Plugins.instance()
    assert "CohortLauncher" in {plugin.__name__ for plugin in found.discover(Launcher)}
    assert "GridSweeper" in {plugin.__name__ for plugin in found.discover(Sweeper)}


@pytest.mark.parametrize(
    "choices",
    [
        ["hydra/launcher=basic"],
        ["hydra/sweeper=basic", "hydra.sweeper.max_batch_size=1"],
    ],
    ids=" ".join,
)
def test_other_launchers_and_sweepers_give_the_same_study(choices, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # Hydra's own leave a folder of theirs
    store = tmp_path / "store"
    done = mtlrun("sweep", *tiny(store, "weighting=equal,pcgrad", *choices))
    assert done.code == 0
    assert done.out == trained.result.out
    assert values(store) == values(trained.store)


def test_other_launchers_and_sweepers_reuse_what_is_stored(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    again = mtlrun("sweep", *trained.overrides, "hydra/launcher=basic", "hydra/sweeper=basic")
    assert (again.code, again.out, again.err) == (0, trained.result.out, "")


def test_faults_are_told_through_hydras_own_launcher_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused = mtlrun("run", *tiny(tmp_path / "store", "model.width=0,-1", "hydra/launcher=basic"))
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.splitlines()[-1].startswith("mtlrun: bad config: `model.width`")
    assert "Traceback" not in refused.err
    assert not (tmp_path / "store").exists()


def test_a_plan_is_of_all_jobs_whatever_the_launcher(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = planned(*tiny(tmp_path / "store", "weighting=equal,pcgrad", "hydra/launcher=basic"))
    assert (plan["cells"], plan["runs_new"]) == (2, 12)


class Searching(Sweeper):
    """A sweeper that looks twice, the second time near what was better, and ends by writing what it found.

    As Optuna's does (hydra-optuna-sweeper 1.3.0), into a folder that Hydra leaves to launchers to make.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:
        self.folder = Path(config.hydra.sweep.dir)
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        found: dict[float, float] = {}
        for number, rates in enumerate(([0.0001, 0.01], [0.02])):
            jobs = [[*arguments, f"optimizer.lr={rate}"] for rate in rates]
            done = self.launcher.launch(jobs, initial_job_idx=2 * number)
            found |= {rate: job.return_value for rate, job in zip(rates, done, strict=True)}
        best = max(found, key=lambda rate: found[rate])
        (self.folder / "best.json").write_text(json.dumps([best, found[best]]))


def test_a_sweeper_that_searches_makes_one_study_and_finds_its_folder(tmp_path, monkeypatch):
    name = "hydra_plugins.searching.Searching"  # Hydra takes plugins of this package only
    monkeypatch.setitem(Plugins.instance().class_name_to_class, name, Searching)
    module = ModuleType("hydra_plugins.searching")
    module.Searching = Searching  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(Searching, "__module__", module.__name__)
    store, folder = tmp_path / "store", tmp_path / "found"
    done = mtlrun("sweep", *tiny(store, f"hydra.sweeper._target_={name}", f"hydra.sweep.dir={folder}"))
    assert done.code == 0, done.err
    assert {row["hyper"]["optimizer.lr"] for row in reported(store)["rows"]} == {0.0001, 0.01, 0.02}
    best, value = json.loads((folder / "best.json").read_text())
    assert best != 0.0001 and 0 < value < 1


def test_our_own_sweeper_leaves_no_folder(tmp_path):
    folder = tmp_path / "none"
    assert mtlrun("sweep", *tiny(tmp_path / "store", f"hydra.sweep.dir={folder}")).code == 0
    assert not folder.exists()


def test_batches_of_one_sweep_train_a_baseline_once(tmp_path):
    store = tmp_path / "store"
    mtlrun("sweep", *tiny(store, "weighting=equal,pcgrad,mgda", "hydra.sweeper.max_batch_size=2"))
    assert len(Store(store).statuses()) == 15
    assert len(segments(store)) == 5  # two baselines and two cells, then one cell
    assert len(reported(store)["rows"]) == 6


def test_jobs_that_are_not_ours_are_refused():
    launcher = CohortLauncher()
    launcher.setup(hydra_context=SimpleNamespace(config_loader=None), task_function=print, config={})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="launches the jobs of `mtlrun` only"):
        launcher.launch([], 0)


class Counting:
    """Notes the width of each job of a batch, which is its value too."""

    def __init__(self) -> None:
        self.seen: list[list[int]] = []

    def __call__(self, jobs: Any) -> list[float]:
        self.seen.append([job["model"]["width"] for job in jobs])
        return [float(width) for width in self.seen[-1]]


@pytest.fixture
def returned(monkeypatch) -> list[Any]:
    """What sweeps return: for each sweep its batches of job returns."""
    Plugins.instance()  # executes the module anew
    module = importlib.import_module(CohortLauncher.__module__)
    kept: list[Any] = []
    sweep = module.GridSweeper.sweep

    def keeping(self: Any, arguments: list[str]) -> Any:
        kept.append(sweep(self, arguments))
        return kept[-1]

    monkeypatch.setattr(module.GridSweeper, "sweep", keeping)
    return kept


def test_jobs_are_numbered_through_the_batches_of_a_sweep(returned):
    task = Counting()
    multirun(["model.width=range(1,6)", "hydra.sweeper.max_batch_size=2"], task)
    assert task.seen == [[1, 2], [3, 4], [5]]
    jobs = [job for batch in returned[0] for job in batch]
    assert [(job.cfg.hydra.job.num, job.cfg.model.width) for job in jobs] == [
        (0, 1),
        (1, 2),
        (2, 3),
        (3, 4),
        (4, 5),
    ]
    assert jobs[3].hydra_cfg is jobs[3].cfg


def test_values_of_jobs_go_back_to_the_sweeper(returned):
    multirun(["model.width=3,1,2"], Counting())
    (batches,) = returned
    assert [job.return_value for batch in batches for job in batch] == [3, 1, 2]
    assert "model.width=1" in batches[0][1].overrides


def test_cases_are_overrides_that_go_together(returned):
    cases = "hydra.sweeper.cases=[{model: linear, model.width: 7}, {model: mlp, model.width: 9}]"
    task = Counting()
    multirun(["suite=digits_two,digits_parity", cases], task)
    assert task.seen == [[7, 9, 7, 9]]
    jobs = [job.overrides for batch in returned[0] for job in batch]
    assert [[text for text in job if text.startswith(("suite", "model"))] for job in jobs] == [
        [f"suite={suite}", *case]
        for suite in ("digits_two", "digits_parity")
        for case in (["model=linear", "model.width=7"], ["model=mlp", "model.width=9"])
    ]


def test_the_command_line_beats_cases_and_batches_cut_them(returned):
    cases = "hydra.sweeper.cases=[{model.width: 7, seeds: 3}, {model.width: 9, seeds: [4, 5]}]"
    task = Counting()
    multirun(["model.width=1,2", cases, "hydra.sweeper.max_batch_size=3"], task)
    assert task.seen == [[1, 1, 2], [2]]
    assert [job.overrides[-1] for batch in returned[0] for job in batch] == ["seeds=3", "seeds=[4, 5]"] * 2


def test_cases_that_the_command_line_makes_equal_are_launched_once(returned):
    task = Counting()
    multirun(["model.width=4", "hydra.sweeper.cases=[{model.width: 7}, {model.width: 9}]"], task)
    assert task.seen == [[4]]


def test_cases_that_are_no_mappings_are_refused(tmp_path):
    refused = mtlrun("sweep", *tiny(tmp_path / "store", "hydra.sweeper.cases=[3]"))
    assert (refused.code, refused.out) == (2, "")
    assert "`hydra.sweeper.cases` must be a list of mappings, found [3]" in refused.err
    assert "Traceback" not in refused.err
