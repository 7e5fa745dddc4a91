"""Metrics of order with each example left out: the area under a curve and rank correlation, in O(N log N).

Both need, for every example, how much lies below its value, equal values counting half: how many of the other class
for the area (the example's placement), how much of a weight for the correlation. One sort and a running sum give
it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


class Placements:
    """Where each value stands among the values of its row."""

    def __init__(self, values: Tensor, there: Tensor) -> None:
        """Sort values (..., N); those that are not there may be anything, and must be given no weight."""
        ordered, self._order = torch.where(there, values, torch.inf).contiguous().sort(-1)
        # where equal values begin and end: looked up in sorted order, which is several times as fast as in any other
        self._below, self._upto = (torch.searchsorted(ordered, ordered, right=end) for end in (False, True))

    def below(self, weights: Tensor) -> Tensor:
        """Return for each value the weight of smaller ones and half the weight of equal ones, itself among them."""
        running = F.pad(weights.double().gather(-1, self._order).cumsum(-1), (1, 0))
        ordered = (running.gather(-1, self._below) + running.gather(-1, self._upto)) / 2
        return torch.empty_like(ordered).scatter_(-1, self._order, ordered)


def area_deletions(scores: Tensor, true: Tensor, false: Tensor) -> tuple[Tensor, Tensor]:
    """Return the area under the receiver operating characteristic, (..., 1), and that without each example, (..., N).

    An example that is left out takes its placement with it: the number of examples of the other class against which
    it is in the right order (DeLong, DeLong & Clarke-Pearson, Biometrics 44, 1988). Without the only example of a
    class the area is 0; all results are 0 where a class has none.

    Args:
        scores: (..., N).
        true: whether an example is there and positive.
        false: whether it is there and negative.
    """
    place = Placements(scores, true | false)
    yes, no = (x.sum(-1, keepdim=True).double() for x in (true, false))
    wins = torch.where(true, place.below(false), 0) + torch.where(false, yes - place.below(true), 0)
    total = torch.where(true, wins, 0).sum(-1, keepdim=True)
    area = total / (yes * no).clamp(min=1)
    return area, (total - wins) / ((yes - true.double()) * (no - false.double())).clamp(min=1)


def rank_correlation_deletions(a: Tensor, b: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
    """Return Spearman's correlation, (..., 1), and to first order that without each example, (..., N).

    Leaving one of n examples out moves the empirical distribution by 1 / (n - 1) away from it; the result is linear
    in that step (the infinitesimal jackknife: Efron, The Jackknife, the Bootstrap and Other Resampling Plans, 1982,
    chapter 6). The exact value would need, for every example, the number of those that are larger in both. What
    this omits is O(1/n) in a pseudo-value. The correlation counts as 0, with and without any example, where one
    side is constant. Equal values share their mean rank.

    With F and G the mid-distribution functions of a and b less their mean 1/2, the correlation is
    E[F G] / sqrt(E[F F] E[G G]), and the derivative of E[F G] towards example i is
    F_i G_i + E_j[h(a_i, a_j) G_j] + E_j[h(b_i, b_j) F_j] - 3 E[F G], where h is 1 if a_j is larger and 1/2 if equal.
    """
    count = there.sum(-1, keepdim=True).double()
    n = count.clamp(min=1)
    place_a, place_b = Placements(a, there), Placements(b, there)
    f, g = (torch.where(there, p.below(there) / n - 0.5, 0) for p in (place_a, place_b))
    var_f, var_g, covariance = (x.sum(-1, keepdim=True) / n for x in (f * f, g * g, f * g))

    def above(place: Placements, weights: Tensor) -> Tensor:
        return (weights.sum(-1, keepdim=True) - place.below(weights)) / n

    d_var_f = f * f + 2 * above(place_a, f) - 3 * var_f
    d_var_g = g * g + 2 * above(place_b, g) - 3 * var_g
    d_covariance = f * g + above(place_a, g) + above(place_b, f) - 3 * covariance
    varies = (var_f > 0) & (var_g > 0)
    var_f, var_g = (torch.where(varies, x, 1) for x in (var_f, var_g))
    scale = (var_f * var_g).sqrt()
    rho = torch.where(varies, covariance / scale, 0)
    slope = d_covariance / scale - rho / 2 * (d_var_f / var_f + d_var_g / var_g)
    return rho, rho - torch.where(there & varies, slope, 0) / (count - 1).clamp(min=1)
