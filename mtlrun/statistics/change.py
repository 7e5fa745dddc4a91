"""Whether gains are still what they were: the change of rows between two sets of results.

Shape letters: S locked seeds, N fresh seeds, T rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from mtlrun.statistics.judge import ZERO
from mtlrun.statistics.paired_tests.student import Array, upper_tail
from mtlrun.statistics.power.seeds import seeds_after_pilot


class Changes(NamedTuple):
    """The mean change of each row, (T,) each, in the metric's unit, and what it is evidence for.

    Attributes:
        mean: mean of the fresh gains minus that of the locked ones.
        sd: spread of the change per seed: that of the paired changes, else of the two samples together.
        error: standard error of the mean.
        freedom: degrees of freedom that the error rests on.
        p_lost: small where more than the margin was lost.
        p_won: small where more than the margin was won.
        p_kept: small where no more than the margin was lost.
    """

    mean: Array
    sd: Array
    error: Array
    freedom: Array
    p_lost: Array
    p_won: Array
    p_kept: Array


@dataclass(frozen=True)
class Change:
    """The change of one row, as in `Changes`; and

    Attributes:
        n: seeds compared, of the smaller side.
        paired: whether seed was compared with seed.
        none: whether no seed changed by more than round-off.
    """

    mean: float
    sd: float
    n: int
    paired: bool
    none: bool
    p_lost: float
    p_won: float
    p_kept: float
    error: float = float("nan")
    freedom: float = float("inf")


def changes(
    locked: Array, fresh: Array, *, paired: bool, margin: Array | float, ratio: float = 0.0
) -> Changes:
    """Test the changes from `locked` gains (S, T) to `fresh` ones (N, T), two seeds a side at least.

    Paired: Student's t on the changes seed by seed. Else Welch's t on the two samples. A loss is tested twice,
    each time at half the level, and one rejection is enough (Bonferroni): once so, and once as two samples whose
    variance comes from the fresh gains alone, `sd(fresh) sqrt(1/N + 1/S)` with N - 1 degrees of freedom. The first
    alone is blind to a lock in which one gain is far off: that gain moves the mean by x/n and its standard error
    by x/n as well, so that t tends to -1 however large x is, and a lock that was edited or damaged would never be
    noticed. The second is blind to nothing in the lock, and keeps its level where both sides have one
    distribution; pairing only makes it stricter.

    Args:
        locked: (S, T) gains in the lock, in the metric's unit.
        fresh: (N, T) gains now; of the same seeds in the same order where `paired`.
        paired: whether to compare seed by seed.
        margin: what may be lost, in the metric's unit; a number or (T,).
        ratio: n_test / n_train where each seed has its own split: the correction of Nadeau and Bengio for seeds
            that share their data (see `mtlrun.statistics.paired_tests.student`).
    """
    test = _paired(locked, fresh, ratio) if paired else _welch(locked, fresh, ratio)
    alone = _fresh_alone(locked, fresh, ratio)
    mean = fresh.mean(axis=0) - locked.mean(axis=0)
    return Changes(
        mean=mean,
        sd=test.sd,
        error=test.error,
        freedom=test.freedom,
        p_lost=np.minimum(1.0, 2 * np.minimum(test.tail(-mean - margin), alone.tail(-mean - margin))),
        p_won=test.tail(mean - margin),
        p_kept=test.tail(mean + margin),
    )


def change(
    locked: Array, fresh: Array, *, paired: bool, margin: float, scale: float, ratio: float = 0.0
) -> Change:
    """Test the change of one row, from `locked` gains (S,) to `fresh` ones (N,).

    Args:
        locked: as of `changes`.
        fresh: as of `changes`.
        paired: as of `changes`.
        margin: as of `changes`.
        scale: the metric's size, for round-off.
        ratio: as of `changes`.
    """
    n = min(len(locked), len(fresh))
    none = paired and n > 0 and bool((np.abs(fresh - locked) <= ZERO * scale).all())
    if n < 2:
        return Change(float("nan"), float("nan"), n, paired, none, p_lost=1.0, p_won=1.0, p_kept=1.0)
    found = changes(locked[:, None], fresh[:, None], paired=paired, margin=margin, ratio=ratio)
    numbers = {name: float(values[0]) for name, values in found._asdict().items()}
    return Change(n=n, paired=paired, none=none, **numbers)


def change_by_seed(
    locked: dict[int, float], fresh: dict[int, float], *, margin: float, scale: float, ratio: float = 0.0
) -> Change:
    """Test the change of one row whose gains are known by seed.

    Seeds that both sides have are paired, and the others left out, where that has the smaller standard error for
    gains that correlate by one half: where `1/common <= 1/locked + 1/fresh`, so always where one side has all the
    seeds of the other. Else the sides are two samples. The rule looks at no gain: to take whichever test has the
    smaller error in the data would pass up to 9 % of lost rows instead of 5 %. Only where all locked seeds are
    there can there be no change at all.
    """
    common = sorted(locked.keys() & fresh.keys())
    paired = bool(common) and 1 / len(common) <= 1 / len(locked) + 1 / len(fresh)
    before, after = (
        np.array([side[seed] for seed in (common if paired else sorted(side))]) for side in (locked, fresh)
    )
    found = change(before, after, paired=paired, margin=margin, scale=scale, ratio=ratio)
    return found if len(common) == len(locked) else replace(found, none=False)


def seeds_to_check(
    found: Change, margin: float, alpha: float, rows: int, power: float = 0.975, ratio: float = 0.0
) -> int | None:
    """Return how many seeds a side let a gate of `rows` rows decide about this one; None if no number does.

    So many that an unchanged study passes as a whole with `power`, and that a loss of twice the margin is caught
    with `power`; where there are as many already, so many that a change of the size seen is distinguished from the
    margin. That the spread is an estimate is allowed for where it matters, in what decides this row alone
    (`power.seeds.seeds_after_pilot`): a study takes as many seeds as its most demanding row, so that in the
    chance that all rows pass, underestimates of some are covered by the others. Changes that are all equal have
    no spread, and are judged as signs: as many as make `2^-n` fall below alpha.
    """

    def need(distance: float, level: float, chance: float, freedom: float = found.freedom) -> float:
        return np.ceil(seeds_after_pilot(distance, found.sd, freedom, level, chance, ratio))

    needed = max(
        need(margin, alpha, 1 - (1 - power) / rows, float("inf")),
        need(margin, alpha, power),
        need(margin, alpha / (2 * rows), power),
    )
    if found.sd == 0:
        needed = max(needed, np.floor(np.log2(1 / alpha)) + 1)  # equal changes count as signs
    if needed <= found.n:
        needed = max(need(abs(margin + found.mean), alpha, power), found.n + 1)
    return int(needed) if np.isfinite(needed) and needed < 1e6 else None


class _Tail(NamedTuple):
    """Standard errors, degrees of freedom and spreads (T,) of mean changes, and the number of values."""

    error: Array
    freedom: Array
    sd: Array
    n: int

    def tail(self, distance: Array) -> Array:
        return upper_tail(distance, self.error, self.freedom, self.sd, np.full(distance.shape, self.n))


def _paired(locked: Array, fresh: Array, ratio: float) -> _Tail:
    n, sd = len(locked), (fresh - locked).std(axis=0, ddof=1)
    return _Tail(sd * np.sqrt(1 / n + ratio), np.full(sd.shape, n - 1.0), sd, n)


def _welch(locked: Array, fresh: Array, ratio: float) -> _Tail:
    """Welch, Biometrika 34, 1947: unequal variances, degrees of freedom after Satterthwaite."""
    sizes = np.array([[len(locked)], [len(fresh)]])
    variances = np.stack([locked.var(axis=0, ddof=1), fresh.var(axis=0, ddof=1)])
    parts = variances / sizes
    weight = (parts**2 / (sizes - 1)).sum(axis=0)
    freedom = np.where(weight > 0, parts.sum(axis=0) ** 2 / np.where(weight > 0, weight, 1), sizes.sum() - 2)
    error = np.sqrt((variances * (1 / sizes + ratio)).sum(axis=0))
    return _Tail(error, freedom, np.sqrt(variances.sum(axis=0)), int(sizes.min()))


def _fresh_alone(locked: Array, fresh: Array, ratio: float) -> _Tail:
    sd = fresh.std(axis=0, ddof=1)
    error = sd * np.sqrt(1 / len(fresh) + 1 / len(locked) + 2 * ratio)
    return _Tail(error, np.full(sd.shape, len(fresh) - 1.0), sd, len(fresh))
