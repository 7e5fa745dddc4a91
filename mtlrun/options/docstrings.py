"""Docstrings of a dotted name, read from its source file: nothing is imported, so nothing heavy is loaded."""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

_MAX_REEXPORTS = 5  # `from .adam import Adam` in a package's __init__, followed at most this often


def read_docstrings(target: str) -> tuple[str, str]:
    """Return the docstrings of the class or function `target` and of the module that defines it.

    A docstring that is missing, or that is not plain text in a Python source file, is an empty string. Names
    that a package passes on by `from module import Name` are followed to their module.
    """
    for _ in range(_MAX_REEXPORTS):
        module, path, name = _locate(target)
        if path is None:
            break
        tree = ast.parse(path.read_bytes(), filename=str(path))
        node = _definition(tree, name.split("."))
        if node is not None:
            return ast.get_docstring(node) or "", ast.get_docstring(tree) or ""
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        found = _reexported(tree, package, name)
        if found is None:
            break
        target = found
    return "", ""


def package_folders(name: str) -> list[str]:
    """Return the folders of a package, found without importing it or its parents; none where there is no such."""
    search: list[str] | None = None
    for depth, _ in enumerate(parts := name.split("."), start=1):
        spec = _find_spec(".".join(parts[:depth]), search)
        if spec is None or spec.submodule_search_locations is None:
            return []
        search = list(spec.submodule_search_locations)
    return search or []


def _locate(target: str) -> tuple[str, Path | None, str]:
    """Split `a.b.C` into the module `a.b`, its source file, and the name `C` in it."""
    parts = target.split(".")
    module, path, search = "", None, None
    for depth, part in enumerate(parts[:-1], start=1):
        spec = _find_spec(f"{module}.{part}".lstrip("."), search)
        if spec is None:
            return module, path, ".".join(parts[depth - 1 :])
        module = spec.name
        origin = spec.origin or ""
        path = Path(origin) if spec.has_location and origin.endswith(".py") else None
        search = None if spec.submodule_search_locations is None else list(spec.submodule_search_locations)
        if search is None:
            return module, path, ".".join(parts[depth:])
    return module, path, parts[-1]


def _find_spec(name: str, search: Sequence[str] | None) -> ModuleSpec | None:
    """Find a module without running its parents, as the import system does, then in the working folder."""
    for finder in sys.meta_path:
        spec = finder.find_spec(name, search)
        if spec is not None:
            return spec
    return PathFinder.find_spec(name, [os.getcwd()]) if search is None else None


def _definition(tree: ast.AST, names: Iterable[str]) -> ast.ClassDef | ast.FunctionDef | None:
    found: ast.AST = tree
    for name in names:
        body = getattr(found, "body", [])
        kinds = (ast.ClassDef, ast.FunctionDef)
        match = next((node for node in body if isinstance(node, kinds) and node.name == name), None)
        if match is None:
            return None
        found = match
    return found if isinstance(found, ast.ClassDef | ast.FunctionDef) else None


def _reexported(tree: ast.Module, package: str, name: str) -> str | None:
    """Return the full name that `from x import y as name` stands for at the top of a module."""
    for node in tree.body:
        if not isinstance(node, ast.ImportFrom):
            continue
        for alias in node.names:
            if (alias.asname or alias.name) == name:
                relative = "." * node.level + (node.module or "")
                return f"{importlib.util.resolve_name(relative, package)}.{alias.name}"
    return None
