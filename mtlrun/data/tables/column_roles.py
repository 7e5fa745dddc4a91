"""What settings choose of a table: columns that are inputs, and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from mtlrun.data.tables.columns import Columns
from mtlrun.data.task import ALL_METRICS


class Roles(Protocol):
    """What settings of a table (`mtlrun.data.tables.settings.TableSettings`) say of the roles of its columns."""

    inputs: list[str] | None
    ignored: list[str] | None
    group: str | None
    split: str | None
    most_categories: int

    def available(self) -> tuple[str, ...]:
        """Return the names of all tasks."""

    def columns_of(self, task: str) -> tuple[str, ...]:
        """Return the columns of a task's target."""

    def columns(self) -> Columns:
        """Return the columns of the file."""


INDEX = "__index_level_"  # how pandas calls a column that numbers rows


def default_inputs(suite: Roles) -> tuple[str, ...]:
    """Return the columns that are inputs where none are named."""
    return tuple(name for name, why in choice(suite).items() if why is None)


def choice(suite: Roles) -> dict[str, str | None]:
    """Return for each column why it is no input, in a few words; None where it is one.

    Raises:
        ConfigError: a column holds text where numbers belong.
    """
    given, columns = given_roles(suite), suite.columns()
    return {name: given.get(name) or unfit(suite, columns, name) for name in columns.names}


def given_roles(suite: Roles) -> dict[str, str]:
    """Return what settings use columns for, other than as inputs, by name."""
    roles: dict[str, str] = dict.fromkeys(suite.ignored or (), "ignored")
    roles |= {name: role for name, role in ((suite.group, "group"), (suite.split, "split")) if name}
    roles |= {name: f"target of {task}" for task in suite.available() for name in suite.columns_of(task)}
    if suite.inputs is not None:
        named = {*suite.inputs, *roles}
        others = (name for name in suite.columns().names if name not in named)
        roles |= dict.fromkeys(others, "not named in suite.inputs")
    return roles


def unfit(suite: Roles, columns: Columns, name: str) -> str | None:
    """Return why a column does not serve as an input unless it is named as one, or None.

    Raises:
        ConfigError: it holds text where numbers belong.
    """
    if suite.inputs is not None:
        return None
    if not name.strip():
        return "has no name"
    if name.startswith(INDEX):
        return "numbers the rows"
    found = columns.column(name)
    if found.kind == "other":
        return f"not a number, text or date but {found.stored}"
    if found.kind == "category" and len(found.classes) > suite.most_categories:
        return (
            f"text of {len(found.classes):,} kinds, more than suite.most_categories={suite.most_categories}"
        )
    return None


def metrics_of(asked: Mapping[str, str | list[str]] | None, task: str, kind: str) -> tuple[str, ...]:
    """Return all metrics of a task's kind, those asked for first; the first of all is primary."""
    found = (asked or {}).get(task, (asked or {}).get(kind, []))
    first = [found] if isinstance(found, str) else found
    return tuple(dict.fromkeys([*first, *ALL_METRICS[kind]]))
