"""From overrides to jobs, as Hydra composes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hydra.core.global_hydra import GlobalHydra

from mtlrun.compose import jobs_of, multirun
from mtlrun.compose.hydra_internals import hydra_with
from mtlrun.errors import ConfigError, Fault
from mtlrun.prepare.checks import job_faults


def composed(*overrides: str, config_dirs: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return the jobs of one command, which must come as one batch."""
    batches: list[list[dict[str, Any]]] = []

    def keep(jobs: Sequence[dict[str, Any]]) -> list[float]:
        batches.append(list(jobs))
        return [0.0] * len(jobs)

    multirun(overrides, keep, config_dirs, job_faults)
    (jobs,) = batches
    return jobs


def test_without_overrides_there_is_one_job_with_every_default():
    (job,) = composed()
    assert job["weighting"] == {"_target_": "mtlrun.weighting.equal.Equal"}
    assert (job["seeds"], job["store"], job["device"]) == (10, "runs", "auto")
    assert "hydra" not in job
    assert not GlobalHydra.instance().is_initialized()  # as it was before


def test_commas_make_jobs_of_one_batch_and_one_invocation():
    jobs = composed("weighting=equal,pcgrad", "model.width=8,16")
    assert [(job["weighting"]["_target_"].rsplit(".")[-1], job["model"]["width"]) for job in jobs] == [
        ("Equal", 8),
        ("Equal", 16),
        ("PCGrad", 8),
        ("PCGrad", 16),
    ]
    assert len({job["invocation"] for job in jobs}) == 1
    assert composed()[0]["invocation"] != composed()[0]["invocation"]


def test_lists_are_values_and_no_sweep():
    (job,) = composed("seeds=[3,7]", "suite.tasks=[parity,digit]")
    assert (job["seeds"], job["suite"]["tasks"]) == ([3, 7], ["parity", "digit"])


def test_a_preset_sets_its_strategy_and_an_explicit_choice_beats_it():
    (preset,) = composed("mitigation=pcgrad")
    assert preset["weighting"]["_target_"] == "mtlrun.weighting.pcgrad.PCGrad"
    (explicit,) = composed("weighting=mgda", "mitigation=pcgrad")
    assert explicit["weighting"]["_target_"] == "mtlrun.weighting.mgda.MGDA"


def test_an_experiment_brings_its_own_sweep_and_can_be_changed():
    jobs = composed("experiment=quickstart")
    suites = {job["suite"]["_target_"].rsplit(".")[-1] for job in jobs}
    assert len(suites) >= 2
    assert len(jobs) == 5 * len(suites)
    assert {job["study"] for job in jobs} == {"quickstart"}
    changed = composed("experiment=quickstart", "mitigation=none", "seeds=2")
    assert len(changed) == len(suites)
    assert {job["seeds"] for job in changed} == {2}


def test_interpolations_are_resolved():
    (job,) = composed("heads=mlp", "heads.width=${model.width}", "model.width=24")
    assert job["heads"]["width"] == 24


def test_interpolations_may_be_relative_and_are_forgotten_where_they_are_overridden():
    overrides = ["budget.steps=${.epochs}", "budget.epochs=3", "study=${nothing}", "study=ab"]
    jobs = composed(*overrides, "model.width=1,2")
    assert [(job["budget"]["steps"], job["study"]) for job in jobs] == [(3, "ab")] * 2
    with pytest.raises(ConfigError, match="nothing"):
        composed("study=${nothing}")


def test_folders_of_a_user_hold_options_and_ours_come_first(tmp_path):
    for name, width in (("first", 1), ("second", 2)):
        folder = tmp_path / name / "model"
        folder.mkdir(parents=True)
        for option in ("mlp", "tall", name):
            (folder / f"{option}.yaml").write_text(f"_target_: mtlrun.models.mlp.MLP\nwidth: {width}\n")
    folders = [str(tmp_path / "first"), str(tmp_path / "second")]
    jobs = composed("model=mlp,tall,second", config_dirs=folders)
    assert [job["model"]["width"] for job in jobs] == [64, 1, 2]
    found = composed("model=glob([m*,s*,ta*])", config_dirs=folders)
    assert [job["model"]["width"] for job in found] == [64, 2, 1]  # mlp, second, tall
    with pytest.raises(ConfigError, match="found 'tall'"):
        composed("model=tall", "nonsense=3")


def test_folders_that_are_none_are_told_together(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="2 faults") as caught:
        composed(config_dirs=[str(tmp_path / "file"), str(tmp_path / "none"), str(tmp_path)])
    assert len(caught.value.faults) == 2


def test_faults_of_several_overrides_are_told_with_those_of_the_job():
    with pytest.raises(ConfigError) as caught:
        composed("weighting=nope", "model.widht=3", "seeds=0", "optimizer.lr=fast,1", "x=[")
    told = [str(fault) for fault in caught.value.faults]
    assert len(told) == 5
    assert [
        key for key in ("x=[", "weighting", "widht", "seeds", "lr") if not any(key in t for t in told)
    ] == []


def test_an_interpolation_that_fails_does_not_hide_other_faults():
    with pytest.raises(ConfigError) as caught:
        composed("weighting=nope", "model.width=${nothing}")
    assert len(caught.value.faults) == 2


def test_a_fault_of_the_program_is_no_fault_of_the_config():
    def wrong(jobs: Sequence[dict[str, Any]]) -> list[float]:
        raise ValueError("not about overrides")

    with pytest.raises(ValueError, match="not about overrides"):
        multirun([], wrong)
    assert not GlobalHydra.instance().is_initialized()


def test_another_hydra_that_runs_already_is_put_back():
    with hydra_with([]):
        outer = GlobalHydra.instance().hydra
        assert len(composed("weighting=equal,pcgrad")) == 2
        with pytest.raises(ConfigError):
            composed("nonsense=3")
        assert GlobalHydra.instance().hydra is outer
    assert not GlobalHydra.instance().is_initialized()


def test_hydra_leaves_no_folder_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    composed("weighting=equal,pcgrad")
    assert list(tmp_path.iterdir()) == []


def test_jobs_alone_are_those_of_all_batches_whatever_launcher_is_chosen():
    overrides = ["model.width=range(1,6)", "suite=digits_two,digits_parity"]
    cases = "hydra.sweeper.cases=[{model: linear}, {model: mlp, heads: mlp}]"
    many = jobs_of([*overrides, cases, "hydra.sweeper.max_batch_size=3", "hydra/launcher=basic"])
    assert [{**job, "invocation": ""} for job in many] == [
        {**job, "invocation": ""} for job in composed(*overrides, cases)
    ]
    assert len(many) == 20


@pytest.mark.parametrize("empty", ["model=glob(nothing*)", "model.width=range(3,3)"])
def test_overrides_that_ask_for_nothing_are_told(empty):
    with pytest.raises(ConfigError, match="ask for no job: a glob or a range in them is empty"):
        jobs_of([empty])


def test_jobs_alone_are_not_checked_unless_that_is_asked_for():
    assert jobs_of(["model.width=-1"])[0]["model"]["width"] == -1
    with pytest.raises(ConfigError) as caught:
        jobs_of(["model.width=-1", "nonsense=3"])
    assert len(caught.value.faults) == 1
    with pytest.raises(ConfigError) as caught:
        jobs_of(["model.width=-1", "nonsense=3"], job_faults=job_faults)
    assert [fault.key for fault in caught.value.faults if isinstance(fault, Fault)] == [
        "nonsense",
        "model.width",
    ]


def test_an_interval_is_for_other_sweepers():
    with pytest.raises(
        ConfigError, match=r"does not support .* found `optimizer.lr=interval\(0,1\)`: list values"
    ):
        jobs_of(["optimizer.lr=interval(0,1)"])
