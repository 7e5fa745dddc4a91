"""Names that would steer a terminal, driven through every table and format."""

from __future__ import annotations

import io
import json
import re
import xml.etree.ElementTree as ElementTree
from itertools import product

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.synthetic_study import SyntheticStudy

from mtlrun.errors import ConfigError
from mtlrun.report.analysis.summary import Summary, summarise
from mtlrun.report.formats.registry import FORMATS, render
from mtlrun.report.levels import LEVELS

STEERING = "\x1b[2J\x9b\u202ef\x00\ufffe\rz"
SHOWN = r"\x1b[2J\x9b\u202ef\x00\ufffe\rz"
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]"
)
TEXT = [name for name in FORMATS if name not in ("png", "pdf", "parquet")]


@pytest.fixture(scope="module")
def summary() -> Summary:
    """Return a study whose every name steers, with most tables filled."""
    rng = np.random.default_rng(0)
    study = SyntheticStudy(STEERING)
    tasks = (f"task {STEERING}", "other")
    phase = {"begin": 0, "end": 100, "tasks": dict.fromkeys(tasks, 100), "freeze_shared": False}
    phase |= {"lr_factor": 1.0, "open": None, "branches": [], "merge_every": None}
    for suite, mitigation, width in product(("one", "two"), ("none", STEERING), (8, 16)):
        stl = {task: rng.normal(0.9, 0.01, 4) for task in tasks}
        mtl = {task: values - 0.02 for task, values in stl.items()}
        hyper = {f"model.{STEERING}": width}
        study.add(stl, mtl, suite=f"{suite} {STEERING}", mitigation=mitigation, hyper=hyper)
        study.cells[-1]["phases"] = [phase]
    told = {"steps": [50, 100], "weights": [[1.0, 1.0]] * 2, "gradient_cosines": [-0.5, -0.25]}
    runs = study.runs().assign(device=STEERING)
    runs["diagnostics"] = [told if "task" not in run_id.split("/")[-2] else {} for run_id in runs["run_id"]]
    return summarise({**study.manifest(), "command": [f"study={STEERING}"]}, runs, study.curves())


def rendered(summary: Summary, name: str, level: str) -> str | bytes | None:
    try:
        return render(summary, name, level)
    except ConfigError:
        return None


def test_most_tables_are_filled(summary: Summary) -> None:
    filled = {level for level in LEVELS if rendered(summary, "terminal", level) is not None}
    assert filled >= {
        "rows",
        "runs",
        "curves",
        "gain_over",
        "contrasts",
        "suites",
        "aggregates",
        "diagnostics",
    }
    assert filled >= {"cost", "phases", "variance"}


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", TEXT)
def test_no_format_of_any_table_steers(summary: Summary, name: str) -> None:
    for level in FORMATS[name].levels:
        content = rendered(summary, name, level)
        if content is None:
            continue
        text = content.decode() if isinstance(content, bytes) else content
        text.encode()  # no half characters
        if name == "html":  # plotly's own script has such characters
            text = re.sub(r"(?s)<script>.*?</script>", "", text)
        assert UNSAFE.search(text) is None, (name, level)
        if name in ("terminal", "csv") and level == "rows":
            assert SHOWN in text.replace("\n", "")


def test_scripts_of_a_page_have_only_escapes(summary: Summary) -> None:
    page = str(render(summary, "html"))
    data = re.findall(r'(?s)<script type="application/json"[^>]*>(.*?)</script>', page)
    assert data and not any(UNSAFE.search(text) for text in data)


@pytest.mark.sample(2)
@pytest.mark.parametrize("level", FORMATS["svg"].levels)
def test_pictures_are_well_formed(summary: Summary, level: str) -> None:
    content = rendered(summary, "svg", level)
    if content is not None:
        assert isinstance(content, bytes)
        assert ElementTree.fromstring(content).tag.endswith("svg")


def test_programs_get_names_as_they_are(summary: Summary) -> None:
    text = str(render(summary, "json"))
    assert UNSAFE.search(text) is None
    page = json.loads(text)
    assert page["study"] == STEERING
    assert page["rows"][0]["task"] == f"task {STEERING}"
    content = render(summary, "parquet")
    assert isinstance(content, bytes)
    assert pq.read_table(io.BytesIO(content))["task"][0].as_py() == f"task {STEERING}"
