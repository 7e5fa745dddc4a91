"""What settings choose of a table: columns that are inputs, and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mtlrun.data.tables.columns import names
from mtlrun.data.task import ALL_METRICS

if TYPE_CHECKING:
    from mtlrun.data.tables.table import Table

INDEX = "__index_level_"  # how pandas calls a column that numbers rows


def default_inputs(suite: Table) -> tuple[str, ...]:
    """Return the columns that are inputs where none are named."""
    return tuple(name for name, why in choice(suite).items() if why is None)


def choice(suite: Table) -> dict[str, str | None]:
    """Return for each column why it is no input, in a few words; None where it is one."""
    return {name: why_not(suite, name) for name in names(suite.file())}


def why_not(suite: Table, name: str) -> str | None:
    """Return why a column is no input, or None.

    Raises:
        ConfigError: it holds text where numbers belong.
    """
    return given_role(suite, name) or unfit(suite, name)


def given_role(suite: Table, name: str) -> str | None:
    """Return what settings use a column for, other than as an input; None where they do not."""
    roles: dict[str, str] = dict.fromkeys(suite.ignored or (), "ignored")
    roles |= {name: role for name, role in ((suite.group, "group"), (suite.split, "split")) if name}
    roles |= {name: f"target of {task}" for task in suite.available() for name in suite.columns_of(task)}
    if name not in roles and suite.inputs is not None and name not in suite.inputs:
        return "not named in suite.inputs"
    return roles.get(name)


def unfit(suite: Table, name: str) -> str | None:
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
    found = suite.column(name)
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
