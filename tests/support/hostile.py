"""A study whose every name tries to become markup."""

from __future__ import annotations

import numpy as np

from support.synthetic_study import SyntheticStudy

HOSTILE = "</script><img src=x onerror=alert(1)>"


def hostile_study() -> SyntheticStudy:
    """Return a study with hostile names of study, suites, tasks, mitigations and settings."""
    rng = np.random.default_rng(0)
    study = SyntheticStudy(f"study {HOSTILE}")
    tasks = (f"task {HOSTILE}", 'other "><img src=x onerror=alert(2)> %{x} {{ 7*7 }}')
    for suite in (f"suite {HOSTILE}", "<svg onload=alert(3)>"):
        for mitigation in ("none", f"mitigation {HOSTILE}"):
            for width in (8, 16):
                stl = {task: rng.normal(0.9, 0.01, 4) for task in tasks}
                mtl = {task: values - 0.02 for task, values in stl.items()}
                hyper = {f"model.{HOSTILE}": width, "note": f"{HOSTILE} {width}"}
                study.add(stl, mtl, suite=suite, mitigation=mitigation, hyper=hyper)
    return study
