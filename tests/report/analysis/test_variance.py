"""The table of variance and its picture show the same rows in the same order, under the same heading."""

from __future__ import annotations

import numpy as np
from support.synthetic_study import SyntheticStudy

from mtlrun.report.analysis.variance import NOTE
from mtlrun.report.figures.variance import draw_variance
from mtlrun.report.text.blocks.variance import variance_block


def test_the_picture_has_the_order_and_the_heading_of_the_table() -> None:
    rng = np.random.default_rng(0)
    study = SyntheticStudy()
    stl = {task: rng.normal(0.9, 0.01, 5) for task in ("b", "a")}
    for name in ("none", "dwa", "pcgrad"):
        mtl = {task: values - rng.normal(0.02, 0.01, 5) for task, values in stl.items()}
        study.add(stl, mtl, **({} if name == "none" else {"mitigation": name, "weighting": name}))
    summary = study.summary()
    block = variance_block(summary)
    (axes,) = draw_variance(summary).axes
    drawn = [label.get_text().split() for label in axes.get_yticklabels()]
    assert drawn == [line[:2] for line in block.lines]
    assert [name for name, _ in drawn] == sorted((n for n, _ in drawn), key=[n for n, _ in drawn].index)
    assert len(drawn) == 6
    assert axes.get_xlabel() == block.note == NOTE
