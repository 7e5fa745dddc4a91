"""What `tune.KEY=...` asks for: settings to try, on seeds of their own, alike for baselines and all strategies."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from mtlrun.config import current_key, locate
from mtlrun.errors import ConfigError, Fault
from mtlrun.planning.limits import LARGEST_SEED, check_runs, most_faults
from mtlrun.planning.runs import PARTS, canonical_json
from mtlrun.streams import stream

TUNABLE = (*(group for group in PARTS if group != "suite"), "budget")
"""The groups whose settings can be tuned; a suite's are the question, not the answer."""

OWN_KEYS = ("trials", "seeds")
FIRST_SEED = 1_000_000
"""Seeds of tuning begin here, so that no seed that judges has been tuned on."""

Setting = Mapping[str, Any]
"""Values by dotted key, as {"optimizer.lr": 0.01}."""


@dataclass(frozen=True)
class Choice:
    """In what a cell departs from its job.

    Attributes:
        setting: chosen for the cell.
        alone: chosen for the baseline of each task.
        told: what the manifest keeps of it, or None for cells that are not tuned.
        seeds: in place of the job's, or None.
    """

    setting: Setting = field(default_factory=dict)
    alone: Mapping[str, Setting] = field(default_factory=dict)
    told: dict[str, Any] | None = None
    seeds: list[int] | None = None


AS_GIVEN = Choice()


@dataclass(frozen=True)
class Tuning:
    """The settings to try.

    Attributes:
        settings: one entry per trial.
        seeds: the seeds of every trial, none of which judges.
    """

    settings: tuple[Setting, ...]
    seeds: tuple[int, ...]

    def at_edge(self, setting: Setting) -> list[str]:
        """Return the keys whose number is the smallest or largest of several tried: a better one may lie beyond."""
        tried = {key: {s[key] for s in self.settings} for key in setting}
        several = {
            key: values
            for key, values in tried.items()
            if len(values) > 2 and all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
        }
        return [key for key, values in several.items() if setting[key] in (min(values), max(values))]


def find_tuning(node: Any, judging: Sequence[int], jobs: int = 1) -> Tuning | None:
    """Return the tuning that a `tune` node asks for; None where it names no key.

    Lists give a grid, every combination. With `tune.trials` so many settings are drawn at random, from lists
    and from ranges `{low: 1e-4, high: 1e-1, log: true}`; the draws depend on the keys and their number alone, so
    that every command and every cell tries the same.

    Args:
        node: plain data: values by dotted or nested key, `trials` and `seeds`.
        judging: the seeds that judge.
        jobs: for each of which every setting is tried.

    Raises:
        ConfigError: every fault of the node; or it asks for too many runs.
    """
    if not isinstance(node, Mapping):
        raise ConfigError([Fault("tune", "must name keys, as tune.optimizer.lr=[0.001,0.01]", node)])
    own = {key: node.get(key) for key in OWN_KEYS}
    choices = dict(_flat({key: value for key, value in node.items() if key not in OWN_KEYS}))
    if not choices:
        return None
    faults = [*_own_faults(own, judging)]
    for key, choice in choices.items():
        faults += _choice_faults(key, choice, own["trials"])
    if faults:
        raise ConfigError(faults)
    seeds = own["seeds"]
    trials = own["trials"] or math.prod(len(choice) for choice in choices.values())
    check_runs(trials * jobs, seeds if isinstance(seeds, int) else len(seeds or ()), "trial")
    chosen = range(FIRST_SEED, FIRST_SEED + seeds) if isinstance(seeds, int) else list(seeds or ())
    drawn = _grid(choices) if own["trials"] is None else _random(choices, own["trials"])
    return Tuning(tuple(drawn), tuple(chosen))


def applied(job: Mapping[str, Any], setting: Setting) -> dict[str, Any]:
    """Return a job with those values of a setting that its options know; the others are for other options."""
    changed: dict[str, dict[str, Any]] = {}
    for key, value in known_part(job, setting).items():
        group, *names = key.split(".")
        changed[group] = _with(changed.get(group, job[group]), names, value)
    return {**job, **changed}


def _with(node: Mapping[str, Any], names: Sequence[str], value: Any) -> dict[str, Any]:
    """Return a node with another value under some names, each within the one before."""
    first, *rest = names
    return {**node, first: _with(node[first], rest, value) if rest else value}


def known_part(job: Mapping[str, Any], setting: Setting) -> Setting:
    """Return what of a setting the options of a job know."""
    return {key: value for key, value in setting.items() if _knows(job, key)}


def _knows(job: Mapping[str, Any], key: str) -> bool:
    group, name, *inner = key.split(".")
    known = f"{group}.{name}" in _settings(job, group)
    # The names of arguments a user's own class alone knows; it checks them.
    return known and (not inner or isinstance(job[group].get(name), Mapping))


def _settings(job: Mapping[str, Any], group: str) -> list[str]:
    return [f"{group}.{f.name}" for f in fields(locate(job[group]["_target_"])) if f.init]


def unknown_keys(jobs: Sequence[Mapping[str, Any]], tuning: Tuning) -> list[Fault]:
    """Return a fault for every tuned key that no job knows."""
    unknown = [key for key in tuning.settings[0] if not any(_knows(job, key) for job in jobs)]
    rule = "must name a setting that an option of the study has"
    return [
        Fault(
            f"tune.{key}", rule, key, sorted({s for job in jobs for s in _settings(job, key.split(".")[0])})
        )
        for key in unknown
    ]


def _flat(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, Mapping) and not {"low", "high"} & set(value):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield current_key(f"{prefix}{key}"), value


def _own_faults(own: Mapping[str, Any], judging: Sequence[int]) -> Iterator[Fault]:
    trials, seeds = own["trials"], own["seeds"]
    if trials is not None and not (_whole(trials) and trials >= 2):
        yield Fault("tune.trials", "must be at least 2, or null for every combination", trials)
    elif trials is not None:
        yield from most_faults("tune.trials", trials, trials, "trials")
    if _whole(seeds):
        if seeds < 1:
            yield Fault("tune.seeds", "must be at least 1", seeds)
        yield from most_faults("tune.seeds", seeds, seeds, "seeds")
        seeds = range(FIRST_SEED, FIRST_SEED + max(seeds, 0))
    elif (
        not isinstance(seeds, list)
        or not seeds
        or not all(_whole(s) and 0 <= s <= LARGEST_SEED for s in seeds)
    ):
        rule = f"must be a number of seeds or a list of them, from 0 to {LARGEST_SEED:,}"
        yield Fault("tune.seeds", rule, seeds)
        return
    both = sorted(seed for seed in judging if seed in seeds)
    if both:
        yield Fault("tune.seeds", "must not name seeds that judge (`seeds`)", both)


def _choice_faults(key: str, choice: Any, trials: Any) -> Iterator[Fault]:
    group, _, name = key.partition(".")
    if group not in TUNABLE or not name or name.count(".") > 1:
        yield Fault(f"tune.{key}", "must name a setting of one of these groups", key, TUNABLE)
    if isinstance(choice, Mapping):
        if trials is None:
            yield Fault(f"tune.{key}", "is a range, so `tune.trials` must say how many to draw", dict(choice))
        yield from _range_faults(key, choice)
    elif not isinstance(choice, list) or not choice:
        rule = "must be a list of values, or a range {low: 1e-4, high: 1e-1, log: true}"
        yield Fault(f"tune.{key}", rule, choice)
    elif not _finite(choice):
        yield Fault(f"tune.{key}", "must have finite numbers", choice)
    elif len({canonical_json(value) for value in choice}) < len(choice):
        yield Fault(f"tune.{key}", "must name each value once", choice)


def _range_faults(key: str, choice: Mapping[str, Any]) -> Iterator[Fault]:
    low, high, log = choice.get("low"), choice.get("high"), choice.get("log", False)
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (low, high))
    if set(choice) - {"low", "high", "log"} or not numbers or not isinstance(log, bool):
        yield Fault(f"tune.{key}", "must have numbers low and high, and may have log: true", dict(choice))
    elif not (low < high and (low > 0 or not log)):  # type: ignore[operator]
        rule = "must have low below high, and low above 0 where log is true"
        yield Fault(f"tune.{key}", rule, dict(choice))


def _finite(value: Any) -> bool:
    if isinstance(value, Mapping | list):
        return all(map(_finite, value.values() if isinstance(value, Mapping) else value))
    return not isinstance(value, float) or math.isfinite(value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _grid(choices: Mapping[str, list[Any]]) -> list[Setting]:
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]


def _random(choices: Mapping[str, Any], trials: int) -> list[Setting]:
    """Return settings drawn key by key: what one key draws does not depend on the others."""
    columns = {key: _draws(key, choice, trials) for key, choice in choices.items()}
    return [{key: column[k] for key, column in columns.items()} for k in range(trials)]


def _draws(key: str, choice: Any, trials: int) -> list[Any]:
    rng = stream(0, f"tune/{key}")
    if isinstance(choice, list):
        return [choice[k] for k in rng.integers(len(choice), size=trials)]
    low, high = choice["low"], choice["high"]
    if choice.get("log", False):
        return [math.exp(v) for v in rng.uniform(math.log(low), math.log(high), trials)]
    if _whole(low) and _whole(high):
        return [int(v) for v in rng.integers(low, high, trials, endpoint=True)]
    return [float(v) for v in rng.uniform(low, high, trials)]
