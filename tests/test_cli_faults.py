"""Bad input: exit code 2, one message with every fault, no traceback, nothing trained, nothing lost."""

from __future__ import annotations

import shutil

import pytest
import torch
from support.commands import Result, mtlrun, segments, tiny


def is_refused(result: Result, *told: str) -> None:
    """Assert that a command was refused by one message that holds these texts."""
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("mtlrun: ")
    assert result.err.count("mtlrun: ") == 1
    assert "Traceback" not in result.err
    for text in told:
        assert text in result.err


FAULTS = {
    "unknown option": ("weighting=pcgrd", "did you mean pcgrad or"),
    "unknown option in a sweep": ("mitigation=none,pcgrd,l1", "`mitigation`", "did you mean pcgrad or"),
    "a list of options": ("weighting=[equal,pcgrad]", "`weighting` takes one option", "as a,b"),
    "unknown group": ("wieghting=pcgrad", "did you mean weighting"),
    "unknown key": ("model.widht=32", "`model.widht`", "did you mean model.width"),
    "unknown new key": ("+model.widht=32", "`model.widht`", "did you mean width?"),
    "unknown plain key": ("sedes=3", "did you mean seeds"),
    "option that is no name": (
        "model=3",
        "`model` must be one of its options, or of a folder named by --config-dir, found '3'",
    ),
    "option left out": ("suite=null", "`suite` must be one of its options"),
    "group taken away": ("~weighting", "`weighting` must be an option of this group"),
    "wrong type": ("model.width=wide", "`model.width` must be a whole number, found 'wide'"),
    "no value": ("model.width=", "`model.width` must be a whole number, found ''"),
    "out of range": ("optimizer.lr=-0.1", "`optimizer.lr` must be above 0, found -0.1"),
    "not finite": ("optimizer.lr=nan", "`optimizer.lr` must be a finite number"),
    "no seeds": ("seeds=0", "`seeds` must be at least 1, found 0"),
    "a seed twice": ("seeds=[3,3]", "`seeds` must list whole numbers from 0, each once"),
    "half a seed": ("seeds=2.5", "`seeds` must be a number of seeds or a list of them, found 2.5"),
    "very many splits": (
        "suite.splits=1000000000 seeds=2",
        "1,000,000 runs at most, and this asks for 1,000,000,000 splits with 2 seeds each",
    ),
    "very many layers": ("model.depth=1000000000", "`model.depth` must be at most 1,000, found 1000000000"),
    "very many layers of a head": ("heads=mlp heads.depth=2000", "`heads.depth` must be at most 1,000"),
    "no layers of a head": ("heads=mlp heads.depth=0", "`heads.depth` must be at least 1 (heads=linear"),
    "very many experts": ("sharing=mmoe sharing.experts=2000", "`sharing.experts` must be at most 1,000"),
    "very many phases": (
        "schedule=gradual_unfreeze schedule.stages=2000",
        "`schedule.stages` must be at most 1,000",
    ),
    "very many settings to try": (
        "tune.optimizer.lr=range(0,1e9)",
        "`tune.optimizer.lr` must ask for no more than 1,000,000 values",
    ),
    "names in place of a mapping": (
        "suite=table suite.path=a.csv suite.targets=[a,b]",
        "or null, as {a: a, b: b}, found ['a', 'b']",
    ),
    "large batch": ("budget.batch_size=898", "`budget.batch_size` must be at most the 897 training rows"),
    "too large a grid": (
        "weighting=static weighting.grid=2000",
        "`weighting.grid` must be at most 1000 with 2",
    ),
    "weights twice": (
        "weighting=static weighting.grid=3 weighting.weights=[1,1]",
        "`weighting.weights` cannot be set together with `weighting.grid`",
    ),
    "a task twice": ("suite.tasks=[digit,digit]", "`suite.tasks` must name each task once, found 'digit'"),
    "unknown task": ("suite.tasks=[digt]", "did you mean digit?"),
    "parts that do not fit": ("heads=shared", "`heads`", "same kind and outputs"),
    "study name": ("study=../escape", "`study` must begin with a letter or digit"),
    "swept statistics": ("statistics.margin=1,2", "`statistics` must be the same in all cells"),
    "swept seeds": ("seeds=2,3", "`seeds` must be the same in all cells"),
    "empty range": ("model.width=range(8,8)", "a glob or a range in them is empty"),
    "empty glob": ("weighting=glob(zz*)", "a glob or a range in them is empty"),
    "unknown device": ("device=gpu", "`device` must be one of auto, cpu, cuda (the GPU), found 'gpu'"),
    "a key that the first option lacks": (
        "weighting=equal,dwa weighting.tau=1,2",
        "bad config: `weighting.tau` is no setting of weighting=equal",
    ),
    "a key that another option lacks": (
        "weighting=dwa,equal weighting.tau=1,2",
        "bad config: `weighting.tau` is no setting of weighting=equal",
    ),
    "a key of an option mistyped": (
        "weighting=dwa weighting.tua=1",
        "`weighting.tua` is no setting of weighting=dwa",
        "did you mean weighting.tau?",
    ),
    "spaces without quotes": (
        "suite.label_noise={digit: 0.1, parity: 0.2} budget.steps=x",
        "2 faults",
        "override `suite.label_noise={digit:` contains an unquoted space: put quotes",
        "`budget.steps` must be",
    ),
    "a list for a mapping": (
        "suite=table suite.targets=[a,b]",
        "`suite.targets` must be a mapping {name: value} (each value text",
    ),
    "unknown key to tune": ("tune.optimizer.lrr=[0.1,0.2]", "did you mean optimizer.lr or"),
    "unknown launcher": ("hydra/launcher=nope", "`hydra/launcher`", "mtlrun_cohorts"),
    "unknown key of Hydra": ("hydra.nope=1", "hydra.nope"),
    "interpolation": ("model.width=${nope}", "'nope' not found"),
    "grammar": ("model.width=[1,", "override `model.width=[1,` is not understood"),
    "no override": ("nonsense", "override `nonsense` is not understood"),
    "no key": ("=3", "override `=3` names no key"),
    "a sweep that no grid can make": ("model.width=interval(1,3)", "does not support sweep type"),
}


@pytest.mark.sample(6)
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_and_nothing_is_made(name, tmp_path):
    override, *told = FAULTS[name]
    store = tmp_path / "store"
    is_refused(
        mtlrun("run", *override.split(), *(() if "seeds" in override else ("seeds=3",)), f"store={store}"),
        *told,
    )
    assert not store.exists()


def test_a_fault_is_told_by_plan_as_by_run(tmp_path):
    messages = {
        mtlrun(name, "weighting=pcgrd", f"store={tmp_path / 's'}").err for name in ("run", "plan", "sweep")
    }
    assert len(messages) == 1


def test_all_faults_are_told_together(tmp_path):
    result = mtlrun(
        "sweep",
        f"store={tmp_path / 'store'}",
        "weighting=pcgrd,equal",
        "model.widht=3",
        "optimizer.lr=fast",
        "seeds=0",
        "suite.tasks=[digit,digit]",
        "budget.steps=[1",
    )
    is_refused(result, "bad config, 6 faults:\n")
    lines = [line for line in result.err.splitlines() if line.startswith("  - ")]
    assert len(lines) == 6
    for key in ("weighting", "model.widht", "optimizer.lr", "seeds", "suite.tasks", "budget.steps"):
        assert sum(key in line.partition("found")[0] for line in lines) == 1


def test_faults_of_all_cells_are_told_once(tmp_path):
    result = mtlrun("sweep", f"store={tmp_path}", "model.width=0,-1", "weighting=equal,pcgrad")
    is_refused(result, "2 faults", "found 0", "found -1")


def test_there_is_no_cuda_on_this_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    is_refused(mtlrun("run", "device=cuda", f"store={tmp_path / 's'}"), "`device` is cuda", "auto, cpu")
    assert not (tmp_path / "s").exists()


def test_a_store_must_be_a_folder_of_its_own(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    is_refused(mtlrun("run", *tiny(file)), str(file), "must be a folder")
    is_refused(mtlrun("run", *tiny(file / "below")), str(file), "must be a folder")
    is_refused(mtlrun("run", *tiny(tmp_path)), "is not a store", "choose another `store`")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    assert file.read_text() == "mine"


def test_a_damaged_segment_is_named_and_all_else_is_kept(trained, tmp_path):
    store = tmp_path / "store"
    shutil.copytree(trained.store, store)
    damaged = min(store.glob("*.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:100])
    before = segments(store)
    moved = [o if not o.startswith("store=") else f"store={store}" for o in trained.overrides]
    for command in (["run", *moved], ["plan", *moved], ["report", str(store)]):
        is_refused(mtlrun(*command), str(damaged), "Move this file out of the store")
    assert segments(store) == before
    damaged.unlink()
    again = mtlrun("run", *moved)  # as the message says
    assert (again.code, again.out) == (0, trained.result.out)
    assert "training 3 runs, reusing 9" in again.err


def test_reports_of_nothing(trained, tmp_path):
    is_refused(mtlrun("report", str(tmp_path)), "holds no study yet", "mtlrun sweep")
    is_refused(mtlrun("report", str(tmp_path / "none")), "does not exist", "mtlrun sweep")
    is_refused(mtlrun("report", str(trained.store), "--study", "mian"), "did you mean main?")
    is_refused(mtlrun("lock", str(tmp_path), "-o", str(tmp_path / "lock")), "holds no study yet")
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_a_study_in_place_of_a_store_is_told_so(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained.store, tmp_path / "runs")
    for command in (["report"], ["lock", "-o", "lock"]):
        is_refused(mtlrun(*command, "main"), "is a study of the store `runs`: use `--study main`")
        is_refused(mtlrun(*command, "mine"), "store `mine` does not exist")
    assert mtlrun("report", "--study", "main").out == mtlrun("report", str(trained.store)).out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--format", "jsn"], "did you mean json?"),
        (["--filter", "task"], "COLUMN=VALUE"),
        (["--filter", "task=digt"], "did you mean digit?"),
        (["--filter", "taks=digit"], "did you mean task?"),
        (["--level", "runs", "--format", "svg"], "`--level`"),
    ],
)
def test_bad_reports(arguments, told, trained):
    is_refused(mtlrun("report", str(trained.store), *arguments), told)


def test_a_report_that_cannot_be_written(trained, tmp_path):
    (tmp_path / "file").touch()
    is_refused(
        mtlrun("report", str(trained.store), "-o", str(tmp_path / "file" / "x.md")), "cannot be written"
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nonsense"], "nonsense"),
        (["report", "--leven", "runs"], "--leven"),
        (["report", "runs", "seeds=3"], "rows are chosen by --filter seeds=3"),
        (["report", "runs", "width=16", "task=a"], "rows are chosen by --filter width=16 --filter task=a"),
        (["--config-dir", "mine", "plan"], "options stand behind a command, found --config-dir"),
        (["run", "--frmat", "json"], "--frmat"),
        (["lock"], "--output"),
        (["check", "lock.json", "--margin", "wide"], "--margin"),
        (["show"], "GROUP=OPTION"),
        (["runn"], "did you mean run? (choices: run, sweep"),
        (
            ["_complet"],
            "(choices: run, sweep, plan, status, cancel, report, export, predict, lock, check, compact, doctor, "
            "list, show, completion)",
        ),
        (["run", "seeds=3", "--seeds", "3"], "settings have no dashes, as seeds=3"),
        (["show", "weighting"], "`weighting` must name an option, as weighting="),
        (["show", "wieghting"], "did you mean weighting"),
        (["show", "weighting=pcgrd"], "did you mean pcgrad or"),
        (["show", "wieghting=pcgrad"], "did you mean weighting"),
        (["list", "wieghting"], "did you mean weighting"),
        (["run", "--config-dir", "/nowhere"], "`--config-dir` must be a folder"),
    ],
)
def test_bad_arguments(arguments, told):
    is_refused(mtlrun(*arguments), told)


@pytest.mark.parametrize(
    "command",
    [
        ["report", "{file}"],
        ["report", "{file}", "--study", "x"],
        ["report", "{file}/deeper"],
        ["lock", "{file}", "-o", "lock.json"],
        ["predict", "0123", "x.csv", "--store", "{file}"],
        ["plan", "store={file}"],
    ],
)
def test_a_file_in_place_of_a_store_is_told_so(command, tmp_path):
    (tmp_path / "a250.csv").write_text("a,b\n")
    found = mtlrun(*(word.format(file=tmp_path / "a250.csv") for word in command))
    is_refused(found, f"`{tmp_path / 'a250.csv'}` must be a folder, and is a file")
    assert "Errno" not in found.err
