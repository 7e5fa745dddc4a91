from __future__ import annotations

import io

import numpy as np
import pytest
from support.synthetic_study import SyntheticStudy, realistic

from mtlrun.report.analysis.summary import Summary, summarise
from mtlrun.report.formats.terminal import Style, to_terminal


@pytest.fixture(scope="module")
def summary() -> Summary:
    return realistic(20).summary()


def lines(summary: Summary, style: Style | None = None) -> list[str]:
    return to_terminal(summary, style=style).splitlines()


def line(found: list[str], *parts: str) -> str:
    return next(text for text in found if all(part in text for part in parts))


@pytest.mark.sample(3)
@pytest.mark.parametrize("width", [80, 100, 140])
@pytest.mark.parametrize("sharing", [("hard",), ("hard", "branched")])
def test_no_line_is_wider_than_asked_nor_broken(width: int, sharing: tuple[str, ...]) -> None:
    found = lines(realistic(6, sharing).summary(), Style(width))
    assert max(len(text) for text in found) <= width
    for name in ("separate_heads", "uncertainty"):
        assert sum(name in text for text in found) >= 2 * 2 * len(sharing)
    assert line(found, "separate_heads", "inconclusive", "[")


def test_wide_shows_spread_and_narrow_leaves_it_out(summary: Summary) -> None:
    assert "0.9381 ±0.0047" in line(lines(summary), "upright", "none")
    narrow = line(lines(summary, Style(80)), "upright", "none")
    assert "±" not in narrow
    assert "0.9381 0.9211 -1.81 [-2.09, -1.53] ▼ negative" in narrow


def test_a_line_tells_gain_interval_p_verdict_and_seeds(summary: Summary) -> None:
    found = line(lines(summary), "upright", "none")
    assert (
        " ".join(found.split())
        == "upright none 0.9381 ±0.0047 0.9211 ±0.0071 -1.81 [-2.09, -1.53] <.001 ▼ negative 20"
    )
    assert "0.375 = neutral" in line(lines(summary), "separate_heads", "-0.22")
    assert "▲ positive*" in line(lines(summary), "uncertainty", "+0.96")


def test_undecided_rows_tell_how_many_more_seeds() -> None:
    summary = realistic(5).summary()
    open_ = summary.rows[summary.rows["verdict"] == "inconclusive"].iloc[0]
    assert f"5 +{open_['seeds_needed']}" in to_terminal(summary)
    assert f"about {summary.rows['seeds_needed'].max()} further seeds would decide them" in to_terminal(
        summary
    )


def test_plain_words(summary: Summary) -> None:
    text = " ".join(to_terminal(summary).split())
    assert "Without mitigation, sharing hurt 2 of 4 tasks, helped 1 and left 1 unchanged." in text
    assert (
        "Of the 2 tasks hurt, separate_heads repairs 2, but makes even worse by 1.6 %; pcgrad repairs 2 in part, but "
        "makes even worse by 0.8 %; uncertainty repairs 1 in part. "
        "Worse than none: sequential on 2, permuted most by 2.3 %."
    ) in text
    assert (
        "Highest mean gain over tasks: separate_heads, -0.2 % [-0.3, -0.0] (none: -0.9 %); "
        "separate_heads repairs all but makes others worse."
    ) in text
    assert "p: no gain, by paired t tests, adjusted by Holm over the suite" in text


def test_contrasts_stand_by_mitigation_and_task(summary: Summary) -> None:
    assert (
        " ".join(line(lines(summary), "separate_heads", "repairs").split())
        == "separate_heads repairs +1.59 repairs +3.25"
    )


def test_ascii_terminals_get_ascii(summary: Summary) -> None:
    to_terminal(summary, style=Style(100, ascii_only=True)).encode("ascii")


def test_colour_only_where_asked(summary: Summary) -> None:
    assert "\x1b[" not in to_terminal(summary)
    assert "\x1b[1;31m" in to_terminal(summary, style=Style(100, color=True))


def test_style_of_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "93")
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert Style.of(stream) == Style(93, color=False, ascii_only=True, fits=True)
    monkeypatch.setattr(stream, "isatty", lambda: True)
    assert Style.of(stream).color
    monkeypatch.setenv("NO_COLOR", "1")
    assert not Style.of(stream).color
    monkeypatch.delenv("COLUMNS")
    monkeypatch.setattr(stream, "isatty", lambda: False)
    assert not Style.of(stream).fits  # what goes into a file or a pipe is whole


def test_a_row_without_a_trained_seed_says_so_in_place_of_an_estimate() -> None:
    study = SyntheticStudy()
    rng = np.random.default_rng(0)
    stl = {"a": rng.normal(0.9, 0.01, 4)}
    study.add(stl, stl)
    study.add(stl, stl, mitigation="pcgrad", status=dict.fromkeys(range(4), "missing"))
    study.add(stl, stl, mitigation="dwa", status=dict.fromkeys(range(4), "diverged"))
    summary = study.summary()
    assert summary.rows["verdict"].tolist() == ["neutral", "inconclusive", "inconclusive"]
    found = lines(summary)
    assert line(found, "pcgrad").split()[-4:] == ["?", "no", "seeds", "0"]
    assert line(found, "dwa").split()[-3:] == ["inconclusive", "0/4", "+?"]
    text = " ".join(found)
    assert "1 row has no trained seed. 1 row is inconclusive." in text


def test_what_is_rounded_to_0_has_no_minus() -> None:
    study = SyntheticStudy()
    stl = {"a": np.array([0.5, 0.6, 0.7])}
    study.add(stl, {"a": stl["a"] + np.array([-2e-5, 1e-5, -1e-5])})
    study.add(stl, {"a": np.full(3, -1e-9)}, mitigation="dwa")
    found = to_terminal(study.summary())
    assert "+0.00" in found
    assert "-0.00" not in found


def test_names_with_markup_are_shown_as_they_are() -> None:
    study = SyntheticStudy()
    stl = {"[red]x[/red]": np.array([0.9, 0.8, 0.7])}
    study.add(stl, stl, suite="[bold]s[/]")
    found = to_terminal(study.summary())
    assert "[red]x[/red]" in found
    assert "[bold]s[/]" in found


def test_absent_runs_are_told() -> None:
    study = SyntheticStudy()
    stl = {"a": np.array([0.9, 0.8, 0.7, 0.6])}
    study.add(stl, stl, status={0: "diverged", 1: "failed", 2: "missing"})
    found = to_terminal(study.summary())
    assert "Of 8 runs, 1 diverged, 1 failed, 1 not trained yet." in found
    assert " 1/2 +?" in found


def test_settings_are_shown_only_where_labels_do_not_tell_cells_apart() -> None:
    study = SyntheticStudy()
    stl = {"a": np.array([0.9, 0.8, 0.7])}
    for width in (16, 64):
        study.add(stl, stl, hyper={"model.width": width, "optimizer.lr": 0.1})
    header = line(lines(study.summary()), "task", "verdict").split()
    assert header[:3] == ["task", "width", "STL"]


def test_differences_without_percentage_are_marked() -> None:
    study = SyntheticStudy()
    stl = 0.5 + 0.1 * np.arange(5)
    study.add({"a": stl}, {"a": stl + 0.1 + 0.01 * np.array([1, -1, 0, 1, -1])}, metric="r2")
    assert "+0.100 [+0.088, +0.112] abs" in line(lines(study.summary()), "positive")


@pytest.mark.parametrize(("mitigations", "blank"), [(["none"], False), (["none", "pcgrad"], True)])
def test_blank_lines_part_groups_of_several_lines_only(mitigations: list[str], blank: bool) -> None:
    study = SyntheticStudy()
    values = {task: np.random.default_rng(0).normal(0.9, 0.01, 4) for task in ("first", "second")}
    for name in mitigations:
        study.add(values, values, mitigation=name, weighting=name)
    found = lines(study.summary())
    begin, end = (next(n for n, text in enumerate(found) if text.startswith(t)) for t in values)
    assert ("" in found[begin:end]) is blank


@pytest.mark.parametrize(("seeds", "told"), [((4, 2), True), ((4, 4), False)])
def test_a_fixed_design_is_compared_where_it_costs_more(seeds: tuple[int, int], told: bool) -> None:
    study = SyntheticStudy()
    values = np.random.default_rng(0).normal(0.9, 0.01, 4)
    for number, count in enumerate(seeds):
        kept = {"a": values[:count]}
        study.add(kept, kept, suite=f"suite{number}")
    page = study.manifest() | {"stop": {"until": "conclusive", "max": 8}}
    text = " ".join(to_terminal(summarise(page, study.runs(), study.curves())).split())
    assert "Seeds were added until conclusive, at most 8: cells took" in text
    assert ("seeds for every cell would have been 16 runs." in text) is told
    assert ("runs with their baselines." in text) is not told


def test_skewed_tasks_are_named_as_tasks() -> None:
    study = SyntheticStudy(correction="none")
    stl = np.full(60, 0.5)
    study.add({"left": stl}, {"left": stl - np.random.default_rng(0).exponential(0.1, 60) ** 2})
    assert "1 row has clearly skewed differences (task left):" in " ".join(lines(study.summary()))


def test_the_legend_says_what_a_preset_stands_for(summary: Summary) -> None:
    text = " ".join(to_terminal(summary).split())
    assert "separate_heads: heads=mlp." in text
    assert "pcgrad: weighting" not in text
