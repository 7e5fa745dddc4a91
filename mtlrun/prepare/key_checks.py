"""Checks of the keys of a job that are no groups: seeds, study, store, device and the like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mtlrun.annotations import fits
from mtlrun.errors import Fault
from mtlrun.planning.limits import LARGEST_SEED, most_faults
from mtlrun.planning.pareto_grid import frontier_faults
from mtlrun.planning.settings.checkpointing import checkpoint_faults
from mtlrun.planning.settings.recording import recording_faults
from mtlrun.planning.settings.saving import SAVES
from mtlrun.prepare.controls import CONTROLS
from mtlrun.store.studies import STUDY_RULE, is_study_name
from mtlrun.trackers.checks import OPTIONS, TRACKER, tracker_faults
from mtlrun.training.runtime.numerics import STORED

PLAIN_KEYS = (
    *("seeds", "tune", "controls", "frontier", "check", "study"),
    *("store", "save", "diagnostics", "checkpoint", "device", "dtype", "invocation"),
    *(TRACKER, OPTIONS),
)
DEVICES = ("auto", "cpu", "cuda")


def key_faults_of(job: Mapping[str, Any]) -> list[Fault]:
    """Check the keys that are no groups."""
    faults = [*_gate_faults(job.get("check", {})), *frontier_faults(job)]
    faults += recording_faults(job.get("diagnostics", {}))
    faults += checkpoint_faults(job.get("checkpoint", {}))
    faults += tracker_faults(job)
    seeds = job.get("seeds")
    if isinstance(seeds, bool) or not isinstance(seeds, int | list):
        faults.append(Fault("seeds", "must be a number of seeds or a list of them", seeds))
    elif isinstance(seeds, int) and seeds < 1:
        faults.append(Fault("seeds", "must be at least 1", seeds))
    elif isinstance(seeds, list) and not _good_seeds(seeds):
        rule = f"must list whole numbers from 0 to {LARGEST_SEED:,}, each once"
        faults.append(Fault("seeds", rule, seeds))
    elif isinstance(seeds, int):
        faults += most_faults("seeds", seeds, seeds, "seeds")
    stop = job.get("stop")
    if isinstance(stop, Mapping) and isinstance(stop.get("max"), int):
        faults += most_faults("stop.max", stop["max"], stop["max"], "seeds")
        faults += _stop_faults(stop, len(seeds) if isinstance(seeds, list) else seeds)
    if job.get("dtype") not in (*STORED,):  # a tuple: what is written there need not be hashable
        faults.append(Fault("dtype", "must be a valid choice", job.get("dtype"), tuple(STORED)))
    if job.get("device") not in DEVICES:
        faults.append(Fault("device", f"must be one of {', '.join(DEVICES)} (the GPU)", job.get("device")))
    controls = job.get("controls")
    if not isinstance(controls, list) or not all(name in CONTROLS for name in controls):
        faults.append(Fault("controls", "must be a list of controls", controls, CONTROLS))
    if job.get("save") not in (None, *SAVES):
        faults.append(Fault("save", "must be null or a valid choice", job["save"], SAVES))
    if not isinstance(job.get("store"), str) or not job["store"]:
        faults.append(Fault("store", "must be text", job.get("store")))
    elif "\0" in job["store"] or job["store"] != job["store"].encode(errors="replace").decode():
        faults.append(Fault("store", "must be a path in UTF-8", ascii(job["store"])))
    if not is_study_name(job.get("study")):
        faults.append(Fault("study", STUDY_RULE, job.get("study")))
    return faults


def seed_list(seeds: int | Sequence[int]) -> list[int]:
    """Return the seeds that `seeds=10` (0 to 9) or `seeds=[3,7]` name."""
    return list(range(seeds)) if isinstance(seeds, int) else list(seeds)


def seed_count(seeds: int | Sequence[int]) -> int:
    """Return how many seeds these are."""
    return seeds if isinstance(seeds, int) else len(seeds)


def first_seed(job: Mapping[str, Any]) -> int:
    """Return the first seed that is asked for; 0 where `seeds` is a fault."""
    seeds = job.get("seeds")
    return seeds[0] if isinstance(seeds, list) and _good_seeds(seeds) else 0


def _gate_faults(node: Any) -> list[Fault]:
    """Return what is wrong with the settings for the gate, under `check`."""
    if not isinstance(node, dict) or not node.keys() <= {"margin"}:
        return [Fault("check", "has one setting", node, ["margin"])]
    if "margin" in node and not (fits(node["margin"], float) and node["margin"] >= 0):
        return [Fault("check.margin", "must be a finite number, not negative", node["margin"])]
    return []


def _stop_faults(stop: Mapping[str, Any], seeds: Any) -> list[Fault]:
    """Return a fault where a study that adds seeds begins with more than it may have."""
    if stop.get("until") is None or not isinstance(seeds, int) or not 1 <= stop["max"] < seeds:
        return []
    rule = f"must be at least {seeds}, the number of `seeds` that every cell begins with"
    return [Fault("stop.max", rule, stop["max"])]


def _good_seeds(seeds: list[Any]) -> bool:
    whole = all(isinstance(s, int) and not isinstance(s, bool) and 0 <= s <= LARGEST_SEED for s in seeds)
    return bool(seeds) and whole and len(set(seeds)) == len(seeds)
