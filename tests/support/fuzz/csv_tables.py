"""Tables at random: columns of any kind, gaps, odd names, few or many rows; most of them can be trained."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

NAMES = (
    "size",
    "höhe",
    "名前",
    "a b",
    "x,y",
    "Q1 %",
    "1",
    "true",
    "null",
    "_",
    "x" * 90,
    "é\u0301",
    "tab\tname",
    "ID",
    "date",
    "a.b",
    "{x}",
)
WORDS = (
    "red",
    "green",
    "blue",
    "grün",
    "赤",
    "NA?",
    "yes",
    "no",
    "0x1",
    "a,b",
    'say "x"',
    "-",
    "…",
    "emoji 🙂",
    "=1+1",
)


def _number(rng: random.Random) -> str:
    return rng.choice(
        [
            f"{rng.gauss(0, 1):.4f}",
            f"{rng.gauss(0, 1e6):.1f}",
            str(rng.randrange(-5, 100)),
            f"{rng.random():.3e}",
        ]
    )


def _column(rng: random.Random, rows: int) -> list[str]:
    """Return the cells of one column of some kind."""
    kind = rng.choice([0, 0, 1, 1, 2, 2, 3, 4, 6, 8, 9, 9, 9, rng.randrange(10)])
    if kind == 0:
        form = rng.choice(["%.3f", "%.0f", "%e", "%g"])
        scale = rng.choice([1e-12, 1.0, 1e3, 1e12])
        return [form % (rng.gauss(0, 1) * scale) for _ in range(rows)]
    if kind == 1:
        return [str(rng.randrange(rng.choice([2, 5, 1000]))) for _ in range(rows)]
    if kind == 2:
        words = rng.sample(WORDS, rng.randrange(2, 8))
        return [rng.choice(words) for _ in range(rows)]
    if kind == 3:
        return [rng.choice(["true", "false"]) for _ in range(rows)]
    if kind == 4:
        form = rng.choice(["{:04d}-{:02d}-{:02d}", "{2:02d}.{1:02d}.{0:04d}", "{1:02d}/{2:02d}/{0:04d}"])
        return [
            form.format(rng.randrange(1990, 2030), rng.randrange(1, 13), rng.randrange(1, 29))
            for _ in range(rows)
        ]
    if kind == 5:
        return [f"id{k}" for k in range(rows)]
    if kind == 6:
        return [rng.choice(["0", "1"])] * rows
    if kind == 7:
        return [_number(rng) if rng.random() < 0.98 else rng.choice(WORDS) for _ in range(rows)]
    if kind == 8:
        return ["" if rng.random() < 0.9 else _number(rng) for _ in range(rows)]
    return [_number(rng) for _ in range(rows)]


def _target(rng: random.Random, rows: int, signal: list[float]) -> list[str]:
    """Return the cells of a column that can be learned: two or more classes, or a number."""
    kind = rng.randrange(4)
    if kind == 0:
        return [f"{x * 3 + rng.gauss(0, 0.5):.3f}" for x in signal]
    if kind == 1:
        words = rng.sample(WORDS, 2)
        return [words[x + rng.gauss(0, 0.3) > 0] for x in signal]
    classes = rng.randrange(2, 6)
    found = [str(min(classes - 1, max(0, int((x + 2) * classes / 4)))) for x in signal]
    return found if kind == 2 else [f"class {label}" for label in found]


def write_table(path: Path, rng: random.Random) -> list[str]:
    """Write a table, and return the overrides that a user would begin with; a tenth of the tables is damaged.

    The targets are its last columns.
    """
    rows = rng.choices([0, 1, 7, 25, 60, 120, 300, 900], [1, 1, 1, 2, 8, 16, 12, 3])[0]
    wanted = rng.choice([1, 2, 3, 6, 12])
    names = rng.sample(NAMES, wanted) if rng.random() < 0.4 else [f"x{k}" for k in range(wanted)]
    targets = [f"y{k}" for k in range(rng.choice([1, 2, 2, 3]))]
    signal = [rng.gauss(0, 1) for _ in range(rows)]
    columns = [[f"{x + rng.gauss(0, 0.5):.3f}" for x in signal]] + [_column(rng, rows) for _ in names[1:]]
    columns += [_target(rng, rows, signal) for _ in targets]
    gaps = rng.choice([0, 0, 0.02, 0.3])
    absent = rng.choice(["", "", "NA", "nan", "?", "-999"])
    columns = [[absent if rng.random() < gaps else cell for cell in column] for column in columns]
    delimiter = rng.choices([",", ";", "\t", "|"], [8, 1, 1, 1])[0]
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator=rng.choice(["\n", "\n", "\r\n"]))
    header = [*names, *targets]
    writer.writerow([header[0], *header[:-1]] if rng.random() < 0.02 else header)
    writer.writerows(zip(*columns, strict=True))
    content = stream.getvalue().encode(
        rng.choices(["utf-8", "utf-8-sig", "utf-16", "latin-1"], [12, 2, 1, 1])[0], errors="replace"
    )
    path.write_bytes(damaged(content, rng) if rng.random() < 0.1 else content)
    return _overrides(rng, path.name, names, targets)


def _overrides(rng: random.Random, name: str, names: list[str], targets: list[str]) -> list[str]:
    words = ["suite=table", f"suite.path={name}"]
    plain = [n for n in names if n.isascii() and n.isalnum() and not n.isdigit()]
    if rng.random() < 0.95:
        form = rng.random() < 0.95
        words.append(
            "suite.targets={" + ",".join(f"{t}:{t}" for t in targets) + "}"
            if form
            else f"suite.targets=[{','.join(targets)}]"
        )
    if plain and rng.random() < 0.06:
        words.append(f"suite.{rng.choice(['group', 'split', 'stratify'])}={rng.choice(plain)}")
    odd = {
        "suite.val": ["0.2", "10", "0", "0.9", "1"],
        "suite.test": ["0.3", "5", "0.99", "x"],
        "suite.categories": ["embedded", "onehot"],
        "suite.rare": ["join", "drop", "keep"],
        "suite.missing": ['["-999"]', "[]", '["?"]'],
        "suite.delimiter": ["semicolon", "tab", ","],
        "suite.decimal": ["comma"],
        "suite.duplicates": ["together"],
        "suite.train_size": ["0.5", "20", "1"],
        "suite.label_noise": ["0.1"],
        "suite.resplit": ["true"],
        "suite.class_weights": ["balanced"],
        "suite.encoding": ["latin-1", "utf-16", "none"],
        "suite.kinds": ["{y0: regression}", "{y0: multiclass}", "{y0: binary}"],
        "suite.inputs": ["[x0]", f"[{rng.choice(plain)}]" if plain else "[]"],
        "suite.types": ["{x0: category}", "{x0: date}", "{x0: boolean}"],
        "suite.shuffled": ["[y0]"],
        "model": ["linear", "transformer_tabular"],
        "optimizer.lr": ["0.1", "1e10"],
    }
    for key in rng.sample(sorted(odd), rng.choices([0, 1, 2], [16, 5, 1])[0]):
        words.append(f"{key}={rng.choice(odd[key])}")
    return words


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Return bytes with one damage: cut, a part twice, zeros, signs that fit no encoding, other line ends."""
    place = rng.randrange(len(content) + 1)
    odd = rng.choice(
        [b"\x00" * 3, b"\xff\xfe", b'"', b"\n\n", b",,,", b"\x1b[2J", b"'" * 50, b"\r", b"\xc3", b"," * 3000]
    )
    ways = (
        content[:place],
        content[:place] + content[place // 2 : place] + content[place:],
        content[:place] + odd + content[place:],
        content[:place] + odd + content[place + len(odd) :],
        b"",
        content.replace(b"\n", b"\r"),
        b"\x00" * len(content),
        flipped(content, rng),
    )
    return rng.choice(ways)


def flipped(content: bytes, rng: random.Random) -> bytes:
    """Return bytes with some bits flipped."""
    found = bytearray(content)
    for _ in range(rng.choice([1, 1, 4, 32]) if found else 0):
        found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
    return bytes(found)
