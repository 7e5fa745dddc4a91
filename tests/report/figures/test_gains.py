"""The forest plot: what each row shows, and that many rows stay within a page."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from support.synthetic_study import SyntheticStudy, realistic

from mtlrun.errors import ConfigError
from mtlrun.report.analysis.summary import Summary
from mtlrun.report.figures.forest_layout import panels_of, plan_columns
from mtlrun.report.figures.gains import draw_gains
from mtlrun.report.formats.registry import render

SHAPES = {"negative": "v", "positive": "^", "neutral": "s", "inconclusive": "o"}
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def summary() -> Summary:
    return realistic(8).summary()


def many(cells: int, keys: int = 1, tasks: int = 2) -> Summary:
    """Return results of so many cells, told apart by so many settings."""
    made = SyntheticStudy()
    for cell in range(cells):
        stl = {f"t{k}": RNG.normal(0.9, 0.01, 3) for k in range(tasks)}
        mtl = {task: values - 0.02 for task, values in stl.items()}
        hyper = {f"suite.setting{key}": (cell if key == 0 else cell % 2) for key in range(keys)}
        made.add(stl, mtl, hyper=hyper)
    return made.summary()


def heights(content: str | bytes) -> int:
    assert isinstance(content, bytes)
    return int.from_bytes(content[20:24], "big")


def test_each_row_has_its_marker_and_an_interval_with_caps(summary: Summary) -> None:
    figure = draw_gains(summary)
    lines = [line for axes in figure.axes for line in axes.lines]
    points = [line for line in lines if len(line.get_xdata()) == 1]  # type: ignore[arg-type]
    bars = [line for line in lines if line.get_marker() == "|"]
    assert sorted(line.get_marker() for line in points) == sorted(  # type: ignore[type-var]
        SHAPES[word] for word in summary.rows["verdict"]
    )
    ends = sorted(tuple(np.round(line.get_xdata(), 9)) for line in bars)  # type: ignore[arg-type]
    told = summary.rows[["ci_low", "ci_high"]].round(9)
    assert ends == sorted(told.itertuples(index=False, name=None))


def test_panels_name_their_suite_the_unit_and_both_sides(summary: Summary) -> None:
    figure = draw_gains(summary)
    for axes, suite in zip(figure.axes, ("digits_permuted", "digits_attributes[even+prime]"), strict=True):
        texts = {text.get_text() for text in axes.texts}
        assert {suite, "← sharing hurts", "sharing helps →"} <= texts
        assert axes.get_xlabel() == "gain in accuracy, % of STL"
        low, high = axes.get_xlim()
        harm = axes.patches[0]
        assert (harm.get_x(), harm.get_x() + harm.get_width()) == (low, 0)  # type: ignore[attr-defined]
        assert high > 0


def test_the_caption_says_metric_seeds_and_what_verdicts_are_about(summary: Summary) -> None:
    (legend,) = draw_gains(summary).legends
    told = " ".join(legend.get_title().get_text().split())
    assert told.startswith(
        "Mean gain with 95 % interval; accuracy (higher is better); 8 seeds. Verdicts are about"
    )
    assert [text.get_text() for text in legend.get_texts()] == [
        *SHAPES,
        "margin of 1 % (*: significant, but smaller)",
    ]


def test_rows_name_their_settings() -> None:
    figure = draw_gains(many(2, keys=2))
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    cells = ["  setting0=0  setting1=0", "  setting0=1  setting1=1"]
    assert labels == ["t0", *cells, "t1", *cells]


def test_long_names_are_parted_into_headings_and_rows() -> None:
    figure = draw_gains(many(4, keys=5))
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels[:2] == ["t0  setting0=0  setting1=0  setting2=0", "  setting3=0  setting4=0"]
    assert sum(label.startswith("t1") for label in labels) == 4
    assert not any("…" in label for label in labels)


def test_one_cell_needs_no_headings() -> None:
    figure = draw_gains(many(1))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["  t0", "  t1"]


@pytest.mark.parametrize(("cells", "keys"), [(36, 1), (36, 3), (20, 1), (50, 1)])
def test_many_rows_stay_within_a_page(cells: int, keys: int) -> None:
    assert heights(render(many(cells, keys), "png")) <= 1450


def test_every_row_is_drawn_once_however_columns_part_them() -> None:
    found = many(36)
    figure = draw_gains(found)
    assert len(figure.axes) > 1
    drawn = [label.get_text() for axes in figure.axes for label in axes.get_yticklabels()]
    rows = [name for name in drawn if name.startswith("  ")]
    assert sorted(rows) == sorted(2 * [f"  setting0={cell}" for cell in range(36)])
    titles = [axes.texts[-1].get_text() for axes in figure.axes]
    assert titles == ["pair", *["pair (continued)"] * (len(titles) - 1)]


def test_numbers_give_way_before_labels_are_cut() -> None:
    wide = plan_columns(panels_of(many(4, keys=2)), 6.9)
    narrow = plan_columns(panels_of(many(4, keys=2)), 3.35)
    assert (wide.numbers, narrow.numbers) == (True, False)
    assert narrow.axes_in >= 1


def test_given_axes_are_drawn_in_and_given_back(summary: Summary) -> None:
    figure = Figure()
    two = figure.subplots(2)
    assert draw_gains(summary, two) == list(two)
    assert all(len(axes.lines) > 6 for axes in two)
    one = many(2)
    axes = Figure().subplots()
    assert draw_gains(one, axes) is axes
    assert not figure.legends  # a legend stands in the axes
    assert axes.get_legend() is not None
    with pytest.raises(ConfigError, match=r"2 \(digits_permuted, .*\), found 1; filters leave fewer"):
        draw_gains(summary, axes)
