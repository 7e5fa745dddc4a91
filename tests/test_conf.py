"""Every option that ships in conf/: it builds, is complete, and says what it is. New files join by themselves."""

from __future__ import annotations

import dataclasses
import re
import shlex
from typing import Any

import pytest

from mtlrun.catalog import conf_dir, describe, groups, label, load_option, options, options_of
from mtlrun.config import build, check_node, locate
from mtlrun.planning.labels import MITIGATING, PLAIN, mitigation_label, presets_of
from mtlrun.prepare.checks import NODES

PRESETS = ("mitigation", "experiment")  # they set other groups
EVERY = [(group, option) for group in groups() for option in options(group)]
CLASSES = [pair for pair in EVERY if pair[0] not in PRESETS]

VARIANTS = {
    ("model", "dense128"): {"width", "depth"},
    ("budget", "standard"): {"epochs"},
    ("budget", "steps"): {"steps"},
    ("statistics", "bootstrap"): {"method"},
    ("statistics", "sign_flip"): {"method", "over"},
    ("statistics", "wilcoxon"): {"method", "over"},
    ("statistics", "anytime"): {"method"},
}
"""Options that are known by a name for the settings in which they differ from their class."""

OF_THE_USER = {("model", "custom")}
"""Options that stand for something of the user's own, without which they have a fault."""

METHODS = ("weighting", "schedule", "regularization", "sharing")
NO_PAPER = {"equal", "static", "joint", "none", "separate"}
"""Options of METHODS that nobody had to invent."""


def ids(pairs: list[tuple[str, str]]) -> list[str]:
    return ["=".join(pair) for pair in pairs]


every_option = pytest.mark.parametrize(("group", "option"), EVERY, ids=ids(EVERY))
every_class = pytest.mark.parametrize(("group", "option"), CLASSES, ids=ids(CLASSES))


def defaults() -> dict[str, str]:
    """The option of every group in the main config."""
    text = (conf_dir() / "config.yaml").read_text(encoding="utf-8")
    return dict(re.findall(r"^  - (\w+): (\w+)", text, re.MULTILINE))


def default(spec: dataclasses.Field[Any]) -> Any:
    if spec.default is not dataclasses.MISSING:
        return spec.default
    return spec.default_factory() if spec.default_factory is not dataclasses.MISSING else "must be given"


@every_class
def test_it_has_no_faults_and_builds(group: str, option: str) -> None:
    node = load_option(group, option)
    brings_data = group != "suite" or not {"path", "paths"} & set(node)
    if (
        brings_data and (group, option) not in OF_THE_USER
    ):  # suites of other people's data have tests with data of their schema
        assert check_node(group, node) == []
    assert type(build(node)) is locate(node["_target_"])


@every_class
def test_it_gives_every_field_so_that_show_is_complete(group: str, option: str) -> None:
    node = load_option(group, option)
    specs = {spec.name: spec for spec in dataclasses.fields(locate(node["_target_"])) if spec.init}
    assert set(node) - {"_target_"} == set(specs)
    built, differing = build(node), set()
    for name, spec in specs.items():
        value = getattr(built, name)
        if value != default(spec) or type(value) is not type(default(spec)):
            differing.add(name)
    assert differing <= VARIANTS.get((group, option), set())


@every_class
def test_its_label_is_its_name(group: str, option: str) -> None:
    assert label(group, load_option(group, option)) == option


@every_option
def test_it_opens_with_a_sentence_and_a_command(group: str, option: str) -> None:
    lines = describe(group, option).comment.splitlines()
    assert lines[0].endswith((".", ":")) or len(lines) > 2, "a sentence first"
    assert re.match(r"mtlrun (run|sweep|report) ", lines[-1]), "the last line is a command"


@every_option
def test_the_keys_and_options_of_its_command_exist(group: str, option: str) -> None:
    command = describe(group, option).comment.splitlines()[-1]
    overrides = [word for word in shlex.split(command.rpartition(": ")[2]) if "=" in word]
    assert overrides
    chosen = {name: load_option(name, choice) for name, choice in defaults().items() if choice != "null"}
    chosen[group] = load_option(group, option)
    for text in overrides:
        name, _, values = text.partition("=")
        if name in groups():
            for value in values.split(","):
                assert value in options(name)
            chosen[name] = load_option(name, values.split(",")[0])
    for text in overrides:
        name, _, key = text.partition("=")[0].partition(".")
        if key:
            assert key.partition(".")[0] in chosen[name], text
        else:
            assert name in {*groups(), "seeds"}, text


@every_class
def test_its_class_says_what_it_does_and_where_it_comes_from(group: str, option: str) -> None:
    page = describe(group, option)
    assert len(page.docstring) > 10
    assert not page.docstring.startswith(page.target.rpartition(".")[2] + "("), "a generated docstring"
    # Paragraphs of what each field means.
    cls = locate(page.target)
    own = {spec.name for spec in dataclasses.fields(cls)} & set(vars(cls).get("__annotations__", {}))
    assert {name for name in own if f"{name}:" not in page.docstring} <= shared_fields(page.target)
    if group in METHODS and option not in NO_PAPER:
        source = page.docstring.partition("Source: ")[2]
        assert re.search(r"\b(19|20)\d\d\b", source), "`Source:` with author, title, place and year"


def shared_fields(target: str) -> set[str]:
    """Fields of a class that it inherits: their meaning stands in the base class."""
    cls = locate(target)
    return {
        spec.name
        for base in cls.__mro__[1:]
        if dataclasses.is_dataclass(base)
        for spec in dataclasses.fields(base)
    }


@pytest.mark.parametrize("option", options("mitigation"))
def test_a_preset_sets_strategies_and_is_found_again_by_them(option: str) -> None:
    sets = describe("mitigation", option).sets
    for group, chosen in sets.items():
        assert group in (*MITIGATING, "sharing")  # a strategy may need a sharing scheme
        assert chosen in options(group)
    assert mitigation_label({**PLAIN, **sets}, presets_of(options_of())) == option


def test_every_strategy_has_a_preset_of_its_name() -> None:
    strategies = {o for g in ("weighting", "schedule", "regularization") for o in options(g) if o != PLAIN[g]}
    extras = {"torchjd"}  # no preset: `mitigation=glob(*)` must not ask for packages that may be missing
    assert strategies - extras | {"none", "separate_heads"} <= set(options("mitigation"))


def test_every_group_has_a_default_in_the_main_config() -> None:
    named = defaults()
    assert set(named) == set(groups()) == {*NODES, *PRESETS}
    for group, option in named.items():
        assert option == "null" or option in options(group)
