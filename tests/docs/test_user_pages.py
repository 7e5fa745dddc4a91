"""The pages for users: their commands run, in the order of the page, and their words are those of the report."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path

import pytest
from support.commands import mtlrun

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("start", "verdicts", "seeds_and_test_sets", "studies")
SHORT = ("budget=steps", "budget.steps=20", "budget.evaluations=2", "launch.processes=1")
TRAINING = ("run", "plan")


def text(page: str) -> str:
    return (DOCS / f"{page}.md").read_text(encoding="utf-8")


def blocks(page: str) -> list[tuple[str, str]]:
    """Return the code of a page, in order: its language and text."""
    return re.findall(r"^```(sh|python)\n(.*?)^```$", text(page), re.M | re.S)


def run_line(line: str) -> None:
    program, command, *arguments = shlex.split(line)
    assert program == "mtlrun"
    short = [o for o in SHORT if command in TRAINING and o not in arguments]
    width = ["model.width=8"] if short and not any(a.startswith("model.width") for a in arguments) else []
    done = mtlrun(command, *arguments, *short, *width)
    assert done.code == 0, f"{line}\n{done.err}"


@pytest.mark.sample(2)
@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    found = blocks(page)
    assert found
    for language, code in found:
        if language == "sh":
            for line in code.splitlines():
                run_line(line)
        else:
            exec(compile(code.replace("mtlrun.run(", "mtlrun.plan("), page, "exec"), {})
    for name in re.findall(r"-o ([\w.]+)", "".join(code for language, code in found if language == "sh")):
        assert (tmp_path / name).stat().st_size > 0, name


def test_every_verdict_and_word_is_told():
    page = text("verdicts")
    told = {
        word for cell in re.findall(r"^\| (.*?) \|", page, re.M) for word in re.findall(r"`([^`]+)`", cell)
    }
    assert {"negative", "positive", "neutral", "inconclusive", "negative*", "positive*", "†"} <= told
    assert {"repairs", "partly", "better", "no effect", "worse", "inconclusive"} <= told


def test_names_of_the_api_page_exist():
    names = re.findall(r"^::: (\S+)$", text("api"), re.M)
    assert {"mtlrun.run", "mtlrun.plan", "mtlrun.load", "mtlrun.Results", "mtlrun.ArraySuite"} <= {*names}
    for name in [*names, *re.findall(r"^ +heading: (\S+)$", text("api"), re.M)]:
        module, _, attribute = name.rpartition(".")
        assert getattr(importlib.import_module(module), attribute).__doc__, name
