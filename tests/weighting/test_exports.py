"""`from mtlrun.weighting import PCGrad`: every class by its name, and nothing heavy before one is used."""

import subprocess
import sys

import pytest

import mtlrun.weighting
from mtlrun.catalog import load_option, options
from mtlrun.config import locate

CLASSES = [locate(load_option("weighting", option)["_target_"]) for option in options("weighting")]


@pytest.mark.parametrize("cls", CLASSES, ids=[cls.__name__ for cls in CLASSES])
def test_every_option_is_there_by_the_name_of_its_class(cls):
    assert getattr(mtlrun.weighting, cls.__name__) is cls
    assert cls.__name__ in dir(mtlrun.weighting)


def test_what_a_star_imports():
    names: dict[str, object] = {}
    exec("from mtlrun.weighting import *", names)
    assert {n for n in names if not n.startswith("_")} == {"Balancer", *(cls.__name__ for cls in CLASSES)}


def test_modules_are_still_found_and_other_names_are_not():
    from mtlrun.weighting import random  # a module that no one may take for a class

    assert random.__name__ == "mtlrun.weighting.random"
    with pytest.raises(ImportError, match="PcGrad"):
        from mtlrun.weighting import PcGrad  # noqa: F401
    assert not hasattr(mtlrun.weighting, "__wrapped__")


def test_importing_the_package_loads_neither_torch_nor_the_options():
    code = (
        "import sys, mtlrun.weighting\n"
        "assert not {'torch', 'yaml', 'numpy'} & {*sys.modules}\n"
        "assert 'PCGrad' in dir(mtlrun.weighting) and 'torch' not in sys.modules\n"
        "from mtlrun.weighting import PCGrad\n"
        "assert 'mtlrun.weighting.pcgrad' in sys.modules and 'mtlrun.weighting.cagrad' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
