"""Overrides and command words at random, most of them near to right ones."""

from __future__ import annotations

import random
import re

from mtlrun.cli.arguments import command_options
from mtlrun.report.levels import LEVELS
from support.fuzz.option_tree import FAR, HEAVY, tree

ODD_VALUES = (
    *(
        "0",
        "-1",
        "1",
        "2",
        "3",
        "0.5",
        "1e-300",
        "1e308",
        "nan",
        "inf",
        "-inf",
        "2147483648",
        "9223372036854775808",
    ),
    *(
        "1" + "0" * 40,
        "1" + "0" * 400,
        "null",
        "true",
        "off",
        "''",
        '""',
        "' '",
        "[]",
        "{}",
        "[[]]",
        "[null]",
        "{a: 1}",
    ),
    *(
        "[1,2,3]",
        "[3,3]",
        "[a,b]",
        "[0.1,x]",
        "1,2",
        "1,1",
        "a,b,",
        ",",
        "glob(*)",
        "glob(x)",
        "range(0,3)",
        "range(3)",
    ),
    *(
        "range(0,1e9)",
        "range(0,1,0)",
        "choice(1,2)",
        "choice()",
        "interval(0,1)",
        "sort(3,1)",
        "shuffle(1,2)",
    ),
    *(
        "tag(t,1)",
        "int(3.5)",
        "str(1)",
        "float(x)",
        "bool(2)",
        "json_str(1)",
        "cast",
        "extend_list(1)",
        "${seeds}",
    ),
    *(
        "${study}",
        "${x}",
        "${",
        "${oc.env:HOME}",
        "${oc.env:X_NONE}",
        "${suite}",
        "${model.width}",
        "\\",
        "\\\\",
        "'",
    ),
    *(
        '"',
        "a b",
        "é",
        "日本語",
        "\u202e",
        "\x1b[31m",
        "\x07",
        "\t",
        "\n",
        "a=b",
        "=",
        ":",
        "@",
        "~",
        "+",
        "-",
        "--",
        "$",
    ),
    *(
        "0x10",
        "1_000",
        "01",
        "+1",
        ".5",
        "5.",
        "1e",
        "None",
        "True",
        "deux",
        "x" * 300,
        "[" * 30,
        "{a:" * 20,
        "*",
        "?",
    ),
)
"""Values that a slip of the hand, or malice, may write."""

SIGNS = "abz019.,=[]{}()'\"\\$:-+~@* \t\néß漢\x00\x1b\u200b/_#%&!"

PARTS = ("sharing", "weighting", "schedule", "regularization", "heads", "optimizer")
"""Groups whose options leave a run as short as it is."""

KEPT_SMALL = (*PARTS, "mitigation", "dtype", "controls", "save")
"""Keys whose values do so."""


def mutated(text: str, rng: random.Random) -> str:
    """Return a text with one slip: a sign that is left out, put in, doubled, exchanged, or a part cut off."""
    place = rng.randrange(len(text) + 1)
    sign = rng.choice(SIGNS)
    slips = (
        text[:place] + text[place + 1 :],
        text[:place] + sign + text[place:],
        text[:place] + text[max(0, place - 3) : place] + text[place:],
        text[:place] + sign + text[place + 1 :],
        text[:place],
        text[place:],
        text.swapcase(),
    )
    return rng.choice(slips)


def value(rng: random.Random, key: str) -> str:
    """Return a value: one of the key's own, of another key, or an odd one; perhaps several."""
    found = tree()
    own = found.keys.get(key, [])
    text = rng.choice(rng.choices([own or found.values, found.values, ODD_VALUES], [3, 1, 3])[0])
    if rng.random() < 0.15:
        text = mutated(text, rng)
    if rng.random() < 0.1:
        text += f",{rng.choice(ODD_VALUES)}"
    return text


def override(rng: random.Random) -> str:
    """Return one override, which is harmless: it names no path but in the working folder, and no foreign code."""
    found = tree()
    if rng.random() < 0.3:
        key = rng.choice(sorted(found.options))
        text = ",".join(rng.choices(found.options[key], k=rng.choice([1, 1, 1, 2])))
    else:
        key = rng.choice(sorted(found.keys))
        text = value(rng, key)
    equals = rng.choices(["=", "", "=="], [40, 1, 1])[0]
    sign = rng.choices(["", "+", "++", "~"], [40, 2, 2, 1])[0]
    word = f"{sign}{key}{equals}{text}"
    return harmless(mutated(word, rng) if rng.random() < 0.1 else word)


def harmless(word: str) -> str:
    """Return a word that names no file outside the working folder, and no foreign code."""
    key, equals, text = word.partition("=")
    text = text.replace("/", "_").replace("..", "._").replace("~", "_")
    if "_target_" in word and not re.fullmatch(r"mtlrun\.[\w.]+", text):
        text = f"mtlrun.none.{len(text)}"
    return f"{key}{equals}{text}".replace("\x00", "")


def overrides(rng: random.Random) -> list[str]:
    """Return the words of a plan: one to four overrides, often none of them wrong."""
    suite = rng.choices(["suite=linear_teachers", "suite=digits_two", None], [6, 2, 1])[0]
    own = [override(rng) for _ in range(rng.choice([1, 1, 2, 2, 3, 4]))]
    own = [word for word in own if not any(f"suite={name}" in word for name in FAR) or rng.random() < 0.2]
    return own if suite is None or any(word.startswith("suite=") for word in own) else [suite, *own]


def short_run(rng: random.Random) -> list[str]:
    """Return overrides that train a few steps, if they are right: an option, often one of its settings, and more."""
    group = rng.choice(PARTS)
    option = f"{group}={rng.choice(tree().options[group])}"
    keys = [key for key in tree().settings[option] if "_target_" not in key]
    own = [option, *(harmless(f"{key}={value(rng, key)}") for key in rng.sample(keys, min(1, len(keys))))]
    more = [override(rng) for _ in range(6) if rng.random() < 0.2]
    own += [word for word in more if re.split(r"[=.]", word)[0] in KEPT_SMALL]
    own = [word for word in own if not any(name in word for name in HEAVY)]
    own = [word for word in own if "," not in word.partition("=")[2] and "(" not in word]
    tiny = ["suite=linear_teachers", "seeds=1", "budget=steps", "budget.steps=3", "budget.evaluations=1"]
    return [*tiny, "model.width=8", "launch.processes=1", *own]


def command(rng: random.Random, store: str, lock: str, run_id: str) -> tuple[list[str], str | None]:
    """Return a command line on a stored study, and the file that it is to write, in the working folder.

    Args:
        rng: draws it.
        store: a store with a study.
        lock: its lock file.
        run_id: of a run with weights.
    """
    options = command_options()
    name = rng.choice([n for n in options if n not in ("run", "sweep", "plan")])
    output = (
        f"out{rng.choice(['', '.json', '.csv', '.md', '.html', '.parquet', '.tex', '.svg', '.xyz', '.npy'])}"
    )
    pool = [
        store,
        f"store={store}",
        lock,
        run_id,
        run_id[:6],
        "bash",
        "weighting",
        "weighting=pcgrad",
        "s",
        "study=s",
    ]
    pool += [
        "seeds=3",
        "none",
        "",
        "-",
        "--",
        "-1",
        "x.csv",
        "COLUMN=VALUE",
        "task=a",
        "é",
        "\x1b[2J",
        "0",
        "1e400",
        "nan",
    ]
    pool += [*LEVELS, "json", "csv", "terminal", "md", "html", "latex", "weighting,task", "wide"]
    usual = {
        "report": [store],
        "lock": [store, "-o", output],
        "check": [lock, "--store", store],
        "export": [run_id, "--store", store, "-o", output],
        "predict": [run_id, rng.choice(["x.csv", "none"]), "--store", store],
        "compact": [store],
        "list": ["weighting"],
        "show": ["weighting=pcgrad"],
        "completion": ["bash"],
    }
    words = list(usual.get(name, []))
    flags = [
        flag
        for flag in options[name]
        if flag not in ("--trust", "--config-dir", "--github-summary", "--rerun")
    ]
    for _ in range(rng.choice([0, 1, 1, 2, 3])):
        new = [rng.choice([*flags, "--help", "-x"])] if flags and rng.random() < 0.7 else []
        if not new or rng.random() < 0.85:
            new.append(rng.choice(pool))
        place = rng.choice([0, len(words), len(words), len(words)])
        words[place:place] = new
    if rng.random() < 0.15 and words:
        words.pop(rng.randrange(len(words)))
    if rng.random() < 0.15 and words:
        place = rng.randrange(len(words))
        words[place] = mutated(words[place], rng)
    words = [harmless_path(word, (store, lock)) for word in words]
    return [name if rng.random() < 0.98 else mutated(name, rng).replace("\x00", ""), *words], output


def harmless_path(word: str, known: tuple[str, ...]) -> str:
    """Return a word that names no folder but those that are known, and the working folder."""
    word = word.replace("\x00", "")
    if any(word.endswith(path) for path in known):
        return word
    return word.replace("/", "_").replace("..", "._").replace("~", "_")
