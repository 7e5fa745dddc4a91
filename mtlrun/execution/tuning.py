"""Tuning: every setting is tried on seeds of its own, and validation chooses, for each baseline and cell alike.

A task's baseline takes the setting with its own best validation value. A cell takes the one whose tasks are best
together: the mean over tasks of their validation values, each divided by the size of its tuned baseline's (by the
spread over the trials where the metric has no natural zero). A setting with which a seed diverges is never chosen,
if there is another. Then all is trained anew, on the seeds that judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mtlrun.planning.cell import Cell
from mtlrun.planning.runs import PARTS
from mtlrun.planning.study import BASELINE, Place, Study
from mtlrun.planning.study_spec import JobSpec, StudySpec
from mtlrun.planning.tuning import Choice, Tuning, applied, known_part
from mtlrun.store.store import Store

if TYPE_CHECKING:
    from mtlrun.report.analysis.tuning import Tried


def trial_jobs(spec: StudySpec, tuning: Tuning) -> list[dict[str, Any]]:
    """Return every job with every setting, setting by setting, on the tuning seeds; plain data, to be checked."""
    plain = {**spec.plain, "seeds": list(tuning.seeds), "tune": {}, "controls": [], "save": None}
    return [
        {**plain, **applied(job.nodes, setting), "dtype": job.dtype}
        for setting in tuning.settings
        for job in spec.jobs
    ]


def choose(trials: Study, jobs: Sequence[JobSpec], tuning: Tuning, store: Store) -> dict[Place, Choice]:
    """Return what validation chose for each cell of some jobs.

    Args:
        trials: the study of `trial_jobs`, trained.
        jobs: of the study.
        tuning: what was tried.
        store: has the trials' runs.
    """
    from mtlrun.report.analysis.tuning import tried_values  # with all of pandas, which plans spare

    values = tried_values(trials.manifest([]), store.runs(set(trials.runs)), store.curves(set(trials.runs)))
    cells = {cell.cell_id: cell for cell in trials.cells}
    found = {}
    for number, job in enumerate(jobs):
        of_setting = trials.jobs[number :: len(jobs)]
        for place in range(len(of_setting[0])):
            tried = [cells[ids[place]] for ids in of_setting]
            own = {**job.nodes, **{group: tried[0].config[group] for group in PARTS}}
            found[number, place] = _choice(own, tried, [values[cell.cell_id] for cell in tried], tuning)
    return found


def _choice(
    job: Mapping[str, Any], tried: Sequence[Cell], values: Sequence[dict[str, Tried]], tuning: Tuning
) -> Choice:
    """Return the choice for one cell from its trials, one for each setting, some perhaps the same."""
    alone, told_alone = {}, {}
    scales = {}
    for task in values[0]:
        column = np.array([v[task].alone for v in values])
        best = int(column.argmax())
        alone[task] = tuning.settings[best]
        trials = len({tuple(cell.baselines[task]) for cell in tried})
        kept = {k: v for k, v in known_part(job, alone[task]).items() if k.partition(".")[0] not in BASELINE}
        told_alone[task] = {"settings": kept, "trials": trials, "edge": tuning.at_edge(kept)}
        size = abs(column[best])
        if not (values[best][task].natural_zero and np.isfinite(size) and size > 0):
            joint = np.array([v[task].joint for v in values])
            size = float(np.std(joint[np.isfinite(joint)])) if np.isfinite(joint).any() else 1.0
        scales[task] = size or 1.0
    scores = [np.mean([v[task].joint / scales[task] for task in v]) for v in values]
    setting = tuning.settings[int(np.argmax(scores))]
    kept = dict(known_part(job, setting))
    told = {
        "keys": list(setting),
        "settings": kept,
        "edge": tuning.at_edge(kept),
        "trials": len({cell.cell_id for cell in tried}),
        "seeds": len(tried[0].seeds),
        "baselines": told_alone,
    }
    return Choice(setting, alone, told)
