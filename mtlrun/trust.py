"""Whose code may run where a lock file or a store names it: these are data, which somebody else may have written.

Trusted by default: our own options, modules of `torch.nn`, models of torchvision, and what the options of the config
folders and of installed option packages name. `--trust NAME` adds a module or a package.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mtlrun.catalog import Known, load_option
from mtlrun.errors import ConfigError, Fault
from mtlrun.user_code import MOVED, TARGET, find, targets_in

OURS = "mtlrun."
LIBRARIES = {"torch.nn.": "torch.nn", "torchvision.models.": "torchvision.models"}
"""Beginnings of names in libraries, and where what they name must have been defined."""


class Trust:
    """What a user trusts.

    Args:
        names: modules, packages, classes or functions, with all that is below them.
        known: the options whose targets are trusted; without it, ours and those of installed packages.
    """

    def __init__(self, names: Sequence[str] = (), known: Known | None = None) -> None:
        self._names, self._known = tuple(names), known
        self._of_options: set[str] | None = None

    def check(self, origin: str, configs: Iterable[Any]) -> None:
        """Raise unless all that configs name may run; nothing untrusted is imported.

        Args:
            origin: where the configs come from, as `the lock file`.
            configs: plain data.

        Raises:
            ConfigError: something is not trusted; the message names all of it.
        """
        targets = dict.fromkeys(target for config in configs for target in _named(config))
        faults = [_fault(origin, target) for target in targets if not self.covers(target)]
        if faults:
            raise ConfigError(faults)

    def covers(self, target: str) -> bool:
        """Return whether a `_target_` may run."""
        if any(target == name or target.startswith(f"{name}.") for name in self._names):
            return True
        return _is_library(target) or target in self._targets()

    def _targets(self) -> set[str]:
        """Return what options name."""
        if self._of_options is None:
            from mtlrun.catalog import options_of

            known: Mapping[str, Mapping[str, Any]] = options_of() if self._known is None else self._known
            nodes = (load_option(group, o, root) for group, own in known.items() for o, root in own.items())
            self._of_options = {target for node in nodes for target in targets_in(node)}
        return self._of_options


def _named(value: Any) -> Iterable[str]:
    """Yield every `_target_`, one that is no text as its text: nothing of that name is trusted."""
    yield from targets_in(value)
    if isinstance(value, Mapping) and TARGET in value and not isinstance(value[TARGET], str):
        yield repr(value[TARGET])


def _is_library(target: str) -> bool:
    """Return whether a target is one of our options, or a module or function of a library that only computes."""
    target = MOVED.get(target, target)
    if target.startswith(OURS):
        return _is_option(target)
    home = next((home for begin, home in LIBRARIES.items() if target.startswith(begin)), None)
    if home is None or "._" in target:
        return False
    try:
        found = find(target)
    except ConfigError:
        return False
    place = f"{getattr(found, '__module__', None)}."
    return place.startswith(f"{home}.") and (
        home != "torch.nn" or isinstance(found, type) or _is_function(place)
    )


def _is_function(place: str) -> bool:
    return place == "torch.nn.functional."


def _is_option(target: str) -> bool:
    """Return whether a name of ours is a class that config nodes describe, or a module of ours.

    Other functions of ours would run what their arguments say, as the command line itself does.
    """
    from mtlrun.config import Configured

    try:
        found = find(target)
    except ConfigError:  # there is no such thing: building it reports that
        return True
    return isinstance(found, type) and found.__module__.startswith(OURS) and issubclass(found, Configured)


def _fault(origin: str, target: str) -> Fault:
    names = dict.fromkeys([target.rpartition(".")[0] or target, target.partition(".")[0]])
    ways = " or ".join(f"`--trust {name}`" for name in names)
    return Fault(
        target, f"is code that {origin} names, and would be imported and run: if you trust it, add {ways}"
    )
