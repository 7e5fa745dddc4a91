"""Jobs put together from their options are those that Hydra composes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hydra.core.plugins import Plugins
from omegaconf import DictConfig

from mtlrun.errors import ConfigError
from mtlrun.launch import factored
from mtlrun.launch.compose import multirun
from mtlrun.launch.composing import plain
from mtlrun.launch.effects import NotingLoader


class Both:
    """A task that keeps jobs as the launcher gives them."""

    def __init__(self) -> None:
        self.jobs: list[dict[str, Any]] = []

    def __call__(self, config: DictConfig) -> float:
        return self.batch([plain(config)])[0]

    def batch(self, jobs: Sequence[dict[str, Any]]) -> list[float]:
        self.jobs += jobs
        return [0.0] * len(jobs)


@pytest.fixture
def composed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Sequence[str]]]:
    """The overrides of every job that Hydra itself composes."""
    Plugins.instance()
    seen: list[Sequence[str]] = []
    load = NotingLoader.load_sweep_config

    def noted(self: Any, master: DictConfig, overrides: Sequence[str]) -> DictConfig:
        seen.append(overrides)
        return load(self, master, list(overrides))

    monkeypatch.setattr(NotingLoader, "load_sweep_config", noted)
    yield seen


def jobs_of(overrides: Sequence[str], folders: Sequence[Path] = ()) -> list[dict[str, Any]]:
    task = Both()
    multirun(overrides, task, [str(folder) for folder in folders])
    return [{**job, "invocation": ""} for job in task.jobs]


def both_ways(overrides: str, monkeypatch: pytest.MonkeyPatch, *folders: Path) -> list[dict[str, Any]]:
    """Return the jobs, and see that Hydra composes the same ones whole."""
    whole: list[dict[str, Any]] = []
    jobs = factored.Composer.jobs

    def jobs_and_whole(self: Any, batch: Sequence[Sequence[str]], number: int = 0) -> list[dict[str, Any]]:
        whole.extend(plain(self.full(overrides, number + place)) for place, overrides in enumerate(batch))
        return jobs(self, batch, number)

    with monkeypatch.context() as patch:
        patch.setattr(factored.Composer, "jobs", jobs_and_whole)
        found = jobs_of(overrides.split(), folders)
    assert [plain_order(job) for job in found] == [plain_order({**job, "invocation": ""}) for job in whole]
    return found


def plain_order(value: Any) -> str:
    """Return a text of a value with its keys in order; in it 1 is not 1.0."""
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize(
    ("overrides", "count"),
    [
        ("weighting=equal,dwa mitigation=none,mgda", 4),
        ("mitigation=none,separate_heads sharing=hard,branched model.width=8,16", 8),
        ("experiment=quickstart mitigation=none,l2", 4),
        ("heads=mlp heads.width=${model.width} model.width=8,16 optimizer=adam,sgd", 4),
        ("suite.label_noise=0.1,1,[0.1,0.2],{digit:0.3}", 4),
        ("++suite.label_noise=0.1,0.2 ~weighting", 2),
        ("seeds=[1,2],[3] study=ab,null,1.0,'1.0'", 8),
        ("study=s${hydra.job.num} model.width=8,16", 2),
    ],
)
def test_jobs_are_those_of_hydra(overrides, count, monkeypatch):
    assert len(both_ways(overrides, monkeypatch)) == count


def test_a_grid_costs_its_options_and_not_their_product(composed):
    jobs = jobs_of(["weighting=equal,pcgrad,dwa", "sharing=hard,branched", "model.width=range(1,21)"])
    assert len(jobs) == 3 * 2 * 20
    # The first, three other options, the pair of groups, and the last job as a check.
    assert len(composed) == 6
    assert len({repr(job) for job in jobs}) == len(jobs)


def test_batches_of_one_sweep_share_what_is_composed(composed):
    overrides = ["weighting=equal,pcgrad", "model.width=range(1,9)", "hydra.sweeper.max_batch_size=2"]
    assert len(jobs_of(overrides)) == 16
    assert len(composed) == 3


def folder_with(root: Path, **files: str) -> Path:
    for name, text in files.items():
        group, _, option = name.partition("__")
        (root / group).mkdir(exist_ok=True)
        (root / group / f"{option}.yaml").write_text(text)
    return root


GLOBAL = "# @package _global_\n"
MLP = "_target_: mtlrun.models.mlp.MLP\nwidth: 64\ndepth: 2\n"
INTERFERING = {
    "a value that was there already": {
        "model__wide": MLP.replace("64", "200"),
        "mitigation__deep": GLOBAL + "model:\n  width: 64\n",
    },
    "a file by another group's name": {
        "model__wide": "defaults:\n  - /part: ${sharing}\n" + MLP.replace("64", "200"),
        "part__hard": "extra: 1\n",
        "part__branched": "extra: 2\n",
        "mitigation__deep": GLOBAL + "{}\n",
    },
    "another group's setting": {
        "model__wide": MLP.replace("64", "200"),
        "mitigation__deep": GLOBAL + "defaults:\n  - override /heads: mlp\nheads:\n  width: ${model.width}\n",
    },
}


@pytest.mark.parametrize("case", INTERFERING)
def test_options_that_interfere_are_composed_whole(case, tmp_path, monkeypatch):
    folder = folder_with(tmp_path, **INTERFERING[case])
    other = "sharing=hard,branched" if "name" in case else "mitigation=none,deep"
    assert len(both_ways(f"model=mlp,wide {other}", monkeypatch, folder)) == 4


def test_a_choice_that_a_choice_hides_is_not_lost(tmp_path, monkeypatch):
    # The first job's preset beats the experiment; in the job without it, the experiment decides.
    folder = folder_with(
        tmp_path,
        experiment__own=GLOBAL + "defaults:\n  - override /weighting: dwa\n",
        experiment__plain=GLOBAL + "{}\n",
    )
    jobs = both_ways("mitigation=pcgrad,none experiment=plain,own", monkeypatch, folder)
    names = [job["weighting"]["_target_"].rpartition(".")[2] for job in jobs]
    assert names[0] == "PCGrad"
    assert names[2:] == ["Equal", "DWA"]


def test_where_hydra_disagrees_all_is_left_to_it(monkeypatch, composed):
    monkeypatch.setattr(factored, "changed", lambda tree, changes: {**tree, "study": "wrong"})
    jobs = jobs_of(["model.width=1,2,3"])
    assert [(job["study"], job["model"]["width"]) for job in jobs] == [("main", w) for w in (1, 2, 3)]
    assert len(composed) > 3


def test_options_that_fail_alone_are_told():
    with pytest.raises(ConfigError, match=r"model.depht"):
        jobs_of(["model=mlp,linear", "model.depht=2,3"])
