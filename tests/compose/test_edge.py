"""Hydra stays at the edge: who imports it, and who knows of its private parts."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(path for folder in ("mtlrun", "hydra_plugins") for path in (ROOT / folder).rglob("*.py"))
COMPOSE = ROOT / "mtlrun" / "compose"
INTERNALS = COMPOSE / "hydra_internals.py"


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the full name of everything that a module imports, wherever it does so."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def named(path: Path) -> list[str]:
    return list(imported(ast.parse(path.read_text(encoding="utf-8"))))


def test_only_compose_and_the_plugins_import_hydra_or_omegaconf():
    users = {
        path for path in FILES for name in named(path) if name.partition(".")[0] in ("hydra", "omegaconf")
    }
    outside = {
        path for path in users if COMPOSE not in path.parents and ROOT / "hydra_plugins" not in path.parents
    }
    assert outside == set()
    assert INTERNALS in users


def test_only_one_file_uses_private_parts():
    private = {
        path: name
        for path in FILES
        for name in named(path)
        if name.partition(".")[0] in ("hydra", "omegaconf") and "._" in name
    }
    assert set(private) == {INTERNALS}


@pytest.mark.parametrize(
    "path", [p for p in FILES if COMPOSE in p.parents and p != INTERNALS], ids=lambda p: p.name
)
def test_no_other_file_of_compose_reaches_for_private_attributes(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    of_others = [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and not (isinstance(node.value, ast.Name) and node.value.id == "self")
    ]
    assert of_others == []


def test_the_docstring_lists_every_private_part():
    tree = ast.parse(INTERNALS.read_text(encoding="utf-8"))
    told = ast.get_docstring(tree) or ""
    assert [name for name in imported(tree) if "._" in name and name not in told] == []
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    private = {name for name in attributes if name.startswith("_") and not name.startswith("__")}
    own = {"_read", "_load", "_parsed"}  # of OptionRepository itself
    assert [name for name in private - own if f"{name}`" not in told] == []
    assert "1.3.2" in told
