"""What a shell may complete a command line of `mtlrun` with, and the scripts that make it ask.

It reads folders and YAMLs only, so that an answer comes at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from mtlrun.catalog import load_option, options_of, settings_named
from mtlrun.cli.arguments import command_options
from mtlrun.cli.trackers import TRACKER, TRACKER_OPTIONS
from mtlrun.report.levels import LEVELS, SIZES

PLAIN_KEYS = (
    *(
        "seeds",
        "tune",
        "controls",
        "frontier",
        "study",
        "store",
        "save",
        "diagnostics.every",
        "checkpoint.every_s",
    ),
    *("device", "dtype", "tracker", "tracker_options"),
)

_BASH = r"""
_mtlrun() {
    local IFS=$'\n' line="${COMP_LINE:0:$COMP_POINT}"
    local word="${line##* }"
    COMPREPLY=($("$1" _complete "$line" 2>/dev/null))
    if [[ $word == *=* && $COMP_WORDBREAKS == *=* ]]; then
        COMPREPLY=("${COMPREPLY[@]#"${word%%=*}="}")
    fi
    if [[ ${COMPREPLY[0]} == *[=.] ]]; then compopt -o nospace 2>/dev/null; fi
    return 0
}
complete -o default -F _mtlrun mtlrun
"""
_ZSH = r"""
_mtlrun() {
    local -a found
    found=(${(f)"$(mtlrun _complete "$LBUFFER" 2>/dev/null)"})
    if (( $#found )); then compadd -Q -S '' -- $found; else _files; fi
}
compdef _mtlrun mtlrun
"""
_FISH = r"""
complete -c mtlrun -a '(mtlrun _complete (commandline -cp | string collect) 2>/dev/null)'
"""
SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def completions(line: str) -> list[str]:
    """Return what the last word of a command line may become.

    Args:
        line: the line up to the cursor, with the name of the program.

    Raises:
        ConfigError: a file of the user's own options has faults.
    """
    words = line.split()[1:] + ([""] if line[-1:].isspace() else [])
    if not words:
        return []
    *before, word = words
    found = _candidates(before, word) if before else command_options()
    return [text for text in found if text.startswith(word)]


def _candidates(before: Sequence[str], word: str) -> Iterable[str]:
    command, previous = before[0], before[-1]
    if previous == "--study":
        return _studies(before)
    if previous == "--level":
        return LEVELS
    if previous == "--size":
        return SIZES
    if previous == "--best":
        return ("task", "suite")
    if previous in ("--config-dir", "--store", "--output", "-o", "--style"):
        return []
    if word.startswith("-"):
        return command_options().get(command, ())
    folders = [Path(b) for a, b in pairwise(before) if a == "--config-dir"]
    if not all(folder.is_dir() for folder in folders):  # the command itself will tell
        return []
    known = options_of(folders)
    if command in ("list", "show"):
        known = {**known, TRACKER: dict.fromkeys(settings_named(TRACKER_OPTIONS), Path())}
    if command == "list":
        return known
    if command == "show":
        return [f"{group}={option}" for group in known for option in known[group]]
    if command in ("run", "sweep", "plan"):
        return _overrides(before, word, known)
    return SCRIPTS if command == "completion" else []


def _overrides(before: Sequence[str], word: str, known: dict[str, dict[str, Path]]) -> Iterable[str]:
    """Return options after `group=`, each further one after a comma; else groups, keys and settings."""
    group, equals, value = word.partition("=")
    if equals:
        begun = value.rpartition(",")[0]
        return [f"{group}={begun}{',' if begun else ''}{option}" for option in known.get(group, ())]
    group, dot, _ = word.partition(".")
    if dot and group in known:
        chosen = {w.partition("=")[2] for w in before if w.startswith(f"{group}=")} & known[group].keys()
        keys: dict[str, None] = {}
        for option in sorted(chosen) or known[group]:
            fields = load_option(group, option, known[group][option])
            keys.update(dict.fromkeys(f"{group}.{k}=" for k in fields if not k.startswith("_")))
        return keys
    return [*(f"{name}{end}" for name in known for end in "=."), *(f"{key}=" for key in PLAIN_KEYS)]


def _studies(before: Sequence[str]) -> list[str]:
    """Return the names of the studies in the store that the line names, else in `runs`."""
    named = [b for a, b in pairwise(before) if a == "--store"]
    places = [word for word in before[1:] if not word.startswith("-") and Path(word, "studies").is_dir()]
    store = (named or (places if before[0] != "check" else []) or ["runs"])[0]
    return sorted(path.stem for path in Path(store, "studies").glob("*.json"))
