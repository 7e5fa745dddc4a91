"""The wheel: it holds all that is needed and nothing else, and works from any folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support.commands import tiny

from mtlrun.catalog import conf_dir

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


def python(*arguments: str, **options) -> str:
    """Run Python and return what it prints; its output is shown where it fails."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the working tree."""
    folder = tmp_path_factory.mktemp("wheel")
    python("-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT))
    (path,) = folder.glob("mtlrun-*.whl")
    return path


@pytest.fixture(scope="module")
def site(wheel: Path) -> Path:
    """A folder with the wheel's content and nothing else."""
    folder = wheel.parent / "site"
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    python(*pip, "--target", str(folder), str(wheel))
    return folder


@pytest.fixture
def elsewhere(site: Path, tmp_path: Path):
    """Return a function that runs code in another folder with the wheel's package, not the working tree's."""
    prelude = (
        "import sys\n"
        f"sys.path[:] = [p for p in sys.path if p not in ('', {str(ROOT)!r})]\n"
        "sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in type(f).__module__.lower()]\n"
        "import mtlrun, hydra_plugins.mtlrun_cohorts.cohorts as plugin\n"
        f"assert mtlrun.__file__.startswith({str(site)!r}), mtlrun.__file__\n"
        f"assert plugin.__file__.startswith({str(site)!r}), plugin.__file__\n"
        "from mtlrun.cli import main\n"
    )

    def run(*arguments: str) -> str:
        code = prelude + f"raise SystemExit(main({list(arguments)!r}))"
        environment = {**os.environ, "PYTHONPATH": str(site)}
        return python("-c", code, cwd=tmp_path, env=environment)

    return run


def test_it_holds_the_package_its_options_and_the_plugins_and_no_tests(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    options = {f"mtlrun/conf/{p.relative_to(conf_dir()).as_posix()}" for p in conf_dir().rglob("*.yaml")}
    modules = {p.relative_to(ROOT).as_posix() for p in (ROOT / "mtlrun").rglob("*.py")}
    page = {
        p.relative_to(ROOT).as_posix() for p in (ROOT / "mtlrun/report/formats/page").iterdir() if p.is_file()
    }
    assert len(page) >= 7
    assert options | modules | page <= names
    assert {
        "mtlrun/conf/config.yaml",
        "mtlrun/py.typed",
        "hydra_plugins/mtlrun_cohorts/__init__.py",
        "hydra_plugins/mtlrun_cohorts/cohorts.py",
    } <= names
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"mtlrun", "hydra_plugins"}
    assert "hydra_plugins/__init__.py" not in names  # others have plugins in that namespace too


def test_its_metadata_names_script_plugin_and_licence(wheel):
    with zipfile.ZipFile(wheel) as archive:
        texts = {
            name.rpartition("/")[2]: archive.read(name).decode()
            for name in archive.namelist()
            if "dist-info" in name
        }
    assert "mtlrun = mtlrun.cli:main" in texts["entry_points.txt"]
    assert "[hydra.plugins]" in texts["entry_points.txt"]
    assert "Requires-Python: >=3.10" in texts["METADATA"]
    assert "LICENSE" in texts


def test_it_works_in_another_folder(elsewhere, tmp_path):
    listed = elsewhere("list", "weighting")
    assert {line.split()[0] for line in listed.splitlines()} >= {"equal", "pcgrad", "mgda"}
    assert "2020" in elsewhere("show", "weighting=pcgrad")
    printed = elsewhere(
        "run", *tiny(Path("runs"), "weighting=equal,pcgrad", "launch.processes=2", "launch.width=6")
    )
    assert "verdict" in printed
    page = json.loads(elsewhere("report", "--format", "json"))
    assert len(page["rows"]) == 4
    assert sorted(p.name for p in tmp_path.iterdir()) == ["runs"]
