"""The one table: everything a report, a picture or the gate needs to know of a study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from threadpoolctl import threadpool_limits

from mtlrun.config import build, shape_faults
from mtlrun.errors import ConfigError
from mtlrun.report.analysis.aggregates import make_aggregates
from mtlrun.report.analysis.attribution import make_attribution
from mtlrun.report.analysis.contrasts import make_contrasts
from mtlrun.report.analysis.pairs.case_layouts import CaseLayouts
from mtlrun.report.analysis.pairs.layout import IDENTITY, lay_out
from mtlrun.report.analysis.pairs.paired_values import Measured, measure
from mtlrun.report.analysis.pareto.comparison import make_frontier
from mtlrun.report.analysis.rows import make_rows
from mtlrun.report.analysis.suites import make_suites
from mtlrun.report.analysis.theory import make_theory
from mtlrun.report.analysis.training.cost import make_cost
from mtlrun.report.analysis.training.diagnostics import make_conflicts, make_diagnostics
from mtlrun.report.analysis.training.overfitting import make_gaps
from mtlrun.report.analysis.training.phases import make_phases, with_forgetting
from mtlrun.statistics.settings import Statistics
from mtlrun.store.runs.scores import ScoreTable
from mtlrun.store.runs.stored_runs import Curves
from mtlrun.user_code import TARGET

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
STATUSES = ("finished", "diverged", "failed", "missing")


DEFERRED = ("pairs", "curves", "diagnostics", "gaps", "conflicts", "recorded")
"""The fields of a `Summary` that are made when they are first read."""


class Deferred:
    """A field of a `Summary` whose value may be made when it is first read, since few reports show it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, summary: Any, owner: type) -> Any:
        if summary is None:
            return self
        found = summary.__dict__[self._name]
        if callable(found):
            found = summary.__dict__[self._name] = found()
        return found

    def __set__(self, summary: Any, value: Any) -> None:
        summary.__dict__[self._name] = value


def later(make: Callable[[], T]) -> T:
    """Return what stands for the value of a `Deferred` field until it is read; copies of a summary make it once."""
    return cast("T", cache(make))


@dataclass(frozen=True)
class Summary:
    """A study's results.

    Attributes:
        study: its name.
        settings: how it was judged.
        stop: when it had enough seeds, as `mtlrun.statistics.stop.Stop` says it.
        looks: by cell id the numbers of seeds with which it was judged, in the order of time.
        rows: one task under one cell each; the columns that docs/statistics.md promises, then further ones.
        contrasts: each mitigation against none.
        suites: one cell each, with delta-m.
        aggregates: one setting each, over all its suites; empty where no setting has several.
        attribution: the parts of each row's gain; empty without controls.
        frontier: each mitigation against a front of fixed weights, one row per comparison; empty without a front.
        front_gains: gains of the points of these fronts, and of what is compared with them, one row per task.
        cost: one cell each.
        theory: rows whose suite knows what training must come to; see `mtlrun.report.analysis.theory`.
        pairs: one row per seed of each row: `stl`, `mtl`, `d`, the selected steps, run ids and statuses; and
            `forgetting`, see `training.phases`.
        curves: long, over all runs; see `mtlrun.report.tables`.
        phases: what is trained when, one row per cell and phase; see `training.phases`.
        diagnostics: gradient cosines and weights over training, long; see `training.diagnostics`. And `gaps`.
        gaps: overfitting gaps, at the steps that reports read; see `training.overfitting`.
        conflicts: how often gradients conflict, a row per cell, seed and pair; see `training.diagnostics`.
        counts: number of runs by status, `missing` for those not trained yet.
        versions: of the packages that trained it; several are joined by commas.
        devices: the devices that trained it.
        over: the setting that gains are set against in the table `gain_over`; None for the one that varies.
        sort: the column, as `gain` or `gain:desc`, by which the table asked for is sorted; None for its own order.
        best: how one cell was chosen of several, in words; empty where all are there.
        command: the overrides that asked for it.
        cells: what the study asked for, by cell id, as its manifest says it.
        machines: one row per stored run: run_id, device and versions (dict).
        recorded: by run id what was recorded of the gradients of multi-task runs; see `mtlrun.diagnostics.record`.
    """

    study: str
    settings: Statistics
    stop: Mapping[str, Any]
    looks: Mapping[str, list[int]]
    rows: pd.DataFrame
    contrasts: pd.DataFrame
    suites: pd.DataFrame
    aggregates: pd.DataFrame
    attribution: pd.DataFrame
    frontier: pd.DataFrame
    front_gains: pd.DataFrame
    cost: pd.DataFrame
    theory: pd.DataFrame
    pairs: pd.DataFrame
    curves: pd.DataFrame
    phases: pd.DataFrame
    diagnostics: pd.DataFrame
    gaps: pd.DataFrame
    conflicts: pd.DataFrame
    recorded: Mapping[str, Mapping[str, Any]]
    counts: dict[str, int]
    versions: dict[str, str]
    devices: list[str]
    command: list[str]
    cells: Mapping[str, Mapping[str, Any]]
    machines: pd.DataFrame
    over: str | None = None
    sort: str | None = None
    best: str = ""


def changed(summary: Summary, **fields: Any) -> Summary:
    """Return a summary with other values of some fields; unlike `dataclasses.replace` it makes no deferred one."""
    return Summary(**{**vars(summary), **fields})


for _name in DEFERRED:
    setattr(Summary, _name, Deferred(_name))


@threadpool_limits.wrap(limits=1, user_api="blas")
def summarise(
    manifest: Mapping[str, Any],
    runs: pd.DataFrame,
    curves: pd.DataFrame | Curves,
    scores: ScoreTable | None = None,
) -> Summary:
    """Judge a study, whole or interrupted: seeds whose runs are not there, or failed, are left out.

    With one BLAS thread: the matrix products of a report are small, and between them further threads only wait, at
    full load.

    Args:
        manifest: what the study asked for.
        runs: one row per stored run: run_id, status, device, versions (dict), cost (dict).
        curves: one row per metric value: run_id, task, split, metric, step, value; or the same, read in two parts.
        scores: of test cases; without them verdicts are over seeds only.

    Raises:
        DataError: a finished run lacks the values of its primary metric.
        ConfigError: the manifest names an unknown test, correction or selection.
    """
    settings = _statistics(manifest)
    layout = lay_out(manifest)
    curves = curves if isinstance(curves, Curves) else Curves(curves)
    judged = curves.judged
    measured = measure(layout, runs, judged)
    scores = scores or ScoreTable()
    cases = CaseLayouts.of(layout.units, measured, scores)
    rows = make_rows(layout, measured, cases, runs, curves, settings)
    make_pairs = cache(lambda: with_forgetting(_pair_table(rows, measured), manifest, judged))
    gaps = cache(lambda: make_gaps(make_pairs(), judged))
    frontier, front_gains = make_frontier(manifest, runs, judged, scores, settings)
    return Summary(
        study=manifest["study"],
        settings=settings,
        stop=manifest.get("stop") or {},
        looks=manifest.get("looks") or {},
        rows=rows,
        contrasts=make_contrasts(layout, measured, cases, curves, rows, settings),
        suites=make_suites(layout, measured, cases, rows, settings),
        aggregates=make_aggregates(layout, measured, cases, rows, settings),
        attribution=make_attribution(manifest, layout, rows, judged, scores, settings),
        frontier=frontier,
        front_gains=front_gains,
        cost=make_cost(layout, runs),
        theory=make_theory(layout, measured, manifest),
        pairs=later(make_pairs),
        curves=later(curves.whole),
        phases=make_phases(manifest, runs),
        diagnostics=later(lambda: _joined(make_diagnostics(manifest, runs), gaps())),
        gaps=later(gaps),
        conflicts=later(lambda: make_conflicts(manifest, runs)),
        counts=_counts(manifest, runs),
        versions=_versions(runs),
        devices=sorted(set(runs["device"])),
        command=list(manifest.get("command") or []),
        cells={cell["cell_id"]: cell for cell in manifest["cells"]},
        machines=runs[["run_id", "device", "versions"]],
        recorded=later(lambda: _recorded(manifest, runs)),
    )


def _joined(diagnostics: pd.DataFrame, gaps: pd.DataFrame) -> pd.DataFrame:
    """Return both as one table."""
    import pandas as pd

    parts = [part for part in (diagnostics, gaps) if not part.empty]
    return pd.concat(parts, ignore_index=True) if parts else diagnostics


def _recorded(manifest: Mapping[str, Any], runs: pd.DataFrame) -> dict[str, Mapping[str, Any]]:
    """Return the diagnostics of multi-task runs that recorded gradients, by run id."""
    if "diagnostics" not in runs:
        return {}
    together = {run_id for cell in manifest["cells"] for run_id in cell["runs"]}
    told = zip(runs["run_id"], runs["diagnostics"], strict=True)
    return {run_id: found for run_id, found in told if run_id in together and found.get("gradients")}


def _statistics(manifest: Mapping[str, Any]) -> Statistics:
    """Return how a study is judged.

    Raises:
        ConfigError: its manifest names settings that there are not, or values that they cannot have.
    """
    own = {k: v for k, v in manifest["statistics"].items() if not k.startswith("_")}
    node = {TARGET: f"{Statistics.__module__}.{Statistics.__qualname__}", **own}
    faults = shape_faults("statistics", node, Statistics)
    if not faults:
        settings: Statistics = build(node)
        found = [one for one in settings.faults() if one.key != "method"]  # old studies do not say `over`
        faults = [one._replace(key=f"statistics.{one.key}") for one in found]
    if faults:
        raise ConfigError(
            [fault._replace(rule=f"of study `{manifest['study']}` {fault.rule}") for fault in faults]
        )
    return settings


def _pair_table(rows: pd.DataFrame, measured: Measured) -> pd.DataFrame:
    """Return the values per seed, with the columns that say what they are about."""
    about = rows[[*IDENTITY, "cell_id"]].iloc[measured.pairs["unit"].to_numpy()].reset_index(drop=True)
    values = ["seed", "stl", "mtl", "d", "stl_step", "step", "stl_status", "status", "stl_run_id", "run_id"]
    return about.join(measured.pairs[values])


def _counts(manifest: Mapping[str, Any], runs: pd.DataFrame) -> dict[str, int]:
    asked: set[str] = set()
    for cell in manifest["cells"]:
        asked.update(cell["runs"], *(cell["baselines"][task["name"]] for task in cell["tasks"]))
    found = Counter(
        status for run_id, status in zip(runs["run_id"], runs["status"], strict=True) if run_id in asked
    )
    return {**{status: found[status] for status in STATUSES}, "missing": len(asked) - found.total()}


def _versions(runs: pd.DataFrame) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for versions in {id(one): one for one in runs["versions"]}.values():  # most runs have the same
        for package, version in versions.items():
            found.setdefault(package, set()).add(str(version))
    return {package: ", ".join(sorted(versions)) for package, versions in sorted(found.items())}
