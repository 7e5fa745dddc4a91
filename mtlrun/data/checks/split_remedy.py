"""What a random split may lack, and which settings help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mtlrun.text.pluralize import pluralize


class Lack(NamedTuple):
    """What a part of one split lacks.

    Attributes:
        task: whose labels.
        rule: what is wrong, to follow `gives split 2`.
        role: the part, where a class is missing; else "".
        room: rows that the part needs, so that a stratified one has the class.
    """

    task: str
    rule: str
    role: str = ""
    room: int = 0


def remedy(
    lacks: Sequence[Lack], columns: Mapping[str, Sequence[str]], now: Sequence[str] | None, several: bool
) -> str:
    """Return which settings help, a sentence.

    Args:
        lacks: classes that parts lack.
        columns: of each task that lacks one, in the order of tasks.
        now: columns by which rows are spread evenly; None where that cannot be set.
        several: whether `suite.stratify` takes several columns.
    """
    wanted = list(dict.fromkeys(name for names in columns.values() for name in names))
    room = max((lack.room for lack in lacks if lack.role != "train"), default=0)
    ways = [f"suite.val and suite.test of {pluralize(room, 'row')} or more each"] if room else []
    if any(lack.role == "train" for lack in lacks):
        ways.append("more training rows (suite.train_size)")
    larger = " and ".join(ways)
    if now is None or set(wanted) <= set(now):
        return f"What helps: {larger}, fewer splits or seeds, or joining rare classes"
    stratify = wanted[0] if len(wanted) == 1 or not several else f"[{','.join(wanted)}]"
    return f"What helps: suite.stratify={stratify}, with {larger}"
