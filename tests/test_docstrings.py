"""Docstrings come from source text: no module is run to read them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mtlrun.options.docstrings import read_docstrings

_MODULE = '''"""The module."""
raise RuntimeError("this module must not be run")


class Thing:
    """A thing.

    More of it.
    """

    def part(self):
        """A part."""


def bare():
    return 0
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "thingpack"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text(
        "from .things import Thing as Renamed\nfrom json import dumps\n1 / 0\n"
    )
    (folder / "things.py").write_text(_MODULE)
    (folder / "inner" / "__init__.py").write_text("from ..things import Thing, Gone\nfrom . import Loop\n")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("thingpack.things.Thing", ("A thing.\n\nMore of it.", "The module.")),
        ("thingpack.things.Thing.part", ("A part.", "The module.")),
        ("thingpack.things.bare", ("", "The module.")),
        ("thingpack.Renamed", ("A thing.\n\nMore of it.", "The module.")),
        ("thingpack.inner.Thing", ("A thing.\n\nMore of it.", "The module.")),
        ("thingpack.inner.Gone", ("", "")),
        ("thingpack.inner.Loop", ("", "")),
        ("thingpack.things.Missing", ("", "")),
        ("thingpack.nowhere.Thing", ("", "")),
        ("nopackage.Thing", ("", "")),
        ("builtins.dict", ("", "")),
        ("Thing", ("", "")),
    ],
)
def test_docstrings_are_read_without_running_the_module(
    package: Path, target: str, expected: tuple[str, str]
) -> None:
    assert read_docstrings(target) == expected
    assert "thingpack" not in sys.modules


def test_name_passed_on_from_another_package_is_followed(package: Path) -> None:
    assert read_docstrings("thingpack.dumps")[0].startswith("Serialize")


def test_docstring_of_torch_is_read_without_torch() -> None:
    code = (
        "import sys; from mtlrun.options.docstrings import read_docstrings as read; "
        "print(read('torch.nn.modules.linear.Linear')[0][:21]); assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "Applies an affine lin\n"
