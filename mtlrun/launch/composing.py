"""Hydra as the rest of the launcher uses it: its loader, its errors, an override read, a job as plain data."""

from __future__ import annotations

from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mtlrun.errors import ConfigError

COMPOSE_ERRORS = (HydraException, OmegaConfBaseException, ValueError)
"""What Hydra raises on overrides; `weighting=3` is a bare ValueError there."""


def plain(config: DictConfig) -> dict[str, Any]:
    """Return a composed job as plain dicts, interpolations resolved, without Hydra's own part.

    Raises:
        ConfigError: an interpolation cannot be resolved.
    """
    try:
        found = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError([first_line(error)]) from error
    assert isinstance(found, dict)
    return {str(k): v for k, v in found.items() if k != "hydra"}


def loader() -> ConfigLoaderImpl:
    loader = GlobalHydra.instance().config_loader()
    assert isinstance(loader, ConfigLoaderImpl)
    return loader


def parsed(text: str) -> Override:
    return OverridesParser.create(config_loader=loader()).parse_overrides([text])[0]


def first_line(error: Exception) -> str:
    first = str(error).strip().partition("\n")[0] or type(error).__name__
    return "it holds a sign that must be quoted" if first.startswith("LexerNoViableAlt") else first
