"""What of a mitigation does not count, since the command line chooses its group explicitly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override

from mtlrun.catalog import Known, load_option, preset
from mtlrun.compose.override_faults import values_of
from mtlrun.text.pluralize import some_of

PRESETS, EXPERIMENT = "mitigation", "experiment"


def preset_notes(overrides: Sequence[str], known: Known) -> list[str]:
    """Return a note for each group whose explicit option beats what mitigations would set there.

    Args:
        overrides: as on the command line, without faults.
        known: every option by group.
    """
    texts = [text for text in overrides if text.partition("=")[0] in known]
    parsed = OverridesParser.create().parse_overrides(texts)
    chosen = {override.key_or_group: _values(override, known) for override in parsed}
    for experiment in chosen.get(EXPERIMENT, ()):
        chosen = _swept(experiment, known) | chosen
    notes = []
    for group, options in chosen.items():
        presets = {name: known[PRESETS][name] for name in chosen.get(PRESETS, ()) if name in known[PRESETS]}
        sets = {name: preset(PRESETS, name, root).get(group) for name, root in presets.items()}
        beaten = [name for name, option in sets.items() if option and options != [option]]
        if beaten:
            given = f"{group}={','.join(options)}"
            notes.append(
                f"note: {given} is explicit, so the {group} that {PRESETS}={some_of(beaten)} would set does not count"
            )
    return notes


def _values(override: Override, known: Known) -> list[str]:
    """Return the options of a group that an override chooses."""
    value = override.value()
    return value.filter([*known[override.key_or_group]]) if isinstance(value, Glob) else values_of(override)


def _swept(experiment: str, known: Known) -> dict[str, list[str]]:
    """Return the options that an experiment sweeps over or chooses, by group; the command line beats them."""
    root = known[EXPERIMENT].get(experiment)
    if root is None:  # told as a fault
        return {}
    swept: Any = load_option(EXPERIMENT, experiment, root)
    for key in ("hydra", "sweeper", "params"):
        swept = swept.get(key) if isinstance(swept, Mapping) else None
    params = swept if isinstance(swept, Mapping) else {}
    found = {group: [option] for group, option in preset(EXPERIMENT, experiment, root).items()}
    return found | {key: [text.strip() for text in str(values).split(",")] for key, values in params.items()}
