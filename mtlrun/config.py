"""Config nodes become objects: each node names a class (`_target_`) and gives its fields.

Nodes are checked before anything is built or trained, and every fault is collected: unknown keys, wrong types
(against the dataclass's annotations) and whatever the class itself finds wrong with its values.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import re
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mtlrun.annotations import advice, coerced, fits, type_name
from mtlrun.errors import TEXT_KEYS, ConfigError, Fault
from mtlrun.user_code import TARGET, blaming, find, is_ours

ADDED = {"added": True}
"""Metadata of a field that an option got after runs of it had been stored: at its default it is no part of their
ids, so the runs are still found. Give it as `field(default=..., kw_only=True, metadata=ADDED)`."""

FORMERLY = "formerly"
"""Key of the metadata of a field that had another name: that name. Run ids keep it, and stored nodes may have it."""

RENAMED = {"weighting.on": "weighting.gradients_at", "suite.colours": "suite.channels"}
"""Settings by their former keys, which overrides and options of users may still have."""

PLACE = {"place": True}
"""Metadata of a field that says where data lie: it is no part of run ids, since another field tells their content."""


_OVERRIDE = re.compile(r"((?:[+~]|tune\.)*)([^=]*)(.*)", re.DOTALL)
"""An override: marks, or that it is a key to tune; its key; and the rest."""


class Configured:
    """Base of the dataclasses that config nodes describe.

    Equal nodes are built once and share their object, so fields do not change: use `dataclasses.replace`.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; the fields of a built object are fixed."""
        if "_built" in self.__dict__ and name in self.__dataclass_fields__:  # type: ignore[attr-defined]
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r} of a built setting")
        super().__setattr__(name, value)

    @classmethod
    def depends_on(cls, node: Mapping[str, Any]) -> Any:
        """Return what an object depends on besides its node, as the content of a file that it names; hashable."""
        return None

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong with the values; keys are field names. Types have been checked before."""
        return iter(())

    def variants(self, tasks: int) -> Sequence[Configured]:
        """Return the options that this one stands for with so many tasks; each is a cell of the study.

        A strategy that is one point of a study, as nearly all are, stands for itself.

        Raises:
            ConfigError: there are too many; keys are field names.
        """
        return [self]


Part = typing.TypeVar("Part", bound=Configured)


def locate(target: Any) -> type:
    """Import the class that a `_target_` names.

    Raises:
        ConfigError: the class cannot be imported, or nodes cannot describe the class.
    """
    found = find(target)
    configured = isinstance(found, type) and issubclass(found, Configured) and dataclasses.is_dataclass(found)
    if not configured or inspect.isabstract(found):
        rule = "must name a dataclass derived from mtlrun.config.Configured, with all its methods"
        raise ConfigError([Fault(TARGET, rule, target)])
    assert isinstance(found, type)
    return found


def check_node(group: str, node: Mapping[str, Any], base: type | None = None) -> list[Fault]:
    """Return every fault of one group's node; of its values only where `shape_faults` finds none.

    Args and faults are as of `shape_faults`.
    """
    faults = shape_faults(group, node, base)
    if faults:
        return faults
    try:
        with blaming(group, node[TARGET]):
            found = list(build(node).faults())
    except ConfigError as error:  # what the class of somebody else raised
        return [fault for fault in error.faults if isinstance(fault, Fault)]
    return [fault._replace(key=f"{group}.{fault.key}") for fault in found]


def shape_faults(group: str, node: Mapping[str, Any], base: type | None = None) -> list[Fault]:
    """Return what keeps a node from being built: its class, its keys, and the types of its values.

    Args:
        group: its name, for messages.
        node: plain data.
        base: what its class must be derived from.
    """
    if not isinstance(node, Mapping) or "_target_" not in node:
        return [Fault(group, "must be an option of this group, with a `_target_`", node)]
    try:
        cls = locate(node["_target_"])
    except ConfigError as error:
        return [fault._replace(key=f"{group}._target_") for fault in error.faults if isinstance(fault, Fault)]
    if base is not None and not issubclass(cls, base):
        rule = f"must name a class derived from {base.__module__}.{base.__qualname__}"
        return [Fault(f"{group}._target_", rule, node["_target_"])]
    faults = list(key_faults(node, group))
    if faults:
        return faults
    hints, former = _fields(cls).hints, _fields(cls).former
    given = {k: v for k, v in _renamed(cls, node).items() if k != "_target_"}
    faults = [
        Fault(f"{group}.{key}", both_names(f"{group}.{former[key]}"))
        if key in former
        else Fault(f"{group}.{key}", "is not a setting of this option", key, sorted(hints))
        for key in given
        if key not in hints
    ]
    for key, value in given.items():
        if key in hints and not fits(value, hints[key]):
            faults.append(
                Fault(f"{group}.{key}", f"must be {type_name(hints[key])}{advice(value, hints[key])}", value)
            )
    faults += [
        Fault(f"{group}.{f.name}", "must be given")
        for f in dataclasses.fields(cls)
        if f.init
        and f.name not in given
        and f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
    ]
    return faults


def key_faults(value: Any, key: str) -> Iterator[Fault]:
    """Yield a fault for each key of plain data that is no text, however deep; YAML reads a bare `on` as true."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            if not isinstance(name, str):
                yield Fault(key, TEXT_KEYS, name)
            yield from key_faults(part, f"{key}.{name}")
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from key_faults(part, f"{key}[{place}]")


def build(node: Mapping[str, Any]) -> Any:
    """Return the object of a checked node; whole numbers become floats where meant.

    Equal nodes of ours share one object. A user's class is built anew each time: it may keep what it has read.
    """
    cls: Any = locate(node["_target_"])
    if not is_ours(node["_target_"]):
        return _made(cls, node)
    return _shared(cls, json.dumps(node), cls.depends_on(node))


@functools.lru_cache(maxsize=4096)
def _shared(cls: type, text: str, _state: Any) -> Any:
    """Return the object of a class and a node as JSON, the same one as long as the state is."""
    return _made(cls, json.loads(text))


def _made(cls: type, node: Mapping[str, Any]) -> Any:
    hints = _fields(cls).hints
    found = cls(**{k: coerced(v, hints[k]) for k, v in _renamed(cls, node).items() if k != "_target_"})
    object.__setattr__(found, "_built", True)
    return found


def checked(part: Part) -> Part:
    """Return an object made in Python as `build` makes it of a node: whole numbers as floats where these are meant.

    Raises:
        ConfigError: a value has the wrong type, or the object finds it wrong; keys are field names.
    """
    cls: type = type(part)
    hints = _fields(cls).hints
    values = {name: getattr(part, name) for name in hints}
    faults = [
        Fault(name, f"must be {type_name(hints[name])}", value)
        for name, value in values.items()
        if not fits(value, hints[name])
    ]
    if not faults:
        part = cls(**{name: coerced(value, hints[name]) for name, value in values.items()})
        faults = list(part.faults())
    if faults:
        raise ConfigError(faults)
    return part


def to_node(value: Any) -> dict[str, Any]:
    """Return the full node of an object: its class and every field, defaults included."""
    cls = type(value)
    fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
    return {"_target_": f"{cls.__module__}.{cls.__qualname__}", **fields}


def complete(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return a checked node with every field, defaults included, each in its own type."""
    return to_node(build(node))


def identity(node: Any) -> Any:
    """Return what of a group's complete node goes into a run's id: neither `PLACE` nor `ADDED` at its default.

    A setting that was renamed goes in under its former name, so that runs keep their ids.
    """
    if not isinstance(node, Mapping) or "_target_" not in node:
        return node
    try:
        cls = locate(node["_target_"])
    except ConfigError:  # a node of somebody else's, which nothing was added to
        return node
    about = _fields(cls)
    former = {new: old for old, new in about.former.items()}
    return {
        former.get(k, k): v
        for k, v in _renamed(cls, node).items()
        if k not in about.places and (k not in about.added or v != about.added[k])
    }


def current_key(key: str) -> str:
    """Return the key that a setting has today, for one that it has or had: `weighting.on` is `.gradients_at`."""
    return RENAMED.get(key, key)


def current_override(override: str) -> str:
    """Return an override, or its beginning, with the key that its setting has today."""
    mark, key, rest = _OVERRIDE.match(override).groups()  # type: ignore[union-attr]
    return f"{mark}{current_key(key)}{rest}"


def twice_given(overrides: Iterable[str]) -> list[Fault]:
    """Return a fault for each setting that overrides give by its key of today and by a former one."""
    keys = [_OVERRIDE.match(text).groups() for text in overrides]  # type: ignore[union-attr]
    tuned = [(mark.lstrip("+~"), key) for mark, key, _ in keys]
    return [
        Fault(f"{mark}{key}", both_names(f"{mark}{current_key(key)}"))
        for mark, key in dict.fromkeys(tuned)
        if key in RENAMED and (mark, current_key(key)) in tuned
    ]


def both_names(key: str) -> str:
    """Return the rule for a setting that is given by a former key beside `key`, its key of today."""
    return f"is the former name of `{key}`, which is given too: remove one of them"


def _renamed(cls: type, node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a node with today's names of its settings."""
    former = {old: new for old, new in _fields(cls).former.items() if old in node and new not in node}
    return {former.get(key, key): value for key, value in node.items()} if former else node


class _Fields(typing.NamedTuple):
    """What the fields of a class say.

    Attributes:
        hints: types of those that nodes give.
        former: today's names of the renamed ones, by their former names.
        added: defaults of the `ADDED` ones.
        places: names of the `PLACE` ones.
    """

    hints: dict[str, Any]
    former: dict[str, str]
    added: dict[str, Any]
    places: set[str]


@functools.cache
def _fields(cls: type) -> _Fields:
    assert dataclasses.is_dataclass(cls)
    hints, fields = typing.get_type_hints(cls), dataclasses.fields(cls)
    return _Fields(
        {f.name: hints[f.name] for f in fields if f.init},
        {f.metadata[FORMERLY]: f.name for f in fields if FORMERLY in f.metadata},
        {f.name: f.default for f in fields if f.metadata.get("added")},
        {f.name for f in fields if f.metadata.get("place")},
    )
