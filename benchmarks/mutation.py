"""Do the tests notice when a formula is changed? A mutation check of `statistics/` and `weighting/`, with mutmut.

    python -m benchmarks.mutation [--mutants 360] [--seed 0] [--only mtlrun.weighting.stch] [--output FILE]

mutmut writes the code with all of its mutants into `mutants/`, notes which tests call which function, and runs only
those tests on a mutant, up to the first failure. The sample is spread evenly over modules. Each survivor is printed
as a diff; `mutmut show NAME` prints one again.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

FIRST = "mtlrun.statistics.stop.*__mutmut_1"
"""mutmut makes all mutants and looks for their tests before it runs those that are named: here, next to none."""
FOLDER = Path("mutants")
MUTMUT = (sys.executable, "-m", "mutmut")
STATES = ("killed", "timeout", "survived", "no tests")


def statuses(printed: str) -> dict[str, str]:
    """Return what became of each mutant, from what `mutmut results` prints."""
    lines = (line.strip().rpartition(": ") for line in printed.splitlines() if "__mutmut_" in line)
    return {name: status for name, _, status in lines}


def module_of(mutant: str) -> str:
    """Return the module that a mutant changes, as `mtlrun.weighting.stch`."""
    return mutant.rpartition(".")[0]


def package_of(mutant: str) -> str:
    """Return the folder of the module that a mutant changes, as `statistics/power`."""
    folders = module_of(mutant).split(".")[1:]
    return "/".join(folders[:-1] or folders)


def sample(mutants: Sequence[str], size: int, seed: int) -> list[str]:
    """Draw `size` mutants: the same number from each module, as far as it has so many."""
    generator = random.Random(seed)
    left: dict[str, list[str]] = {}
    for mutant in generator.sample(sorted(mutants), len(mutants)):
        left.setdefault(module_of(mutant), []).append(mutant)
    drawn: list[str] = []
    while left and len(drawn) < size:
        for module in generator.sample(sorted(left), min(len(left), size - len(drawn))):
            drawn.append(left[module].pop())
        left = {module: own for module, own in left.items() if own}
    return sorted(drawn)


def counts(ended: Mapping[str, str]) -> dict[str, Counter[str]]:
    """Return, for each package, how many of its mutants ended how."""
    found: dict[str, Counter[str]] = {}
    for mutant, status in sorted(ended.items()):
        found.setdefault(package_of(mutant), Counter())[status] += 1
    return found


def table(found: Mapping[str, Counter[str]]) -> Table:
    """Return the counts as a table, with their sum."""
    page = Table("package", "mutants", *STATES, "other")
    for package, ended in [*found.items(), ("all", sum(found.values(), Counter()))]:
        shown = [ended[state] for state in STATES]
        page.add_row(package, *map(str, [ended.total(), *shown, ended.total() - sum(shown)]))
    return page


def mutmut(*words: str) -> str:
    """Run mutmut in the folder of the project, and return what it prints."""
    return subprocess.run([*MUTMUT, *words], check=True, stdout=subprocess.PIPE, text=True).stdout


def results() -> dict[str, str]:
    """Return what became of all mutants so far."""
    return statuses(mutmut("results", "--all", "true"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw mutants, run their tests, print what became of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutation")
    parser.add_argument("--mutants", type=int, default=360, help="how many are drawn")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", help="a module, as mtlrun.weighting.stch; repeatable")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--output", type=Path, help="a JSON file for the result")
    given = parser.parse_args(arguments)
    run = [*MUTMUT, "run", f"--max-children={given.processes}"]
    shutil.rmtree(FOLDER, ignore_errors=True)  # mutmut would keep copies of files that have changed
    subprocess.run([*run, FIRST], check=True)
    known = [name for name in results() if module_of(name) in (given.only or [module_of(name)])]
    drawn = sample(known, given.mutants, given.seed)
    subprocess.run([*run, *drawn], check=True)
    after = results()
    ended = {name: after[name] for name in drawn}
    Console().print(table(counts(ended)))
    survivors = {name: mutmut("show", name) for name, status in ended.items() if status == "survived"}
    print("\n".join(survivors.values()))
    if given.output:
        result = {"seed": given.seed, "packages": counts(ended), "mutants": ended, "survivors": survivors}
        given.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
