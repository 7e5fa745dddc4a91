"""What stands in the JSON columns `cost` and `diagnostics` of a stored run.

A large store has hundreds of thousands of these texts. msgspec holds one against these types in a few microseconds,
where checks in Python take a hundred. Parts that are not named here, as of later versions, may be there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

import msgspec

from mtlrun.errors import Fault
from mtlrun.schema import SHOWN, parse
from mtlrun.store.runs.stored_json import EMPTY, StoredJson

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_Positive = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
_Text = Annotated[str, msgspec.Meta(pattern=SHOWN)]
_Numbers = list[float | None]


class Width(msgspec.Struct):
    """How the number of lanes of a run's cohort came about."""

    by: _Text = ""
    run_steps_per_s: dict[_Text, float] = {}
    out_of_memory_at: _Positive = 1


class Cost(msgspec.Struct):
    """What a run took; units are in the names. See `mtlrun.report.analysis.training.cost`."""

    wall_s: float
    steps: float
    lanes: float
    parameters_shared: _Count
    parameters_task: dict[_Text, _Count]
    step_flops: float = 0
    step_wall_s: float = 0
    step_device_s: float = 0
    peak_mib: float = 0
    model_mib: float = 0
    width: Width | None = None
    compiled: bool | None = None
    features: _Count | None = None
    resumed_at: list[_Positive] = []


class Merge(msgspec.Struct):
    """A merge of branches, as of fork-merge: at which step, and what part of it each branch was."""

    step: _Count
    weights: list[float]


class Diagnostics(msgspec.Struct):
    """What a run recorded; from `steps` on a value for each of these. See `mtlrun.diagnostics.record`."""

    constant_guess: dict[_Text, float | None] | None = None
    merges: list[Merge] | None = None
    steps: list[_Count] | None = None
    active: list[list[_Count]] | None = None
    weights: list[_Numbers | None] | None = None
    gradient_cosines: list[_Numbers | float | None] | None = None  # earlier versions kept the mean
    curvature: _Numbers | None = None


_TYPES: dict[str, type[Cost] | type[Diagnostics]] = {"cost": Cost, "diagnostics": Diagnostics}
_DECODERS = {column: msgspec.json.Decoder(kind) for column, kind in _TYPES.items()}
COLUMNS = tuple(_TYPES)


def read_recorded(column: str, text: str) -> StoredJson:
    """Return what a text of one of `COLUMNS` says.

    Raises:
        ValueError: it is no JSON, or not what the column holds; says what.
    """
    if column == "cost" and text == EMPTY:  # of a failed run
        return StoredJson(text)
    try:
        found = _DECODERS[column].decode(text)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        found = _converted(column, text)
    if not isinstance(found, Diagnostics):
        return StoredJson(text)
    for fault in _uneven(found):
        raise ValueError(str(fault))
    small = {"constant_guess": found.constant_guess} if found.constant_guess else {}
    return StoredJson(text, small if found.merges else {**small, "merges": []})


def _converted(column: str, text: str) -> Cost | Diagnostics:
    """Read what is JSON of Python's dialect, with NaN, or say what is wrong."""
    try:
        value = parse(text)
    except ValueError as error:
        raise ValueError(f"`{column}` is no JSON: {error}") from error
    try:
        return msgspec.convert(value, _TYPES[column])
    except (msgspec.ValidationError, RecursionError) as error:
        raise ValueError(_rule(column, str(error))) from error


_WORDS = {
    "object": "an object",
    "array": "a list",
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
}


def _rule(column: str, message: str) -> str:
    """Return a message of msgspec in our words, with the key in front."""
    found, _, place = message.partition(" - at `$")
    key = column + place.rstrip("`")
    if missing := re.fullmatch("Object missing required field `(.+)`", found):
        return f"`{key}.{missing[1]}` must be there"
    if expected := re.fullmatch(r"Expected `([a-z |]+)`(?: >= (\d+))?(?:, got `.*`)?", found):
        kinds = [_WORDS[kind] for kind in expected[1].split(" | ") if kind in _WORDS]
        least = f" of at least {expected[2]}" if expected[2] else ""
        return f"`{key}` must be {' or '.join(kinds)}{least}"
    return f"`{key}` is not what it must be: {found}"


def _uneven(found: Diagnostics) -> Iterator[Fault]:
    """Yield lists that must be as long as each other, and are not."""
    steps = len(found.steps or ())
    for name in ("active", "weights", "gradient_cosines", "curvature"):
        values = getattr(found, name)
        if values and len(values) != steps:
            yield Fault(f"diagnostics.{name}", "must have a value for each of the `steps`")
    if len({len(merge.weights) for merge in found.merges or ()}) > 1:
        yield Fault("diagnostics.merges", "must all have as many `weights`")
