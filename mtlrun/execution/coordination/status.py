"""What trains into a store now: how far it is, where it runs, and what a study has and lacks."""

from __future__ import annotations

import shlex
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mtlrun.planning.manifest import study_runs
from mtlrun.store import launchers
from mtlrun.store.launchers import Launcher, Launchers
from mtlrun.store.store import Store
from mtlrun.text.pluralize import pluralize

SCHEMA_VERSION = 1
STORED = ("finished", "diverged", "failed")

_OF_LAUNCHER = (
    *("host", "pid", "where", "command", "started_at", "elapsed_s", "state", "cancelled"),
    *("cohorts", "runs", "run_steps", "run_steps_per_s", "left_s"),
)


def status_facts(store: Store, study: str | None = None) -> dict[str, Any]:
    """Return what trains now, as plain data.

    Args:
        store: to look at; nothing in it is changed.
        study: its name; None for all that are trained now, or else for the one written last.

    Raises:
        StoreError: there is no such study, or it cannot be read.
    """
    found = seen_running(Launchers(store.path), study)
    trained = sorted({str(one.facts["study"]) for one, _ in found})
    names: list[str | None] = [study] if study is not None else [*trained] or [None]
    known = store.studies()
    return {
        "schema_version": SCHEMA_VERSION,
        "store": str(store.path),
        "running": bool(found),
        "studies": [
            {
                **_study(store, name, name is None or name in known or not found),
                "launchers": [
                    {"heard": heard, **{key: one.facts[key] for key in _OF_LAUNCHER}}
                    for one, heard in found
                    if one.facts["study"] == name
                ],
            }
            for name in names
        ],
    }


def seen_running(found: Launchers, study: str | None = None) -> list[tuple[Launcher, bool]]:
    """Return the commands that have not ended, each with whether it is known to run.

    Of those on other machines that is known once their beats change, which is waited for.
    """

    def looked() -> dict[str, Launcher]:
        running = (one for one in found.running() if study in (None, one.facts["study"]))
        return {one.key: one for one in running}

    first = last = looked()
    heard = {key for key, one in first.items() if one.is_here}
    begun = time.monotonic()
    while last.keys() - heard and time.monotonic() - begun < 2.5 * launchers.BEAT_S:
        time.sleep(launchers.BEAT_S / 4)
        last = looked()
        heard |= {
            k for k, one in last.items() if k not in first or one.facts["beats"] != first[k].facts["beats"]
        }
    return [(one, key in heard) for key, one in last.items()]


def _study(store: Store, name: str | None, stored: bool) -> dict[str, Any]:
    """Return what the store has of a study; nothing of one that is tuned before it is written."""
    if not stored:
        return {"study": name, "command": None, "runs": None}
    manifest = store.read_study(name)
    ids, statuses = study_runs(manifest["cells"]), store.statuses()
    counts = Counter(statuses[run_id] for run_id in ids if run_id in statuses)
    runs = {"total": len(ids)} | {status: counts[status] for status in STORED}
    runs["missing"] = len(ids) - sum(counts.values())
    return {"study": manifest["study"], "command": manifest.get("command", []), "runs": runs}


def status_text(facts: Mapping[str, Any]) -> str:
    """Return the facts in words."""
    lines = [] if facts["running"] else [f"nothing trains in store {facts['store']}"]
    for study in facts["studies"]:
        lines += [f"study {study['study']}, store {facts['store']}", *_stored_lines(study)]
        for launcher in study["launchers"]:
            lines += _launcher_lines(launcher)
    return "\n".join(lines)


def _stored_lines(study: Mapping[str, Any]) -> list[str]:
    runs = study["runs"]
    if runs is None:
        return ["  stored    nothing yet: settings are tuned first"]
    stored = sum(runs[status] for status in STORED)
    line = f"  stored    {stored:,} of {pluralize(runs['total'], 'run')}"
    lines = [f"{line}: {_counted(runs, (*STORED, 'missing'))}" if runs["total"] else line]
    if (runs["failed"] or runs["missing"]) and not study["launchers"] and study["command"]:
        lines.append(f"  to train  what failed or is missing: mtlrun sweep {shlex.join(study['command'])}")
    return lines


def _launcher_lines(launcher: Mapping[str, Any]) -> list[str]:
    steps, rate, left = launcher["run_steps"], launcher["run_steps_per_s"], launcher["left_s"]
    done = f"{100 * steps['done'] / max(steps['total'], 1):.0f} % of {pluralize(steps['total'], 'run-step')}"
    speed = f", {rate:,.0f} run-steps/s" if rate else ""
    time_left = f", about {left:,.0f} s left" if left is not None else ""
    where = f"{launcher['host']}, process {launcher['pid']}"
    since = f"started {launcher['started_at'][:19]} UTC, {launcher['elapsed_s']:,.0f} s ago"
    state = {"training": "trains", "waiting": "waits for runs that another command trains"}[launcher["state"]]
    state = "ends, as it was cancelled" if launcher["cancelled"] else state
    state += "" if launcher["heard"] else "; no sign of life, so it may have ended"
    return [
        f"  command   on {where}: {state}",
        *([f"            mtlrun sweep {shlex.join(launcher['command'])}"] if launcher["command"] else []),
        f"            {since}; {launcher['where']}",
        f"    cohorts {_counted(launcher['cohorts'], launchers.COHORT_STATES)}",
        f"    runs    {_counted(launcher['runs'], launchers.RUN_STATES)}",
        f"    speed   {done}{speed}{time_left}",
    ]


def _counted(counts: Mapping[str, int], names: Sequence[str]) -> str:
    """Return `3 queued, 2 running` without what there is none of."""
    words = {"elsewhere": "trained by another command"}
    return ", ".join(f"{counts[n]:,} {words.get(n, n)}" for n in names if counts[n]) or "none"
