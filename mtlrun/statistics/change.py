"""Whether a gain is still what it was: the change of a row between two sets of results."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtlrun.statistics.judge import ZERO
from mtlrun.statistics.power import seeds_for_difference
from mtlrun.statistics.student import Array, StudentT, moments, upper_tail


@dataclass(frozen=True)
class Change:
    """The mean change of one row, in the metric's unit, and what it is evidence for.

    Attributes:
        mean: mean of the fresh gains minus that of the locked ones, over the seeds compared.
        sd: spread of the change per seed: that of the paired changes, else of the two samples together.
        n: seeds compared, of the smaller side.
        paired: whether seed was compared with seed.
        none: whether no seed changed by more than round-off.
        p_lost: small where more than the margin was lost.
        p_won: small where more than the margin was won.
        p_kept: small where no more than the margin was lost.
    """

    mean: float
    sd: float
    n: int
    paired: bool
    none: bool
    p_lost: float
    p_won: float
    p_kept: float


def change(locked: Array, fresh: Array, *, paired: bool, margin: float, scale: float) -> Change:
    """Test the change from `locked` gains (S,) to `fresh` ones against the margin.

    Paired: Student's t on the changes seed by seed. Else Welch's t on the two samples. A loss is tested twice,
    each time at half the level, and one rejection is enough (Bonferroni): once so, and once as two samples whose
    variance comes from the fresh gains alone, `sd(fresh) sqrt(1/n_fresh + 1/n_locked)` with n_fresh - 1 degrees
    of freedom. The first alone is blind to a lock in which one gain is far off: that gain moves the mean by
    x/n and its standard error by x/n as well, so that t tends to -1 however large x is, and a lock that was
    edited or damaged would never be noticed. The second is blind to nothing in the lock, and keeps its level
    where both sides have one distribution; pairing only makes it stricter.

    Args:
        locked: (S,) gains in the lock, in the metric's unit.
        fresh: (S,) gains now; of the same seeds in the same order where `paired`.
        paired: whether to compare seed by seed.
        margin: what may be lost, in the metric's unit.
        scale: the metric's size, for round-off.
    """
    n = min(len(locked), len(fresh))
    none = paired and n > 0 and bool((np.abs(fresh - locked) <= ZERO * scale).all())
    if n < 2:
        return Change(float("nan"), float("nan"), n, paired, none, p_lost=1.0, p_won=1.0, p_kept=1.0)
    test = _paired(fresh - locked) if paired else _welch(locked, fresh)
    mean = fresh.mean() - locked.mean()
    alone = _fresh_alone(locked, fresh)
    return Change(
        mean=float(mean),
        sd=float(test.sd),
        n=n,
        paired=paired,
        none=none,
        p_lost=min(1.0, 2 * min(test.tail(-mean - margin), alone.tail(-mean - margin))),
        p_won=test.tail(mean - margin),
        p_kept=test.tail(mean + margin),
    )


def seeds_to_check(found: Change, margin: float, alpha: float, rows: int, power: float = 0.95) -> int | None:
    """Return how many seeds a side let a gate of `rows` rows decide about this one; None if no number does.

    So many that an unchanged study passes as a whole with `power`, and that a loss of twice the margin is caught
    with `power`; where there are as many already, so many that a change of the size seen is told from the
    margin.
    """

    def need(distance: float, level: float, chance: float) -> float:
        arrays = np.array([distance]), np.array([found.sd]), np.array([level])
        return float(np.ceil(seeds_for_difference(*arrays, chance, 0.0)[0]))

    each = 1 - (1 - power) / rows
    needed = max(need(margin, 2 * alpha, each), need(margin, alpha / rows, power))
    if needed <= found.n:
        needed = max(need(abs(margin + found.mean), 2 * alpha, power), found.n + 1)
    return int(needed) if np.isfinite(needed) and needed < 1e6 else None


@dataclass(frozen=True)
class _Tail:
    """Standard error, degrees of freedom, spread and number of values of one mean change."""

    error: float
    freedom: float
    sd: float
    n: int

    def tail(self, distance: float) -> float:
        distances, errors, sds = np.array([distance]), np.array([self.error]), np.array([self.sd])
        return float(upper_tail(distances, errors, np.array([self.freedom]), sds, np.array([self.n]))[0])


def _paired(changes: Array) -> _Tail:
    n, sd = len(changes), float(moments(changes[:, None]).sd[0])
    return _Tail(float(StudentT().standard_error(changes[:, None])[0]), n - 1, sd, n)


def _welch(locked: Array, fresh: Array) -> _Tail:
    """Welch, Biometrika 34, 1947: unequal variances, degrees of freedom after Satterthwaite."""
    sizes = np.array([len(locked), len(fresh)])
    parts = np.array([locked.var(ddof=1), fresh.var(ddof=1)]) / sizes
    weight = (parts**2 / (sizes - 1)).sum()
    freedom = parts.sum() ** 2 / weight if weight > 0 else sizes.sum() - 2
    sd = float(np.sqrt((parts * sizes).sum()))
    return _Tail(float(np.sqrt(parts.sum())), float(freedom), sd, int(sizes.min()))


def _fresh_alone(locked: Array, fresh: Array) -> _Tail:
    sd = float(fresh.std(ddof=1))
    return _Tail(sd * np.sqrt(1 / len(fresh) + 1 / len(locked)), len(fresh) - 1, sd, len(fresh))
