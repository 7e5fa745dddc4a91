"""Jobs that are merged from their options are those that Hydra composes: values, types, and the order of keys."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hydra.core.plugins import Plugins
from hydra.types import RunMode

from mtlrun.catalog import groups, options
from mtlrun.compose import jobs_of, merging
from mtlrun.compose.hydra_internals import current_loader, hydra_with
from mtlrun.compose.plain import COMPOSE_ERRORS, plain
from mtlrun.errors import ConfigError

GLOBAL = "# @package _global_\n"
MLP = "_target_: mtlrun.models.mlp.MLP\nwidth: 64\ndepth: 2\n"
TWICE = "mitigation/twice"
OWN = {
    "model/wide": MLP.replace("64", "200"),
    "model/based": "defaults:\n  - wide\n  - _self_\ndepth: 5\n",
    "model/under": "defaults:\n  - _self_\n  - wide\ndepth: 5\n",
    "model/named": "# @package model\n" + MLP.replace("2", "7"),
    "model/whole": GLOBAL + "model:\n  _target_: mtlrun.models.mlp.MLP\n  width: 3\n  depth: 1\n",
    "heads/as_wide": "_target_: mtlrun.heads.mlp.MLPHeads\nwidth: ${model.width}\ndepth: ${.width}\n",
    "mitigation/deep": GLOBAL + "defaults:\n  - override /heads: mlp\nheads:\n  width: ${model.width}\n",
    "mitigation/wide": GLOBAL
    + "defaults:\n  - override /model: wide\nmodel:\n  depth: 4\noptimizer: {lr: 1e-3}\n",
    TWICE: GLOBAL + "defaults:\n  - override /weighting: dwa\n  - override /weighting: mgda\n",
    "mitigation/on_deep": GLOBAL
    + "defaults:\n  - deep\n  - _self_\n  - override /schedule: sequential\nstudy: x\n",
    "experiment/own": GLOBAL
    + "defaults:\n  - override /weighting: dwa\n  - override /hydra/launcher: basic\n",
    "experiment/chosen": GLOBAL
    + "defaults:\n  - override /mitigation: pcgrad\nseeds: [1, 2]\ntune:\n  optimizer:\n"
    "    lr: {low: 1e-4, high: 0.1}\nheads: {width: 9}\n",
    "experiment/off": GLOBAL + "defaults:\n  - override /mitigation: null\nstore: null\n",
}
"""Options of a user's own folder, of every form that the rule allows."""

CHOICES = {
    "suite": ["digits_two", "digits_parity", "linear_teachers", "table"],
    "model": ["mlp", "linear", "convnet", "wide", "based", "under", "named", "whole"],
    "sharing": ["hard", "soft", "cgc"],
    "heads": ["mlp", "linear", "as_wide"],
    "weighting": ["equal", "pcgrad", "static", "torchjd"],
    "schedule": ["joint", "sequential"],
    "regularization": ["none", "l2"],
    "optimizer": ["adam", "sgd"],
    "budget": ["standard", "steps"],
    "statistics": ["paired_t", "bootstrap"],
    "mitigation": [*options("mitigation"), "deep", "wide", "twice", "on_deep"],
    "experiment": ["quickstart", "digits_pairs", "linear_theory", "own", "chosen", "off"],
}
VALUES = [
    *("seeds=3", "seeds=[3,7]", "study=ab", "study='1.0'", "study=null", "study=a${seeds}", "study="),
    *(
        "model.width=8",
        "model.width=8.0",
        "model.width='8'",
        "heads.width=${model.width}",
        "heads.bias=false",
    ),
    *("optimizer.lr=1e-3", "optimizer.lr=inf", "suite.label_noise=0.1", "suite.label_noise=[0.1,2]"),
    *("suite.label_noise={digit:0.3}", "suite.tasks=[a,'b c',null]", "suite.samples=[40,120]"),
    *("++tune.optimizer.lr=[0.1,0.2]", "++tune.optimizer.lr={low:1e-4,high:1,log:true}", "++tune.a.b.c=x"),
    *(
        "study=${model.width}-${heads._target_}",
        "heads.width=${.bias}",
        "study=${..seeds}",
        "store=${nothing}",
    ),
    *(
        "study=${optimizer[lr]}",
        "store=${study}",
        "optimizer.lr=${heads.width}",
        "check=${model}",
        "tune=${..dtype}",
    ),
    *("tune={trials:3}", "check={margin:2}", "check.margin=0", "++check={margin:2,new:{a:[1]}}", "tune=null"),
    *(
        "+extra=1",
        "+weighting.floor=0.01",
        "+check.margin=3",
        "+extra.deep=[1]",
        "+check={margin:2}",
        "+save=best",
    ),
    *("++model.width=9", "controls=[capacity]", "budget.batch_size=full", "dtype=float64", "save=???"),
]
RARE = [
    *("~frontier", "~check.margin", "+sharing=hard", "study=s${hydra.job.num}", "store=${oc.env:HOME}"),
    *("check={margin:{a:1}}", "model.${study}=1", "~suite", "study=\\${x}", "optimizer.lr=int(3.0)"),
]
"""What is left to Hydra, or nearly so."""


def folder_with(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


SWEPT = "'hydra.sweeper' must be configured before the sweep starts"
"""What Hydra 1.4 says of an experiment with a sweep of its own that is swept itself."""


class Both:
    """Composes jobs both ways.

    Attributes:
        composer: ours, in a Hydra that has been started.
        left: the jobs that it left to Hydra.
    """

    def __init__(self) -> None:
        loader = current_loader()
        self.master = loader.load_configuration("config", [], RunMode.MULTIRUN)
        self.composer = merging.Composer(loader, self.master)
        self.composer.jobs([[]])  # the first is composed by Hydra too, as a check
        self.left: list[list[str]] = []
        self.full = self.composer.full

        def noted(overrides: Sequence[str], number: int) -> Any:
            self.left.append(list(overrides))
            return self.full(overrides, number)

        self.composer.full = noted  # type: ignore[method-assign]

    def outcome(self, overrides: Sequence[str]) -> tuple[str, str]:
        """Return a job as it is merged and as Hydra composes it, or what each of them refuses."""
        return _told(lambda: self.composer.jobs([overrides])[0]), _told(
            lambda: plain(self.full(overrides, 0))
        )


def _told(compose: Any) -> str:
    try:
        return repr(compose())  # tells 1 from 1.0 and true, and has keys in order
    except (*COMPOSE_ERRORS, TypeError, ConfigError) as error:
        return f"{type(error).__name__}: {SWEPT if SWEPT in str(error) else ''}"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    Plugins.instance()
    with hydra_with([folder_with(tmp_path_factory.mktemp("own"), OWN)]):
        yield Both()


def sample(draw: random.Random, *, rare: bool) -> list[str]:
    """Return the overrides of one job: some choices, some values, in any order."""
    groups = draw.sample(sorted(CHOICES), draw.randint(0, 5))
    chosen = [f"{group}={draw.choice(CHOICES[group])}" for group in groups]
    chosen += draw.sample(VALUES, draw.randint(0, 3))
    if rare:
        chosen.append(draw.choice(RARE))
    draw.shuffle(chosen)
    return chosen


@pytest.mark.sample(2)
@pytest.mark.parametrize("part", range(2))
def test_merged_jobs_are_those_of_hydra(both, part):
    draw = random.Random(part)
    both.left.clear()
    failed = 0
    for _ in range(20):
        overrides = sample(draw, rare=draw.random() < 0.1)
        merged, whole = both.outcome(overrides)
        assert merged == whole or SWEPT in whole, overrides
        failed += "Error" in whole or "Exception" in whole
    assert failed < 10  # of what is drawn, most composes
    assert len(both.left) - failed < 6  # and is merged


@pytest.mark.slow
def test_many_more_merged_jobs_are_those_of_hydra(both):
    draw = random.Random("many")
    for _ in range(1000):
        overrides = sample(draw, rare=draw.random() < 0.2)
        merged, whole = both.outcome(overrides)
        assert merged == whole or SWEPT in whole, overrides


def every_form() -> list[str]:
    return [name.replace("/", "=") for name in OWN if name != TWICE] + [
        f"experiment={name}" for name in options("experiment")
    ]


def every_option_of_ours() -> list[str]:
    return [f"{group}={option}" for group in groups() for option in options(group)]


@pytest.mark.parametrize("choices", [every_form, pytest.param(every_option_of_ours, marks=pytest.mark.slow)])
def test_no_option_is_left_to_hydra(both, choices):
    both.left.clear()
    for choice in choices():
        merged, whole = both.outcome([choice])
        assert merged == whole or SWEPT in whole
    assert both.left == []


def grid(overrides: str, monkeypatch: pytest.MonkeyPatch, *folders: Path) -> list[dict[str, Any]]:
    """Return the jobs of a command, and see that Hydra composes the same ones whole."""
    whole: list[dict[str, Any]] = []
    jobs = merging.Composer.jobs

    def jobs_and_whole(self: Any, batch: Sequence[Sequence[str]], number: int = 0) -> list[dict[str, Any]]:
        whole.extend(plain(self.full(overrides, number + place)) for place, overrides in enumerate(batch))
        return jobs(self, batch, number)

    with monkeypatch.context() as patch:
        patch.setattr(merging.Composer, "jobs", jobs_and_whole)
        found = jobs_of(overrides.split(), [str(folder) for folder in folders])
    assert list(map(repr, found)) == list(map(repr, whole))
    return found


@pytest.mark.sample(3)
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
        ("experiment=linear_theory suite.noise=0.5 suite.cosine=0,1", 24),
        (
            "hydra.sweeper.cases=[{model:linear,suite.tasks:'[a,b]'},{model.width:9.0}] weighting=equal,pcgrad",
            4,
        ),
        ("weighting=glob(p*) model.width=range(1,4) tune.optimizer.lr=[0.1,0.2]", 3),
        ("+hydra.searchpath=[] weighting=equal,dwa", 2),
    ],
)
def test_jobs_of_a_command_are_those_of_hydra(overrides, count, monkeypatch):
    assert len(grid(overrides, monkeypatch)) == count


def test_options_of_a_folder_in_a_command(tmp_path, monkeypatch):
    folder = folder_with(tmp_path, OWN)
    assert len(grid("model=glob([mlp,w*]) mitigation=none,deep,wide", monkeypatch, folder)) == 9


def test_an_explicit_choice_beats_an_experiment_and_that_a_preset(both):
    def weighting(*overrides: str) -> str:
        (job,) = both.composer.jobs([overrides])
        return str(job["weighting"]["_target_"].rpartition(".")[2])

    both.left.clear()
    assert weighting("mitigation=pcgrad", "experiment=own") == "DWA"
    assert weighting("mitigation=pcgrad") == "PCGrad"
    assert weighting("mitigation=none", "experiment=own") == "DWA"
    assert weighting("experiment=own", "weighting=mgda", "mitigation=pcgrad") == "MGDA"
    assert weighting("experiment=chosen") == "PCGrad"
    assert both.left == []


@pytest.fixture
def composed(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """The overrides of every job that Hydra itself composes."""
    seen: list[Sequence[str]] = []
    full = merging.Composer.full

    def noted(self: Any, overrides: Sequence[str], number: int) -> Any:
        seen.append(overrides)
        return full(self, overrides, number)

    monkeypatch.setattr(merging.Composer, "full", noted)
    return seen


def test_hydra_composes_no_job_that_merging_expresses(composed):
    jobs = jobs_of(["weighting=equal,pcgrad,dwa", "sharing=hard,branched", "model.width=range(1,21)"])
    assert len(jobs) == 3 * 2 * 20
    assert composed == []
    assert len({repr(job) for job in jobs}) == len(jobs)


def test_hydra_composes_jobs_that_merging_does_not_express(composed):
    assert len(jobs_of(["weighting=equal,pcgrad", "~experiment"])) == 2
    assert len(composed) == 2


def test_where_hydra_disagrees_all_is_left_to_it(monkeypatch, composed):
    monkeypatch.setattr(merging, "merged", lambda below, above: {**below, **above, "study": "wrong"})
    jobs = jobs_of(["model.width=1,2,3"])
    assert [(job["study"], job["model"]["width"]) for job in jobs] == [("main", w) for w in (1, 2, 3)]
    assert len(composed) == 3


def test_options_that_fail_alone_are_told():
    with pytest.raises(ConfigError, match=r"model.depht"):
        jobs_of(["model=mlp,linear", "model.depht=2,3"])
