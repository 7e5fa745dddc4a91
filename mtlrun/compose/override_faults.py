"""What is wrong with overrides: Hydra's own errors become ours, all of them at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from hydra import compose
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override
from hydra.errors import HydraException
from omegaconf import DictConfig

from mtlrun.catalog import OPTION_RULE, groups, options_of, settings
from mtlrun.compose.grid_size import value_faults
from mtlrun.compose.hydra_internals import current_loader
from mtlrun.compose.plain import COMPOSE_ERRORS, first_line, plain
from mtlrun.errors import ConfigError, Fault, did_you_mean
from mtlrun.options.suggestions import guesses, question

JobFaults = Callable[[Mapping[str, Any]], list[Fault | str]]
"""Finds every fault of a job, as `mtlrun.prepare.checks.job_faults` does."""

MOST_DIGITS = 4300
"""Of a whole number, that Python reads from text; from as many on its `int` is a ValueError."""

_DIGITS = re.compile(rf"\d(_?\d){{{MOST_DIGITS},}}")
_PLAIN_SIGNS = "other signs than letters from a to z, digits and - _ . / : + % @ * $ \\"


def no_job_faults(job: Mapping[str, Any]) -> list[Fault | str]:
    """Return none: for callers that check jobs later, or not at all."""
    return []


def digit_faults(overrides: Sequence[str]) -> list[Fault | str]:
    """Return a fault for each override with a number of more digits than Python reads."""
    return [
        f"override `{text[:40]}...` holds a number of more than {MOST_DIGITS:,} digits"
        for text in overrides
        if _DIGITS.search(text)
    ]


def override_faults(overrides: Sequence[str], job_faults: JobFaults) -> list[Fault | str]:
    """Find what is wrong with overrides that do not compose, one by one; then check what is left.

    Args:
        overrides: as Hydra takes them; Hydra has been started.
        job_faults: finds the faults of the job that the faultless overrides compose.
    """
    faults: list[Fault | str] = []
    unread: list[str] = []
    good: list[Override] = []
    waiting = list(overrides)
    while waiting:
        text = waiting.pop(0)
        try:
            override = parsed(text)
        except HydraException as error:
            count = _split([text, *waiting])
            if not count:
                faults.append(_not_understood(text, error))
                unread.append(text.partition("=")[0].lstrip("+~"))
                continue
            faults.append(
                f"override `{text}` contains an unquoted space: put quotes around the whole override"
            )
            override = parsed(" ".join([text, *waiting[: count - 1]]))
            del waiting[: count - 1]
        if many := value_faults(override):
            faults += many
            continue
        named = override.key_or_group and values_of(override)
        fault = _option_fault(override) if named else f"override `{text}` names no key or no value"
        if fault:
            faults.append(fault)
        elif not override.is_interval_sweep():  # these only a sweeper can judge
            good.append(override)
    wrong = _compose_faults(good)
    first = [text for text in next(_jobs(good)) if text not in wrong]
    of_job = _faults_of(_composed(first), job_faults)
    missing = [f for f in of_job if isinstance(f, Fault) and f.key in unread]  # as they could not be read
    return [*faults, *wrong.values(), *(f for f in of_job if f not in missing)]


def _faults_of(config: DictConfig | None, job_faults: JobFaults) -> list[Fault | str]:
    try:
        return [] if config is None else job_faults(plain(config))
    except ConfigError as error:
        return error.faults


def _not_understood(text: str, error: HydraException) -> str:
    """Return what is wrong with an override that Hydra cannot read, and how to write it."""
    key, equals, value = text.partition("=")
    if not equals:
        guess = question(guesses(text, _options(), settings(options_of())))
        return f"override `{text}` is not understood: it must be KEY=VALUE{guess}"
    quoted = '{}="{}"'.format(key, value.replace("\\", "\\\\").replace('"', '\\"'))
    if not value or value[0] in "[{'\"":
        how = f"{first_line(error)}; inside, put quotes around text that holds {_PLAIN_SIGNS}"
        return f"override `{text}` is not understood: {how}"
    try:
        parsed(quoted)
    except HydraException:
        return f"override `{text}` is not understood: {first_line(error)}"
    return (
        f"override `{text}` holds signs that must be quoted: write '{quoted}', both kinds of quotes included"
    )


def _compose_faults(overrides: Sequence[Override]) -> dict[str, Fault | str]:
    """Return what is wrong with overrides that do not compose with the others, by override with its value."""
    wrong: dict[str, Fault | str] = {}
    no_keys: set[str] = set()  # wrong with every value
    composed: set[tuple[str, ...]] = set()
    for job in _jobs(overrides):
        left = [text for text in job if text not in wrong and text.partition("=")[0] not in no_keys]
        if tuple(left) in composed:
            continue
        composed.add(tuple(left))
        for text in list(left) if _composed(left) is None else ():
            fault = _compose_fault(left, text, overrides)
            if fault:
                wrong[text] = fault
                left.remove(text)
            if isinstance(fault, Fault):
                no_keys.add(text.partition("=")[0])
    return wrong


def parsed(text: str) -> Override:
    return OverridesParser.create(config_loader=current_loader()).parse_overrides([text])[0]


def _split(words: Sequence[str]) -> int:
    """Return how many words, of which the first alone is no override, together are one; 0 where none are.

    A shell parts an override without quotes at its spaces.
    """
    for count in range(2, len(words) + 1):
        try:
            parsed(" ".join(words[:count]))
        except HydraException:
            continue
        return count
    return 0


def _jobs(overrides: Sequence[Override]) -> Iterator[list[str]]:
    """Yield overrides without sweeps: each with its first value, then with every other option of one group."""
    first = [_with_value(override, 0) for override in overrides]
    yield first
    for place, override in enumerate(overrides):
        if override.is_discrete_sweep() and current_loader().get_group_options(override.key_or_group):
            for number in range(1, len(values_of(override))):
                yield [*first[:place], _with_value(override, number), *first[place + 1 :]]


def _composed(overrides: Sequence[str]) -> DictConfig | None:
    try:
        return compose("config", list(overrides))
    except COMPOSE_ERRORS:
        return None


def has_list(override: Override) -> bool:
    """Whether a value that an override sets, or sweeps over, is a list."""
    value = override.value()
    return any(isinstance(one, list) for one in (value.list if isinstance(value, ChoiceSweep) else [value]))


def values_of(override: Override) -> list[str]:
    """Return the values that an override takes, one for each job, as text."""
    if override.is_discrete_sweep():
        return [str(v) for v in override.sweep_string_iterator()]
    return [str(override.value()) if override.is_interval_sweep() else override.get_value_element_as_str()]


def _with_value(override: Override, number: int) -> str:
    """Return the override with one of its values."""
    if not override.is_discrete_sweep():
        return str(override.input_line)
    return f"{override.get_key_element()}={values_of(override)[number]}"


def _option_fault(override: Override) -> Fault | None:
    """Return what is wrong with a choice of an option."""
    group = override.key_or_group
    options = current_loader().get_group_options(group)
    if group in ("hydra.sweeper", "hydra.launcher") and not isinstance(override.value(), dict):
        of_hydra = group.replace(".", "/")
        rule = f"holds settings; its option is chosen by {of_hydra}, as {of_hydra}=basic"
        return Fault(
            group, rule, override.get_value_element_as_str(), current_loader().get_group_options(of_hydra)
        )
    if not options or override.is_delete():
        return None
    if has_list(override):
        rule = "takes one option; several are swept without brackets, as a,b"
        return Fault(group, rule, str(override.input_line).partition("=")[2])
    for option in values_of(override):
        if option not in options:
            return Fault(group, OPTION_RULE, option, options)
    return None


def _compose_fault(overrides: Sequence[str], text: str, swept: Sequence[Override]) -> Fault | str | None:
    """Return what is wrong with one override that makes the composition fail, given the group choices.

    Args:
        overrides: of one job.
        text: one of them.
        swept: those of all jobs.
    """
    key = text.partition("=")[0]
    choices = [o for o in overrides if current_loader().get_group_options(o.partition("=")[0])]
    try:
        compose("config", [*(o for o in choices if o != text), text])
    except COMPOSE_ERRORS as error:
        known = _keys(plain(compose("config", choices))) if text not in choices else groups()
        if key not in known and not key.startswith("hydra"):
            group = key.partition(".")[0]
            beside = [k for k in known if k.startswith(f"{group}.")]
            if lacking := _lacking(key, swept) if key != group else "":
                return Fault(key, f"is no setting of {lacking}", key, beside)
            near = _near(key, list(dict.fromkeys([*known, *groups()])))
            found = guesses(key, _options(), [*known, *settings(options_of())])
            exact = any(text.rpartition(".")[2] == key.rpartition(".")[2] for text in found)
            if did_you_mean(key, near, "{}") and not exact:
                return Fault(key, "is no key or group here", key, near)
            guess = question(found)
            return Fault(key, f"is no key or group here{guess}", *(() if guess else (key, near)))
        return first_line(error)
    return None


def _lacking(key: str, swept: Sequence[Override]) -> str:
    """Return the options that have no such setting, as `weighting=equal, uncertainty`; "" where none was chosen."""
    choosing = [o for o in swept if current_loader().get_group_options(o.key_or_group) and not o.is_delete()]
    group = [o for o in choosing if o.key_or_group == key.partition(".")[0]]
    # Where the group itself is not chosen, a preset that is swept sets it.
    for override in group or [o for o in choosing if o.is_discrete_sweep()]:
        others = [_with_value(o, 0) for o in choosing if o is not override]
        configs = {v: _composed([*others, f"{override.key_or_group}={v}"]) for v in values_of(override)}
        missing = [
            v for v, config in configs.items() if config is not None and key not in _keys(plain(config))
        ]
        if missing and (group or len(missing) < len(configs)):
            return f"{override.key_or_group}={', '.join(missing)}"
    return ""


def _options() -> dict[str, list[str]]:
    return {group: current_loader().get_group_options(group) for group in groups()}


def _near(key: str, known: Sequence[str]) -> list[str]:
    """Return the keys beside which a wrong key stands, or all top ones."""
    parent = key.rpartition(".")[0]
    beside = [k for k in known if parent and k.startswith(parent + ".")]
    return beside or [k for k in known if "." not in k and k != "invocation"]  # which commands set themselves


def _keys(config: Mapping[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key, value in config.items():
        if key == "_target_":
            continue
        found.append(prefix + str(key))
        if isinstance(value, Mapping):
            found += _keys(value, f"{prefix}{key}.")
    return found
