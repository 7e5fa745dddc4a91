"""The folder of YAMLs is the registry: what is in it is listed, described and named, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mtlrun.catalog import conf_dir, describe, groups, label, load_option, options
from mtlrun.errors import ConfigError

_FILES = {
    "weighting/equal.yaml": "# Every task has weight 1.\n_target_: mtlrun.streams.stream\n",
    "weighting/dwa.yaml": (
        "# Dynamic weight average.\n#\n# Liu et al. 2019, equation 7.\n"
        "_target_: nowhere.dwa.DWA\n"
        "tau: 2.0   # temperature\n"
        "rate: 1e-3\n"
        "url: a#b  # a text with a hash\n"
        "warm:  # for the first steps\n"
        "  steps: 10  # in steps\n"
        "  factor: [0.1,  # two lines\n    0.2]\n"
        "names: []\n"
        "start:  # none by default\n"
    ),
    "optimizer/adam.yaml": "_target_: x.Adam\nlr: 1e-3\ndecay: 0.0\n",
    "optimizer/adamw.yaml": "_target_: x.Adam\nlr: 1e-3\ndecay: 0.01\ndecoupled: true\n",
    "optimizer/sgd.yaml": "_target_: x.SGD\nlr: 0.1\n",
    "budget/short.yaml": "epochs: 2\n",
    "budget/long.yaml": "epochs: 20\n",
    "mitigation/separate_heads.yaml": (
        "# @package _global_\n# Deeper private heads.\ndefaults:\n"
        "  - override /heads: mlp\n  - override /weighting: equal\n  - _self_\nheads:\n  depth: 2\n"
    ),
    "hydra/launcher/ours.yaml": "a: 1\n",
    "empty/notes.txt": "",
    "config.yaml": "seeds: 10\n",
}


def known_in(root: Path) -> dict[str, dict[str, Path]]:
    return {group: dict.fromkeys(options(group, root), root) for group in groups(root)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in _FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_groups_are_the_folders_that_hold_yaml(root: Path) -> None:
    assert groups(root) == ["budget", "mitigation", "optimizer", "weighting"]
    assert options("optimizer", root) == ["adam", "adamw", "sgd"]


def test_a_new_file_is_a_new_option(root: Path) -> None:
    (root / "weighting" / "mine.yaml").write_text("_target_: my.Mine\n")
    (root / "weighting" / "_base.yaml").write_text("a: 1\n")
    assert options("weighting", root) == ["dwa", "equal", "mine"]
    assert label("weighting", {"_target_": "my.Mine"}, known_in(root)) == "mine"


def test_unknown_group_and_option_get_near_matches(root: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean weighting"):
        options("weightin", root)
    with pytest.raises(ConfigError, match=r"`weighting` .* found 'equla'; did you mean equal"):
        load_option("weighting", "equla", root)
    with pytest.raises(ConfigError, match="choices: dwa, equal"):
        describe("weighting", "../config", root)


def test_option_is_loaded_with_numbers_as_in_hydra_and_is_the_callers_own(root: Path) -> None:
    loaded = load_option("weighting", "dwa", root)
    assert loaded["rate"] == 0.001
    assert loaded["warm"] == {"steps": 10, "factor": [0.1, 0.2]}
    loaded["warm"]["steps"] = 99
    assert load_option("weighting", "dwa", root)["warm"]["steps"] == 10


def test_changed_file_is_read_again(root: Path) -> None:
    assert load_option("budget", "short", root) == {"epochs": 2}
    (root / "budget" / "short.yaml").write_text("epochs: 3000\n")
    assert load_option("budget", "short", root) == {"epochs": 3000}


@pytest.mark.parametrize("text", ["a: [1", "- a\n- b\n", "a: !!python/object/apply:os.getcwd []"])
def test_broken_yaml_is_named(root: Path, text: str) -> None:
    (root / "budget" / "bad.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"bad\.yaml"):
        load_option("budget", "bad", root)


@pytest.mark.parametrize(
    ("group", "node", "expected"),
    [
        ("weighting", {"_target_": "nowhere.dwa.DWA", "tau": 5.0}, "dwa"),
        ("weighting", {"_target_": "my.own.Weighting", "tau": 5.0}, "Weighting"),
        ("optimizer", {"_target_": "x.Adam", "lr": 0.5, "decay": 0.0}, "adam"),
        ("optimizer", {"_target_": "x.Adam", "lr": 0.5, "decay": 0.1, "decoupled": True}, "adamw"),
        ("optimizer", {"_target_": "x.Adam", "lr": 0.5, "decay": 0.5}, "adam"),
        ("optimizer", {"_target_": "x.SGD", "lr": 7}, "sgd"),
        ("budget", {"epochs": 20}, "long"),
        ("weighting", {"tau": 2.0}, "custom"),
    ],
)
def test_label_is_the_option_with_the_same_target(
    root: Path, group: str, node: dict[str, object], expected: str
) -> None:
    assert label(group, node, known_in(root)) == expected


def test_page_of_a_method_holds_docstring_comment_and_commented_defaults(root: Path) -> None:
    page = describe("weighting", "dwa", root)
    assert (page.target, page.docstring) == ("nowhere.dwa.DWA", "")
    assert page.comment == "Dynamic weight average.\n\nLiu et al. 2019, equation 7."
    assert page.summary == "Dynamic weight average."
    assert [(s.key, s.value, s.comment) for s in page.settings] == [
        ("tau", 2.0, "temperature"),
        ("rate", 0.001, ""),
        ("url", "a#b", "a text with a hash"),
        ("warm.steps", 10, "in steps"),
        ("warm.factor", [0.1, 0.2], ""),
        ("names", [], ""),
        ("start", None, "none by default"),
    ]


def test_summary_is_the_options_own_line_else_the_first_of_the_docstring(root: Path) -> None:
    page = describe("weighting", "equal", root)
    assert page.summary == "Every task has weight 1."
    (root / "weighting" / "equal.yaml").write_text("_target_: mtlrun.streams.stream\n")
    page = describe("weighting", "equal", root)
    assert page.summary == "Return a fresh generator for the stream `name` of a run's `seed`."
    assert page.module_docstring.startswith("Named random streams")
    assert page.settings == ()


def test_page_of_a_preset_tells_what_it_sets(root: Path) -> None:
    page = describe("mitigation", "separate_heads", root)
    assert page.sets == {"heads": "mlp", "weighting": "equal"}
    assert page.comment == "Deeper private heads."
    assert [(s.key, s.value) for s in page.settings] == [("heads.depth", 2)]
    assert page.target == ""


def test_shipped_folder_is_found_and_every_option_of_it_has_a_page() -> None:
    assert conf_dir().is_dir()
    for group in groups():
        for option in options(group):
            page = describe(group, option)
            assert page.summary, f"{group}={option} has neither docstring nor opening comment"


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; from mtlrun.catalog import groups, options, describe\n"
        "[describe(g, o) for g in groups() for o in options(g)]\n"
        "print(sorted({'torch', 'pandas', 'hydra', 'numpy', 'omegaconf'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
