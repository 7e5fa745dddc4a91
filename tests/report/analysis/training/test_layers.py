"""Gradients by layer: the table, the lines for people, and the picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.synthetic_study import SyntheticStudy

from mtlrun.errors import ConfigError
from mtlrun.report.analysis.summary import Summary, summarise
from mtlrun.report.analysis.training.layers import LAYER_COLUMNS, layer_table
from mtlrun.report.figures.layers import draw_layers
from mtlrun.report.formats.registry import render
from mtlrun.results import Results


def _record(seed: int) -> dict[str, Any]:
    """Return what a run keeps of two steps, two layers and one pair of tasks; the last cosine is missing."""
    return {
        "steps": [50, 100],
        "tasks": ["a", "b"],
        "pairs": [["a", "b"]],
        "layers": ["layer 1", "layer 2"],
        "layer_cosine": [[[-0.5 + 0.01 * seed], [0.3]], [[-0.4], [None]]],
        "layer_magnitude_similarity": [[[1.0], [0.5]], [[0.8], [None]]],
    }


@pytest.fixture(scope="module")
def summary() -> Summary:
    made = SyntheticStudy()
    values = {"a": [0.90, 0.91, 0.92], "b": [0.8, 0.81, 0.82]}
    for name in ("none", "pcgrad"):
        made.add(values, values, mitigation=name, weighting=name)
    runs = made.runs()
    runs["diagnostics"] = [
        {"gradients": _record(seed)} if "hard" in run_id else {}
        for run_id, seed in zip(runs["run_id"], runs["seed"], strict=True)
    ]
    return summarise(made.manifest(), runs, made.curves())


def test_a_row_for_each_step_layer_and_pair_that_has_a_cosine(summary: Summary) -> None:
    found = layer_table(summary)
    assert list(found) == list(LAYER_COLUMNS)
    assert len(found) == 2 * 3 * 3  # cells, seeds, values
    own = found[(found["mitigation"] == "none") & (found["seed"] == 2)]
    assert own[["step", "layer", "task", "partner"]].values.tolist() == [
        [50, "layer 1", "a", "b"],
        [50, "layer 2", "a", "b"],
        [100, "layer 1", "a", "b"],
    ]
    np.testing.assert_allclose(own["cosine"], [-0.48, 0.3, -0.4])
    np.testing.assert_allclose(own["magnitude_similarity"], [1.0, 0.5, 0.8])


def test_people_read_a_line_for_each_layer(summary: Summary) -> None:
    page = str(render(summary, "md", "layers"))
    assert "| none | a, b | layer 1 | -0.49 | -0.40 | 100 | 0.90 |" in page
    assert "|  |  | layer 2 | +0.30 | +0.30 | 0 | 0.50 |" in page
    assert len(str(render(summary, "csv", "layers", {"mitigation": "none"})).splitlines()) == 1 + 9


def test_the_picture_has_a_panel_for_each_cell_and_layer(summary: Summary) -> None:
    figure = draw_layers(summary)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == [f"pair  {name}  layer {n}" for name in ("none", "pcgrad") for n in (1, 2)]
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    (line,) = [one for one in figure.axes[0].lines if list(one.get_xdata()) == [50, 100]]
    np.testing.assert_allclose(line.get_ydata(), [-0.49, -0.4])


def test_one_layer_can_be_chosen(summary: Summary) -> None:
    results = Results({}, summary, {})
    axes = results.plot_diagnostics(layer="layer 2", size="wide")
    assert [one.get_title(loc="left") for one in axes] == ["pair  none  layer 2", "pair  pcgrad  layer 2"]
    with pytest.raises(ConfigError, match="`layer` must name a layer that was recorded, found 'layer 3'"):
        results.plot_diagnostics(layer="layer 3")
    with pytest.raises(ConfigError, match="`quantity` must be recorded by layer, found 'weights'"):
        results.plot_diagnostics("weights", layer="layer 1")


def test_studies_without_records_say_so() -> None:
    made = SyntheticStudy()
    made.add({"a": [0.9, 0.8]}, {"a": [0.9, 0.8]})
    with pytest.raises(ConfigError, match="the study has no gradients recorded by layer"):
        render(made.summary(), "terminal", "layers")
    with pytest.raises(ConfigError, match="nothing to draw: no run has recorded gradients by layer"):
        draw_layers(made.summary())
