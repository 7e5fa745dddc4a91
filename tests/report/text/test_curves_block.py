"""Learning curves as text: a line for each task and cell."""

from __future__ import annotations

import numpy as np
from support.synthetic_study import SyntheticStudy

from mtlrun.report.formats.registry import render
from mtlrun.report.formats.terminal import Style, to_terminal


def study(early: float = 0.1) -> SyntheticStudy:
    made = SyntheticStudy()
    made.early = early
    for name in ("none", "pcgrad"):
        made.add({"a": [0.8, 0.9], "b": [0.7, 0.7]}, {"a": [0.6, 0.7], "b": [0.7, 0.7]}, mitigation=name)
    return made


def test_a_line_for_each_task_and_cell_with_both_curves_on_one_scale() -> None:
    lines = to_terminal(study().summary(), "curves", Style(200)).splitlines()
    cells = lines[3].split()
    assert cells[:2] == ["a", "none"]
    assert cells[2:6] == ["▆█", "0.750", "0.850", "0.850"]  # from 0.55, the least of the task, to 0.85
    assert cells[6:10] == ["▁▃", "0.550", "0.650", "0.650"]
    assert sum("▁" in line or "█" in line for line in lines) == 4
    assert "Every value of every run: --format csv." in " ".join(lines)


def test_values_of_every_run_stay_in_files() -> None:
    csv = str(render(study().summary(), "csv", "curves")).splitlines()
    assert csv[0].endswith("run_id,split,metric,step,value,phase,trained")
    assert len(csv) == 1 + 2 * 2 * 2 * 2 * 3 * 2  # cells, tasks, seeds, sides, splits, steps


def test_ascii_terminals_get_ascii_and_gaps_stay_gaps() -> None:
    made = study().summary()
    curves = made.curves
    gone = curves["step"].eq(50) & curves["run_id"].astype(str).str.contains("hard")
    curves.loc[gone, "value"] = np.nan
    text = to_terminal(made, "curves", Style(200, ascii_only=True))
    text.encode("ascii")
    assert " -  " in text or "- " in text
