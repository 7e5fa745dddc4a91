"""What of a mitigation does not count, since the command line chooses its group explicitly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.errors import HydraException

from mtlrun.catalog import Known, describe, load_option
from mtlrun.compose.hydra_internals import current_loader, hydra_with
from mtlrun.compose.override_faults import parsed, values_of
from mtlrun.options.packages import option_folders
from mtlrun.pluralize import some_of

PRESETS, EXPERIMENT = "mitigation", "experiment"


def preset_notes(overrides: Sequence[str], known: Known, folders: Sequence[str] = ()) -> list[str]:
    """Return a note for each group whose explicit option beats what mitigations would set there.

    Args:
        overrides: as on the command line.
        known: every option by group.
        folders: of a user's own options.
    """
    with hydra_with([*map(Path, folders), *option_folders()]):
        chosen = _chosen(overrides)
    for experiment in chosen.get(EXPERIMENT, ()):
        chosen = _swept(experiment, known) | chosen
    notes = []
    for group, options in chosen.items():
        sets = {name: _sets(name, known).get(group) for name in chosen.get(PRESETS, ())}
        beaten = [name for name, option in sets.items() if option and options != [option]]
        if beaten:
            given = f"{group}={','.join(options)}"
            notes.append(
                f"note: {given} is explicit, so the {group} that {PRESETS}={some_of(beaten)} would set does not count"
            )
    return notes


def _chosen(overrides: Sequence[str]) -> dict[str, list[str]]:
    """Return the options that overrides choose, by group."""
    chosen = {}
    for text in overrides:
        try:
            override = parsed(text)
        except HydraException:  # told as a fault
            continue
        if current_loader().get_group_options(override.key_or_group) and not override.is_delete():
            chosen[override.key_or_group] = values_of(override)
    return chosen


def _swept(experiment: str, known: Known) -> dict[str, list[str]]:
    """Return the options that an experiment sweeps over or chooses, by group; the command line beats them."""
    root = known[EXPERIMENT].get(experiment)
    if root is None:  # told as a fault
        return {}
    swept: Any = load_option(EXPERIMENT, experiment, root)
    for key in ("hydra", "sweeper", "params"):
        swept = swept.get(key) if isinstance(swept, Mapping) else None
    params = swept if isinstance(swept, Mapping) else {}
    found = {group: [option] for group, option in describe(EXPERIMENT, experiment, root).sets.items()}
    return found | {key: [text.strip() for text in str(values).split(",")] for key, values in params.items()}


def _sets(name: str, known: Known) -> dict[str, str]:
    root: Path | None = known[PRESETS].get(name)
    return {} if root is None else describe(PRESETS, name, root).sets
