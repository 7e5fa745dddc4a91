"""Folders of options of a user's own: copies of ours with slips, and YAML that is none."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from support.fuzz.csv_tables import damaged
from support.fuzz.option_tree import CONF, FAR, tree
from support.fuzz.words import ODD_VALUES, harmless, mutated

ODD_FILES = (
    *(
        "",
        "null",
        "[]",
        "1",
        "text",
        "# only a remark",
        "---\n---\n",
        "a: 1\na: 2",
        "a:\n\t- b",
        "{",
        "[",
        "a: [",
        "&a [*a]",
    ),
    *(
        "a: &x 1\nb: *y",
        "!!python/object:os.system x",
        "_target_: 3",
        "_target_: [a]",
        "_target_: null",
        "? [a]\n: b",
    ),
    *(
        "on: 1",
        "1: 2",
        "2020-01-01: x",
        "a: 2020-99-99",
        "a: 0x",
        "defaults: 3",
        "defaults: [3]",
        "defaults:\n  - x",
    ),
    *(
        "defaults:\n  - _self_\n  - none: x",
        "# @package _global_\nseeds: 2",
        "# @package x y",
        "<<: 1",
        "<<: [a]",
        "a: ${b}",
    ),
    *(
        "a: ${oc.env:NONE}",
        "a: ???",
        "_target_: mtlrun.weighting.equal.Equal\n_args_: [1]",
        "\ufeffa: 1",
        "a: \x07",
        "é: 1",
    ),
    "x: " + "[" * 3000,
    "".join(f"{' ' * k}a:\n" for k in range(300)),
    "a: " + "b" * 100_000,
    "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c]",
)
"""Content of files that are no options."""


def write_folder(folder: Path, rng: random.Random) -> tuple[str, str]:
    """Write a folder with one option, and return its group and its name."""
    shutil.rmtree(folder, ignore_errors=True)
    found = tree().options
    group = rng.choice(sorted(found))
    source = rng.choice([name for name in found[group] if name not in FAR])
    name = rng.choices(
        ["mine", source, "a b", "é", "x.y", "-x", "MINE", "none", "a,b", "x" * 200],
        [20, 3, 1, 1, 1, 1, 1, 1, 1, 1],
    )[0]
    place = rng.choices([group, "none", f"{group}/deep", "."], [20, 1, 1, 1])[0]
    path = folder / place / f"{name}{rng.choices(['.yaml', '.yml', '.YAML', ''], [20, 1, 1, 1])[0]}"
    path.parent.mkdir(parents=True)
    if rng.random() < 0.15:
        content = rng.choice(ODD_FILES).encode(errors="replace")
    else:
        content = _changed((CONF / group / f"{source}.yaml").read_text(), rng).encode(errors="replace")
    path.write_bytes(damaged(content, rng) if rng.random() < 0.1 else content)
    return group, name


def _changed(text: str, rng: random.Random) -> str:
    """Return an option's YAML with one to three slips; its code stays ours."""
    lines = text.splitlines()
    for _ in range(rng.choice([1, 1, 2, 3])):
        place = rng.randrange(len(lines))
        key, colon, _ = lines[place].partition(":")
        keys = list(tree().keys)
        ways = (
            [],
            [lines[place]] * 2,
            [f"  {lines[place]}"],
            [f"{key}{colon} {rng.choice(ODD_VALUES)}"],
            [f"{key}{colon} {rng.choice(tree().values)}"],
            [mutated(lines[place], rng)],
            [lines[place], f"{rng.choice(keys).rpartition('.')[2]}: {rng.choice(ODD_VALUES)}"],
            [rng.choice(ODD_FILES[:40])],
            [f"{key}{colon}", f"  inner: {rng.choice(ODD_VALUES)}"],
        )
        lines[place : place + 1] = rng.choice(ways)
        lines = lines or ["a: 1"]
    return (
        "\n".join(harmless(line) if "_target_" in line and "=" in line else _of_ours(line) for line in lines)
        + "\n"
    )


def _of_ours(line: str) -> str:
    """Return a line whose `_target_`, if there is one, names code of ours or none."""
    key, colon, value = line.partition("_target_")
    return line if not colon or "mtlrun." in value or "os.system" in value else f"{key}_target_: mtlrun.none"
