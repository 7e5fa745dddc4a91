"""Settings that are one number for all tasks, or one number per task."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from mtlrun.errors import Fault

PerTask = float | Sequence[float] | Mapping[str, float]


def by_task(value: PerTask, names: Sequence[str], default: float) -> dict[str, float]:
    """Return the number that each of `names` gets.

    Args:
        value: One number for all, a sequence in the order of `names`, or a mapping from task to number.
        names: The selected tasks.
        default: What a task gets that the value does not mention.
    """
    if isinstance(value, Mapping):
        return {name: value.get(name, default) for name in names}
    if isinstance(value, Sequence):
        return dict.fromkeys(names, default) | dict(zip(names, value, strict=False))
    return dict.fromkeys(names, value)


def per_task_faults(
    key: str,
    value: PerTask,
    names: Sequence[str],
    available: Sequence[str],
    rule: str,
    valid: Callable[[float], bool],
) -> Iterator[Fault]:
    """Yield every fault of a per-task setting.

    Args:
        key: The setting.
        value: What was given for it.
        names: The selected tasks: a sequence needs one entry for each.
        available: All tasks of the suite: a mapping may name any of them, selected or not.
        rule: What each number must be, in words.
        valid: Whether a number obeys the rule.
    """
    if isinstance(value, Mapping):
        for name in value:
            if name not in available:
                yield Fault(key, "must name tasks of the suite", name, available)
        entries = {f"{key}.{name}": number for name, number in value.items()}
    elif isinstance(value, Sequence):
        if len(value) != len(names):
            rows = f"must be one number, or one for each selected task ({', '.join(names)})"
            yield Fault(key, rows, list(value))
        entries = {f"{key}[{place}]": number for place, number in enumerate(value)}
    else:
        entries = {key: value}
    for entry, number in entries.items():
        if not valid(number):
            yield Fault(entry, rule, number)
