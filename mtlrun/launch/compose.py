"""Hydra: from overrides to jobs. Hydra's own errors become ours, all of them at once."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from hydra import compose, initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mtlrun.catalog import OPTION_RULE, conf_dir, groups, options_of, settings
from mtlrun.config import current_override
from mtlrun.errors import ConfigError, Fault, did_you_mean
from mtlrun.launch.bounds import value_faults
from mtlrun.launch.repository import OptionRepository
from mtlrun.near_misses import guesses, question
from mtlrun.option_files import check_folders
from mtlrun.option_packages import option_folders
from mtlrun.prepare.checks import job_faults

COMPOSE_ERRORS = (HydraException, OmegaConfBaseException, ValueError)
"""What Hydra raises on overrides; `weighting=3` is a bare ValueError there."""

OPEN = ("tune.", "model.encoder.", "suite.losses.", "suite.class_weights.")
"""Below these keys, names are those of settings to try, of arguments of a user's own class, of tasks."""

HOME = re.compile(r"([=:,\[]\s*)~(?=/)")
"""The user's own folder at the beginning of a path, which a shell leaves as it is behind `suite.path=`."""


_PLAIN_SIGNS = "other signs than letters from a to z, digits and - _ . / : + % @ * $ \\"


class Task(Protocol):
    """What Hydra launches: one job, or with our launcher a whole batch."""

    def __call__(self, config: DictConfig) -> float:
        """Do one job."""

    def batch(self, jobs: Sequence[dict[str, Any]]) -> list[float]:
        """Do a batch of jobs, as `plain` gives them, and return a value for each."""


def multirun(overrides: Sequence[str], task: Task, config_dirs: Sequence[str] = ()) -> None:
    """Compose every job that the overrides ask for, and launch them through Hydra's sweeper and launcher.

    Raises:
        ConfigError: the overrides cannot be composed; every fault is told.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come to us, not to the terminal
    overrides = [*map(_for_hydra, overrides), f"invocation={uuid.uuid4().hex}"]
    with initialize_config_dir(str(conf_dir().resolve()), job_name="mtlrun", version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        _add_folders(_loader(), config_dirs)
        try:
            _refuse_lists(overrides)
            hydra.multirun("config", task, overrides, with_log_configuration=False)
        except COMPOSE_ERRORS as error:
            faults = _faults(overrides)
            if not faults and not isinstance(error, HydraException | OmegaConfBaseException):
                raise  # a fault of the program, not of the overrides
            raise ConfigError(faults or [_first_line(error)]) from error


def plain(config: DictConfig) -> dict[str, Any]:
    """Return a composed job as plain dicts, interpolations resolved, without Hydra's own part.

    Raises:
        ConfigError: an interpolation cannot be resolved.
    """
    try:
        found = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError([_first_line(error)]) from error
    assert isinstance(found, dict)
    return {str(k): v for k, v in found.items() if k != "hydra"}


def _for_hydra(override: str) -> str:
    """Return an override as Hydra takes it: keys that no option declares are marked; it has no sign for home.

    A setting that was renamed has today's key.
    """
    override = current_override(override)
    override = HOME.sub(lambda found: found[1] + str(Path.home()), override)
    return f"++{override}" if override.startswith(OPEN) else override


def _loader() -> ConfigLoaderImpl:
    loader = GlobalHydra.instance().config_loader()
    assert isinstance(loader, ConfigLoaderImpl)
    return loader


def _add_folders(loader: ConfigLoaderImpl, config_dirs: Sequence[str]) -> None:
    """Add folders of config groups behind our own, then those of installed packages; also for globs."""
    faults = [Fault("--config-dir", "must be a folder", d) for d in config_dirs if not Path(d).is_dir()]
    if faults:
        raise ConfigError(faults)
    folders = [*map(Path, config_dirs), *option_folders()]
    check_folders(folders, groups())
    for folder in reversed(folders):
        path = f"file://{folder.resolve()}"
        loader.get_search_path().append("options", path, SearchPathQuery("main", None))
    loader.repository = OptionRepository(loader.get_search_path())


def _refuse_lists(overrides: Sequence[str]) -> None:
    """Refuse a list of options: Hydra would put them into one node, where the last wins.

    Raises:
        ConfigError: every such override, with the other faults.
    """
    for override in OverridesParser.create(config_loader=_loader()).parse_overrides(list(overrides)):
        if isinstance(override.value(), list) and _loader().get_group_options(override.key_or_group):
            raise ConfigError(_faults(overrides))


def _faults(overrides: Sequence[str]) -> list[Fault | str]:
    """Find what is wrong with overrides that do not compose, one by one; then check what is left."""
    faults: list[Fault | str] = []
    unread: list[str] = []
    good: list[Override] = []
    waiting = list(overrides)
    while waiting:
        text = waiting.pop(0)
        try:
            override = _parsed(text)
        except HydraException as error:
            count = _split([text, *waiting])
            if not count:
                faults.append(_not_understood(text, error))
                unread.append(text.partition("=")[0].lstrip("+~"))
                continue
            faults.append(f"override `{text}` goes on behind a space: put quotes around the whole override")
            override = _parsed(" ".join([text, *waiting[: count - 1]]))
            del waiting[: count - 1]
        if many := value_faults(override):
            faults += many
            continue
        named = override.key_or_group and _values(override)
        fault = _option_fault(override) if named else f"override `{text}` names no key or no value"
        if fault:
            faults.append(fault)
        elif not override.is_interval_sweep():  # these only a sweeper can judge
            good.append(override)
    wrong = _compose_faults(good)
    first = [text for text in next(_jobs(good)) if text not in wrong]
    config, faults = _composed(first), [*faults, *wrong.values()]
    try:
        of_job = [] if config is None else job_faults(plain(config))
    except ConfigError as error:
        of_job = error.faults
    missing = [f for f in of_job if isinstance(f, Fault) and f.key in unread]  # as they could not be read
    return [*faults, *(f for f in of_job if f not in missing)]


def _not_understood(text: str, error: HydraException) -> str:
    """Return what is wrong with an override that Hydra cannot read, and how to write it."""
    key, equals, value = text.partition("=")
    if not equals:
        guess = question(guesses(text, _options(), settings(options_of())))
        return f"override `{text}` is not understood: it must be KEY=VALUE{guess}"
    quoted = '{}="{}"'.format(key, value.replace("\\", "\\\\").replace('"', '\\"'))
    if not value or value[0] in "[{'\"":
        how = f"{_first_line(error)}; inside, put quotes around text that holds {_PLAIN_SIGNS}"
        return f"override `{text}` is not understood: {how}"
    try:
        _parsed(quoted)
    except HydraException:
        return f"override `{text}` is not understood: {_first_line(error)}"
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
            fault = _compose_fault(left, text)
            if fault:
                wrong[text] = fault
                left.remove(text)
            if isinstance(fault, Fault):
                no_keys.add(text.partition("=")[0])
    return wrong


def _parsed(text: str) -> Override:
    return OverridesParser.create(config_loader=_loader()).parse_overrides([text])[0]


def _split(words: Sequence[str]) -> int:
    """Return how many words, of which the first alone is no override, together are one; 0 where none are.

    A shell parts an override without quotes at its spaces.
    """
    for count in range(2, len(words) + 1):
        try:
            _parsed(" ".join(words[:count]))
        except HydraException:
            continue
        return count
    return 0


def _jobs(overrides: Sequence[Override]) -> Iterator[list[str]]:
    """Yield overrides without sweeps: each with its first value, then with every other option of one group."""
    first = [_with_value(override, 0) for override in overrides]
    yield first
    for place, override in enumerate(overrides):
        if override.is_discrete_sweep() and _loader().get_group_options(override.key_or_group):
            for number in range(1, len(_values(override))):
                yield [*first[:place], _with_value(override, number), *first[place + 1 :]]


def _composed(overrides: Sequence[str]) -> DictConfig | None:
    try:
        return compose("config", list(overrides))
    except COMPOSE_ERRORS:
        return None


def _values(override: Override) -> list[str]:
    """Return the values that an override takes, one for each job, as text."""
    if override.is_discrete_sweep():
        return [str(v) for v in override.sweep_string_iterator()]
    return [str(override.value()) if override.is_interval_sweep() else override.get_value_element_as_str()]


def _with_value(override: Override, number: int) -> str:
    """Return the override with one of its values."""
    if not override.is_discrete_sweep():
        return str(override.input_line)
    return f"{override.get_key_element()}={_values(override)[number]}"


def _option_fault(override: Override) -> Fault | None:
    """Return what is wrong with a choice of an option."""
    group = override.key_or_group
    options = _loader().get_group_options(group)
    if group in ("hydra.sweeper", "hydra.launcher") and not isinstance(override.value(), dict):
        of_hydra = group.replace(".", "/")
        rule = f"holds settings; its option is chosen by {of_hydra}, as {of_hydra}=basic"
        return Fault(group, rule, override.get_value_element_as_str(), _loader().get_group_options(of_hydra))
    if not options or override.is_delete():
        return None
    if isinstance(override.value(), list):
        rule = "takes one option; several are swept without brackets, as a,b"
        return Fault(group, rule, override.get_value_element_as_str())
    for value in _values(override):
        if value not in options:
            return Fault(group, OPTION_RULE, value, options)
    return None


def _compose_fault(overrides: Sequence[str], text: str) -> Fault | str | None:
    """Return what is wrong with one override that makes the composition fail, given the group choices."""
    key = text.partition("=")[0]
    choices = [o for o in overrides if _loader().get_group_options(o.partition("=")[0])]
    try:
        compose("config", [*(o for o in choices if o != text), text])
    except COMPOSE_ERRORS as error:
        known = _keys(plain(compose("config", choices))) if text not in choices else groups()
        if key not in known and not key.startswith("hydra"):
            group = key.partition(".")[0]
            for choice in choices:
                if choice.partition("=")[0] == group != key:
                    beside = [k for k in known if k.startswith(f"{group}.")]
                    return Fault(key, f"is no setting of {choice}", key, beside)
            near = _near(key, list(dict.fromkeys([*known, *groups()])))
            found = guesses(key, _options(), [*known, *settings(options_of())])
            exact = any(text.rpartition(".")[2] == key.rpartition(".")[2] for text in found)
            if did_you_mean(key, near, "{}") and not exact:
                return Fault(key, "is no key or group here", key, near)
            guess = question(found)
            return Fault(key, f"is no key or group here{guess}", *(() if guess else (key, near)))
        return _first_line(error)
    return None


def _options() -> dict[str, list[str]]:
    return {group: _loader().get_group_options(group) for group in groups()}


def _near(key: str, known: Sequence[str]) -> list[str]:
    """Return the keys beside which a wrong key stands, or all top ones."""
    parent = key.rpartition(".")[0]
    beside = [k for k in known if parent and k.startswith(parent + ".")]
    return beside or [k for k in known if "." not in k]


def _keys(config: Mapping[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key, value in config.items():
        if key == "_target_":
            continue
        found.append(prefix + str(key))
        if isinstance(value, Mapping):
            found += _keys(value, f"{prefix}{key}.")
    return found


def _first_line(error: Exception) -> str:
    first = str(error).strip().partition("\n")[0] or type(error).__name__
    return "it holds a sign that must be quoted" if first.startswith("LexerNoViableAlt") else first
