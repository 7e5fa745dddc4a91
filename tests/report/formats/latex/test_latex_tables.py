"""LaTeX tables: what they say, and in slow tests that they compile without overfull boxes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from support.hostile import hostile_study
from support.synthetic_study import SyntheticStudy, realistic

from mtlrun.errors import ConfigError
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.formats.latex.tables import HEAD, to_latex

CLASSES = {
    "article": r"\documentclass{article}",
    "article, two columns": r"\documentclass[twocolumn]{article}",
    "IEEEtran": r"\documentclass{IEEEtran}",
}


def sweep() -> SyntheticStudy:
    """A sweep whose table is longer than a page, with wide numbers."""
    rng = np.random.default_rng(0)
    study = SyntheticStudy("sweep")
    for width in (8, 16, 32, 64):
        for noise in (0.0, 0.1, 0.2):
            for scheme in ("hard", "soft", "branched"):
                for mitigation in ("none", "pcgrad", "separate_heads"):
                    stl = {task: rng.normal(0.02, 0.001, 4) for task in ("first_task", "second_task")}
                    mtl = {task: values * rng.uniform(0.5, 40) for task, values in stl.items()}
                    hyper = {"model.width": width, "suite.label_noise": noise}
                    labels = {"sharing": scheme, "mitigation": mitigation}
                    study.add(stl, mtl, metric="rmse", direction="lower", hyper=hyper, **labels)
    return study


STUDIES = {
    "realistic": realistic(6, ("hard", "branched")),
    "sweep": sweep(),
    "hostile": hostile_study(),
}


@pytest.fixture(scope="module")
def summary() -> Summary:
    return realistic(6).summary()


def body(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("{}")]


def test_each_suite_has_a_float_with_caption_label_and_rules(summary: Summary) -> None:
    text = to_latex(summary)
    assert text.startswith(HEAD)
    assert text.count(r"\begin{table*}") == text.count(r"\end{table*}") == 2
    assert r"\label{tab:quickstart}" in text
    assert r"\label{tab:quickstart-digits_attributes-even+prime}" in text
    for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
        assert text.count(rule) == 2
    captions = re.findall(r"\\caption\{(.*)\}", text)
    assert (
        captions[0]
        == r"Transfer gains of quickstart, digits\_permuted: accuracy, higher is better; sharing hard."
    )


def test_the_legend_is_a_note_below_the_first_table(summary: Summary) -> None:
    text = to_latex(summary)
    assert text.count("adjusted by Holm") == 1
    assert text.index("adjusted by Holm") > text.index(r"\end{tabular}")
    assert r"Notes as in Table~\ref{tab:quickstart}." in text


def test_minus_signs_are_true(summary: Summary) -> None:
    text = to_latex(summary)
    assert "$-$" in text
    assert not re.search(r"(?<![\w$])-\d", text)


def test_the_best_mean_of_each_task_is_bold(summary: Summary) -> None:
    lines = body(to_latex(summary, columns=["task", "mitigation", "MTL"]))
    bold = [line for line in lines if r"\textbf" in line]
    best = summary.rows.loc[summary.rows.groupby(["suite", "task"], sort=False)["mtl_mean"].idxmax()]
    names = [name.replace("_", r"\_") for name in best["mitigation"]]
    assert len(bold) >= len(names) == 4
    assert all(any(f" {name} &" in line for line in bold) for name in names)


def test_lower_is_better_where_the_metric_says_so() -> None:
    study = SyntheticStudy()
    stl = {"a": [1.0, 1.1, 1.2]}
    study.add(stl, {"a": [0.5, 0.6, 0.7]}, metric="rmse", direction="lower", mitigation="none")
    study.add(stl, {"a": [2.5, 2.6, 2.7]}, metric="rmse", direction="lower", mitigation="pcgrad")
    (bold,) = [line for line in body(to_latex(study.summary())) if r"\textbf" in line]
    assert "none" in bold


def test_a_long_table_goes_on_in_further_floats() -> None:
    text = to_latex(STUDIES["sweep"].summary())
    floats = text.count(r"\begin{table*}")
    assert floats >= 7
    assert text.count(r"\label{") == 1
    assert text.count(r"\addtocounter{table}{-1}") == floats - 1
    assert text.count("continued") == floats - 1
    tasks = [line for line in body(text) if "task" in line.split("&")[0] and "mitigation" not in line]
    assert (
        len(tasks) == floats + 1
    )  # each float begins with the name of its group; the second one begins within


def test_large_gains_have_no_decimals() -> None:
    study = SyntheticStudy()
    study.add({"a": [1.0, 1.1, 1.2]}, {"a": [9.0, 9.2, 9.1]}, metric="rmse", direction="lower")
    (line,) = body(to_latex(study.summary()))[1:]
    assert re.search(r"\$-\$\d{3} \[\$-\$\d{3}, \$-\$\d{3}\]", line)


def test_columns_are_chosen(summary: Summary) -> None:
    lines = body(to_latex(summary, columns=["mitigation", "gain", "n_seeds", "sharing"]))
    assert lines[0] == r"{}mitigation & gain \% [95 \%] & n\_seeds & sharing \\"
    assert lines[1].endswith(r"& 6 & hard \\")
    lines = body(to_latex(summary, "runs", ["task", "seed", "d"]))
    assert lines[0] == r"{}task & seed & d \\"


@pytest.mark.parametrize("level", ["rows", "runs"])
def test_an_unknown_column_is_refused(summary: Summary, level: str) -> None:
    with pytest.raises(ConfigError, match="`--columns` must name columns of the table, found 'mitigatoin'"):
        to_latex(summary, level, ["mitigatoin"])


def test_names_are_set_as_they_are() -> None:
    text = to_latex(hostile_study().summary())
    assert "<" not in text.replace("$<$", "")
    assert r"\%\{x\} \{\{ 7*7 \}\}" in text


def compiled(folder: Path, head: str, tables: str) -> tuple[str, int]:
    """Compile a document of text and tables; return its log and the number of its pages."""
    if shutil.which("pdflatex") is None:
        told = "needs pdflatex (apt-get install texlive-latex-extra texlive-publishers texlive-fonts-recommended)"
        if os.environ.get("MTLRUN_TEST_LATEX") == "1":
            pytest.fail(told)
        pytest.skip(told)
    text = "Some words before the tables. " * 60
    packages = r"\usepackage{booktabs,array,amssymb}"
    lines = (head, packages, r"\begin{document}", r"\raggedright", text, tables, text, r"\end{document}")
    (folder / "paper.tex").write_text("\n".join(lines), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
    log = (folder / "paper.log").read_text("latin-1")
    assert done.returncode == 0, log[-3000:]
    return log, int(re.search(r"Output written on .*?\((\d+) page", log.replace("\n", ""))[1])  # type: ignore[index]


def faults(log: str) -> list[str]:
    return re.findall(r"^(?:Overfull|LaTeX Warning: Float too large|Missing character).*", log, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("head", CLASSES.values(), ids=CLASSES)
@pytest.mark.parametrize("name", STUDIES)
def test_it_compiles_without_overfull_boxes(tmp_path: Path, name: str, head: str) -> None:
    log, pages = compiled(tmp_path, head, to_latex(STUDIES[name].summary()))
    assert faults(log) == []
    assert pages >= 2


@pytest.mark.slow
@pytest.mark.parametrize("level", ["runs", "contrasts", "suites", "cost", "variance"])
@pytest.mark.parametrize("name", ["realistic", "hostile"])
def test_other_levels_compile_too(tmp_path: Path, name: str, level: str) -> None:
    log, _ = compiled(tmp_path, CLASSES["article"], to_latex(STUDIES[name].summary(), level))
    assert faults(log) == []
