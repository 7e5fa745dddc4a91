"""Prints the figures of docs/reliability.md: what the slow tests of tests/reliability did, one line a test.

python -m benchmarks.reliability                       # all of it: hours on two busy cores
python -m benchmarks.reliability --kills 0.1 --fuzz 0.1
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from datetime import date

FIGURES = ("kills: ", "settings: ", "overrides: ", "command words: ", "short runs: ", "folders of options: ")
MORE = ("tables: ", "stored files: ", "control groups ")
"""How the lines begin that the tests print."""


def main() -> int:
    """Run the tests, print what they counted, and return their exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=float, default=1.0, help="a factor: 1 is 100 kills")
    parser.add_argument("--fuzz", type=float, default=1.0, help="a factor: 1 is 10,000 examples")
    parser.add_argument("--only", default="", help="tests whose names hold this, as pytest's -k")
    chosen = parser.parse_args()
    factors = {"MTLRUN_KILLS": str(chosen.kills), "MTLRUN_FUZZ": str(chosen.fuzz)}
    words = [sys.executable, "-m", "pytest", "tests/reliability", "-m", "slow", "-s", "-k", chosen.only]
    print(f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    done = subprocess.run(words, env={**os.environ, **factors}, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    told = [line for line in lines if line.startswith((*FIGURES, *MORE))]
    print("\n".join([*_last_of_each(told), lines[-1] if lines else done.stderr]))
    return done.returncode


def _last_of_each(lines: list[str]) -> list[str]:
    """Return the last line of each beginning: long tests tell how far they are."""
    return [*{line.partition(":")[0]: line for line in lines}.values()]


if __name__ == "__main__":
    sys.exit(main())
