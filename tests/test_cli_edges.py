"""The command line at its edges: too much, signs that need quotes, outputs that fail, stores named in two ways."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import mtlrun
from test_cli_faults import is_refused

TOO_MUCH = {
    "seeds by a range": ("seeds=range(0,1e9)", "`seeds` must ask for no more than 1,000,000 values"),
    "a range": ("optimizer.lr=range(0,1e9)", "`optimizer.lr` must ask for no more", "found 'range(0,1e9)'"),
    "a range without end": ("optimizer.lr=range(0,inf)", "`optimizer.lr` must ask for no more"),
    "a range shuffled": (
        "optimizer.lr=shuffle(range(0,1e9)) wieghting=x",
        "2 faults",
        "`optimizer.lr` must ask",
    ),
    "a range without step": ("optimizer.lr=range(0,1,0)", "`optimizer.lr` must have a step other than 0"),
    "a product": (
        "optimizer.lr=range(0,1000) model.width=range(1,1002)",
        "1,000,000 runs at most, and this asks for 1,001,000 jobs with 10 seeds each",
    ),
    "of a sweeper": ("++hydra.sweeper.params={model.width:'range(0,1e9)'}", "`model.width` must ask"),
    "seeds": ("seeds=1000000000", "`seeds` must ask for no more than 1,000,000 seeds, found 1000000000"),
    "jobs by seeds": ("seeds=600000 model.width=8,16", "2 jobs with 600,000 seeds each"),
    "trials": ("tune.optimizer.lr=[0.1,0.2] tune.trials=1000000000", "`tune.trials` must ask"),
    "tuning seeds": ("tune.optimizer.lr=[0.1,0.2] tune.seeds=1000000000", "`tune.seeds` must ask"),
    "trials by seeds": (
        "tune.optimizer.lr=[0.1,0.2] tune.trials=1000 tune.seeds=2000",
        "1,000 trials with 2,000 seeds each",
    ),
    "seeds that are added": ("stop.until=conclusive stop.max=1000000000", "`stop.max` must ask"),
    "a front": ("frontier=1000000000", "`frontier` must be at most 1000 with 2 tasks"),
    "epochs": ("budget.epochs=1e308", "`budget.epochs` must be at most 1,000,000,000,000"),
    "epochs of many steps": ("budget.epochs=1e12", "must come to at most 1,000,000,000,000 steps"),
    "steps": ("budget.steps=10000000000000", "`budget.steps` must be from 1 to 1,000,000,000,000"),
    "a huge number": ("budget.steps=100000000000000000000", "whole numbers must have no more than 64 bits"),
    "a network": (
        "model.width=100000000000000",
        "`model.width` is too large: a network of this size cannot be built",
    ),
    "processes": ("launch.processes=1000000000000", "`launch.processes` must be at most 4,096"),
    "a group at a package": ("suite@foo=glob(*)", "bad config: `suite@foo` is no key or group here"),
    "no parameters": ("hydra.sweeper.params=linear", "`hydra.sweeper.params` must be a mapping"),
    "parameters within others": (
        "+hydra.sweeper.params.model.width='8,16'",
        "must have one text with dots as the key of each value, found 'model'",
    ),
    "no batch size": ("hydra.sweeper.max_batch_size=x", "`hydra.sweeper.max_batch_size` must be null or"),
    "a batch of none": ("hydra.sweeper.max_batch_size=-1", "`hydra.sweeper.max_batch_size` must be null or"),
    "a sweeper that is no group": ("hydra.sweeper=basic", "its option is chosen by hydra/sweeper"),
}


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_is_too_much_is_told_before_it_is_written_out(name, tmp_path):
    overrides, *told = TOO_MUCH[name]
    is_refused(mtlrun("plan", *overrides.split(), f"store={tmp_path / 's'}"), *told)


QUOTED = {
    "an equals sign": ("store=/data/d=1/x", """write 'store="/data/d=1/x"'"""),
    "another alphabet": ("store=größe", """write 'store="größe"'"""),
    "a number sign": (
        "suite=table suite.path=x.csv suite.group=subject#",
        """write 'suite.group="subject#"'""",
    ),
    "within a mapping": (
        "suite=table suite.path=x.csv suite.targets={a:y#}",
        "inside, put quotes around text",
    ),
}


@pytest.mark.parametrize("name", QUOTED)
def test_signs_that_need_quotes_are_told_with_how_to_write_them(name):
    overrides, told = QUOTED[name]
    result = mtlrun("plan", *overrides.split())
    assert result.code == 2
    assert told in result.err
    assert "Lexer" not in result.err
    assert "suite.targets` must" not in result.err or "suite.targets" not in overrides


def test_what_could_not_be_read_is_not_missing_too():
    is_refused(
        mtlrun("plan", "suite=table", "suite.path=/data/d=1/x.csv", "suite.targets={a: b}"),
        "config: override",
    )


def test_written_as_told_it_is_understood(tmp_path):
    folder = tmp_path / "d=1 é#"
    assert mtlrun("plan", f'store="{folder}"').code == 0


NEAR = {
    ("show", "pcgrad"): "did you mean `mitigation=pcgrad` or `weighting=pcgrad`?",
    ("show", "pcgrd"): "did you mean `mitigation=pcgrad` or `weighting=pcgrad`?",
    ("show", "lr"): "did you mean `optimizer.lr` or `weighting.lr`?",
    ("show", "weighting.tau"): "`weighting.tau` is a setting of weighting=dwa, and no config group",
    ("list", "pcgrad"): "`weighting=pcgrad`",
    ("list", "weigting"): "did you mean weighting?",
    ("plan", "lr=0.01"): "`lr` is no key or group here; did you mean `optimizer.lr`",
    ("plan", "optimzer.lr=0.01"): "did you mean `optimizer.lr`",
    ("plan", "wdth=3"): "did you mean `model.width`",
    ("plan", "pcgrad=1"): "`weighting=pcgrad`",
    ("plan", "pcgrad"): "must be KEY=VALUE; did you mean `mitigation=pcgrad` or `weighting=pcgrad`?",
    ("plan", "sedes=3"): "did you mean seeds",
}


@pytest.mark.sample(2)
@pytest.mark.parametrize("command", NEAR, ids=" ".join)
def test_what_was_meant_is_named(command):
    is_refused(mtlrun(*command), NEAR[command])


def test_store_and_study_are_understood_by_every_command_that_reads(trained, tmp_path):
    store, lock = f"store={trained.store}", str(tmp_path / "lock.json")
    table = mtlrun("report", str(trained.store), "--study", "main")
    assert mtlrun("report", store, "study=main") == table
    assert mtlrun("report", str(trained.store), store, "study=main", "--study", "main") == table
    assert mtlrun("lock", store, "study=main", "-o", lock).code == 0
    assert mtlrun("check", lock, store, "study=main").code == 0
    assert mtlrun("check", store, lock).code == 0
    told = f"no run `abc` with weights in store `{trained.store}`"
    is_refused(mtlrun("predict", "abc", "x.csv", store), told)
    is_refused(mtlrun("export", "abc", store, "-o", str(tmp_path / "m")), told)
    assert mtlrun("list", "weighting", store).code == 0
    is_refused(mtlrun("report", store, "study=other"), "`study` must be a study of the store")
    filtered = mtlrun("report", store, "--filter", "study=main")  # a column, and not the study
    assert filtered.code == 2 and "study" in filtered.err


@pytest.mark.parametrize(
    "words",
    [
        ("report", "a", "store=b"),
        ("check", "lock", "store=a", "--store", "b"),
        ("lock", "store=a", "store=b", "-o", "x"),
    ],
)
def test_two_different_stores_are_one_fault(words):
    is_refused(mtlrun(*words), "`store` is given more than once, and differently: a and b")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", ["list", "show weighting=pcgrad", "--help", "--version", "report STORE"])
def test_standard_output_that_fails_is_one_message(words, unbuffered, trained):
    command = [str(trained.store) if word == "STORE" else word for word in words.split()]
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "mtlrun.cli", *command],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            check=False,
        )
    assert result.returncode == 2
    assert result.stderr == "mtlrun: standard output cannot be written: No space left on device\n"
