"""Composed configs as plain data, and what Hydra's errors say in one line."""

from __future__ import annotations

from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mtlrun.errors import ConfigError

COMPOSE_ERRORS = (HydraException, OmegaConfBaseException, ValueError, RecursionError)
"""What Hydra raises on overrides; `weighting=3` is a bare ValueError there."""


def plain(config: DictConfig) -> dict[str, Any]:
    """Return a composed job as plain dicts, interpolations resolved, without Hydra's own part.

    Raises:
        ConfigError: an interpolation cannot be resolved.
    """
    try:
        return {str(key): _resolved(config, str(key)) for key in config if key != "hydra"}
    except OmegaConfBaseException as error:
        raise ConfigError([first_line(error)]) from error


def _resolved(config: DictConfig, key: str) -> Any:
    """Return the value of a key, resolved in its config; Hydra's part keeps overrides as text, which must not be."""
    if OmegaConf.is_missing(config, key):
        return "???"
    value = config[key]
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def unresolved(config: DictConfig) -> dict[str, Any]:
    """Return a composed job as plain dicts, interpolations as they are written, without Hydra's own part."""
    return without_hydra(OmegaConf.to_container(config, resolve=False))


def without_hydra(config: Any) -> dict[str, Any]:
    """Return a config without Hydra's own part."""
    assert isinstance(config, dict)
    return {str(key): value for key, value in config.items() if key != "hydra"}


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, which says what is wrong."""
    if isinstance(error, RecursionError):
        return "a value is nested too deeply"
    first = str(error).strip().partition("\n")[0] or type(error).__name__
    return "it holds a sign that must be quoted" if first.startswith("LexerNoViableAlt") else first
