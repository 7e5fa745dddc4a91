"""What our Hydra sweeper does: the grid that overrides and cases ask for, in batches."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import OmegaConf

from mtlrun.compose.grid_size import check_jobs


def grid_batches(
    arguments: Sequence[str], settings: Mapping[str, Any], seeds: Any, loader: ConfigLoader
) -> Iterator[list[tuple[str, ...]]]:
    """Yield the overrides of each job, the product of all overrides for every case, in batches.

    Without jobs there still is one batch: it is refused, as the overrides ask for nothing.

    Args:
        arguments: the overrides of the command line.
        settings: the sweeper's, as `GridSweeper` takes them.
        seeds: of the config of the sweep as a whole.
        loader: Hydra's, which knows the options that globs choose from.

    Raises:
        HydraException: a setting of the sweeper is not what it must be, or an override has no list of values.
        ConfigError: the overrides ask for too many jobs.
    """
    params, size = settings["params"], settings["max_batch_size"]
    _check_settings(params, size)
    parser = OverridesParser.create(config_loader=loader)
    overrides = parser.parse_overrides([*(f"{key}={value}" for key, value in params.items()), *arguments])
    cases = _plain_cases(settings["cases"])
    check_jobs(overrides, len(cases), _seed_count(overrides, seeds))
    given = {override.key_or_group for override in parser.parse_overrides(list(arguments))}
    together = [
        [f"{key}={_text(value)}" for key, value in case.items() if key not in given] for case in cases
    ]
    jobs = list(dict.fromkeys((*job, *case) for job in _product(overrides) for case in together))
    size = size or max(len(jobs), 1)
    for first in range(0, max(len(jobs), 1), size):
        yield jobs[first : first + size]


def _product(overrides: Sequence[Override]) -> Iterator[tuple[str, ...]]:
    """Yield the overrides of each job of a grid; of several with one key, the last counts, in the first's place."""
    values: dict[str, list[str]] = {}
    for override in overrides:
        key = override.get_key_element()
        if override.is_discrete_sweep():
            values[key] = [f"{key}={value}" for value in override.sweep_string_iterator()]
        elif override.is_sweep_override():
            kind = f"sweep type {override.value_type.name}" if override.value_type else "such sweeps"
            how = "list values, as a,b, or choose another sweeper"
            told = (
                f"`hydra/sweeper=mtlrun_grid` does not support {kind}, found `{override.input_line}`: {how}"
            )
            raise HydraException(told)
        else:
            values[key] = [f"{key}={override.get_value_element_as_str()}"]
    return itertools.product(*values.values())


def _seed_count(overrides: Sequence[Override], seeds: Any) -> int:
    """Return how many seeds each job has, as far as that is known here: at least 1."""
    for override in overrides:
        if override.key_or_group == "seeds" and not override.is_sweep_override():
            seeds = override.value()
    if isinstance(seeds, list):
        return max(len(seeds), 1)
    return max(seeds, 1) if isinstance(seeds, int) else 1


def _check_settings(params: Any, max_batch_size: Any) -> None:
    """Raise unless the sweeper's settings are what they must be.

    Raises:
        HydraException: they are not.
    """
    if not isinstance(params, Mapping):
        raise HydraException(f"`hydra.sweeper.params` must be a mapping of keys to values, found {params!r}")
    for key, value in params.items():
        if isinstance(value, Mapping):
            rule = f"must have one text with dots as the key of each value, found {key!r} with others inside"
            raise HydraException(f"`hydra.sweeper.params` {rule}")
    whole = isinstance(max_batch_size, int) and not isinstance(max_batch_size, bool)
    if max_batch_size is not None and not (whole and max_batch_size > 0):
        raise HydraException(
            f"`hydra.sweeper.max_batch_size` must be null or a number of jobs, found {max_batch_size!r}"
        )


def _plain_cases(cases: Any) -> list[dict[str, Any]]:
    """Return cases as plain data.

    Raises:
        HydraException: they are no list of mappings.
    """
    plain = OmegaConf.to_container(cases) if OmegaConf.is_config(cases) else cases
    if plain is None or plain == []:
        return [{}]
    if not isinstance(plain, list) or not all(isinstance(case, dict) for case in plain):
        raise HydraException(f"`hydra.sweeper.cases` must be a list of mappings, found {plain!r}")
    return plain


def _text(value: Any) -> str:
    """Return a value as overrides have it."""
    return value if isinstance(value, str) else json.dumps(value)
