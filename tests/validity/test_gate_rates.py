"""What docs/ci.md promises of the gate, in simulated reruns; `python -m benchmarks.gate_power` prints the figures."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from support.commands import mtlrun, reported
from support.synthetic_study import SyntheticStudy

from benchmarks.gate_power import ALPHA, as_asked, exit_codes, rerun
from mtlrun.gate.check import check
from mtlrun.gate.lockfile import lock
from mtlrun.statistics.change import changes
from mtlrun.store.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.validity]
RERUNS = 200

sizes = pytest.mark.parametrize(
    ("rows", "margin", "pilot"), [(1, 1.0, 5), (1, 2.0, 10), (5, 1.0, 10), (20, 2.0, 10)]
)


@sizes
def test_as_many_seeds_as_asked_for_pass_what_is_unchanged_and_catch_twice_the_margin(rows, margin, pilot):
    found = as_asked(margin, pilot, rows, RERUNS, np.random.default_rng(rows))
    assert found["passed"] >= 0.95
    assert found["caught"] >= 0.95


@sizes
def test_too_few_seeds_are_undecided_and_never_a_pass(rows, margin, pilot):
    """A row that lost the margin, or twice that, passes with at most the level: 5 %, and two standard errors."""
    limit = ALPHA + 2 * np.sqrt(ALPHA * (1 - ALPHA) / RERUNS)
    for n in (2, 3, pilot):
        for paired in (False, True):
            codes = [
                rerun(np.random.default_rng(n), margin, n, rows, RERUNS, k * margin, paired) for k in (1, 2)
            ]
            assert all((found == 0).mean() <= limit for found in codes)
    unchanged = rerun(np.random.default_rng(0), margin / 4, 2, rows, RERUNS, 0.0)
    assert (unchanged == 3).mean() >= 0.9


@pytest.mark.parametrize(("rows", "n", "margin", "rate"), [(20, 20, 1.0, 0.22), (20, 10, 2.0, 0.93)])
def test_the_figures_that_make_a_margin_choosable(rows, n, margin, rate):
    passed = (rerun(np.random.default_rng(5), margin, n, rows, 1000, 0.0) == 0).mean()
    assert passed == pytest.approx(rate, abs=3 * np.sqrt(rate * (1 - rate) / 1000) + 0.005)


@pytest.mark.parametrize("paired", [False, True])
def test_false_alarms_keep_the_level_at_margin_zero(paired):
    codes = rerun(np.random.default_rng(6), 0.0, 8, 10, 1000, 0.0, paired)
    assert (codes == 1).mean() <= ALPHA + 2 * np.sqrt(ALPHA * (1 - ALPHA) / 1000)


def study(gains: np.ndarray, first: int) -> SyntheticStudy:
    """A study of tasks with baselines of 1 and these gains (seeds, tasks)."""
    made = SyntheticStudy()
    stl = {f"t{row}": np.ones(len(gains)) for row in range(gains.shape[1])}
    mtl = {task: 1 + gains[:, row] for row, task in enumerate(stl)}
    made.add(stl, mtl, seeds=list(range(first, first + len(gains))))
    return made


@pytest.mark.parametrize("paired", [False, True])
def test_the_simulation_decides_as_the_gate_does(paired):
    rng = np.random.default_rng(7)
    seen = set()
    for loss in np.repeat([0.0, 0.01, 0.02, 0.05], 5):
        before, after = rng.normal(0, 0.01, (2, 8, 3))
        after[:, 0] -= loss
        locked = study(before, 0)
        now = study(after, 0 if paired else 100)
        page: dict[str, Any] = json.loads(json.dumps(lock(locked.manifest(), locked.summary(), margin=1.5)))
        code = check(page, now.manifest(), now.summary()).exit_code
        assert code == exit_codes(changes(before, after, paired=paired, margin=0.015), rows=3)[0]
        seen.add(code)
    assert {1, 3} <= seen


def test_a_rerun_on_other_kernels_is_not_bit_equal_and_passes(tmp_path):
    """Steps as they are, then compiled: the same mathematics in another order of operations."""
    overrides = (
        *(
            "suite=digits_parity",
            "weighting=equal,pcgrad",
            "seeds=10",
            "budget.epochs=5",
            "budget.min_steps=1",
            "check.margin=2",
        ),
        *("launch.processes=1", "launch.compile=never", f"store={tmp_path / 'plain'}"),
    )
    assert mtlrun("run", *overrides).code == 0
    path, store = tmp_path / "lock.json", tmp_path / "compiled"
    assert mtlrun("lock", str(tmp_path / "plain"), "-o", str(path)).code == 0
    checked = mtlrun(
        *("check", str(path), "--store", str(store), "--rerun", "--format", "json"),
        *("launch.processes=1", "launch.compile=always"),
    )
    costs = Store(store).runs()["cost"]
    if not all(cost["compiled"] for cost in costs):
        pytest.skip("steps cannot be compiled here, which takes a C++ compiler")
    assert checked.code == 0, checked.err
    curves = [reported(place, "--level", "curves")["curves"] for place in (tmp_path / "plain", store)]
    values = [
        {(c["run_id"], c["task"], c["split"], c["metric"], c["step"]): c["value"] for c in one}
        for one in curves
    ]
    assert values[0].keys() == values[1].keys()
    assert any(values[0][key] != values[1][key] for key in values[0])
