from __future__ import annotations

import json

import pytest
from support.synthetic_study import SyntheticStudy

from mtlrun.report.analysis.summary import Summary, summarise
from mtlrun.report.formats.registry import render
from mtlrun.report.text.made_with import made_with, mixed_sentence

VALUES = {"a": [0.9, 0.8, 0.85], "b": [0.7, 0.6, 0.65]}


def study(changed: str = "", version: str = "2.13.0", device: str = "cpu") -> Summary:
    """Return a study of two tasks and three seeds, of which those with `changed` in their id differ."""
    built = SyntheticStudy()
    built.add(VALUES, {task: [v - 0.01 for v in values] for task, values in VALUES.items()})
    runs = built.runs()
    other = runs["run_id"].str.contains(changed, regex=False) if changed else runs["run_id"] == ""
    torch = ["1.0" if one else version for one in other]
    runs["versions"] = [{"mtlrun": "0.1.0", "torch": one} for one in torch]
    runs["device"] = ["gpu" if one and device != "cpu" else "cpu" for one in other]
    return summarise(built.manifest(), runs, built.curves())


def test_runs_that_were_trained_alike_need_no_word() -> None:
    summary = study()
    assert mixed_sentence(summary) == ""
    assert made_with(summary.machines) == {
        "mtlrun": {"0.1.0": 9},
        "torch": {"2.13.0": 9},
        "device": {"cpu": 9},
    }


def test_baselines_of_another_version_are_counted() -> None:
    summary = study("/a/")
    told = "Not all runs were trained alike: torch 2.13.0 (6 runs), 1.0 (3 runs); "
    assert mixed_sentence(summary) == f"{told}in 1 of 2 rows STL and MTL of a seed differ in that."


def test_seeds_that_differ_while_their_sides_agree_are_told_apart() -> None:
    summary = study("/2", device="gpu")
    assert mixed_sentence(summary) == (
        "Not all runs were trained alike: torch 2.13.0 (6 runs), 1.0 (3 runs); device cpu (6 runs), gpu (3 runs); "
        "STL and MTL of each seed agree in that."
    )


@pytest.mark.parametrize("name", ["terminal", "md", "html", "json"])
def test_reports_say_it(name: str) -> None:
    text = str(render(study("/a/"), name))
    assert "Not all runs were trained alike" in " ".join(text.split())
    if name == "json":
        assert json.loads(text)["made_with"]["torch"] == {"2.13.0": 6, "1.0": 3}
