"""One lane of a cohort by itself, for what is asked of a single run."""

from __future__ import annotations

import copy

from mtlrun.training.batches.bank import Bank
from mtlrun.training.loop.cohort import Cohort
from mtlrun.training.loop.task_losses import losses_of
from mtlrun.training.optimizers import LaneOptimizer
from mtlrun.training.vectorize.lane_backends import forward_of_lanes


def first_lane(cohort: Cohort) -> Cohort:
    """Return a cohort of the first lane alone, as it stands now; training it leaves the given one as it is.

    Data and the structure of the network are those of the cohort: nothing is loaded or initialised again. Inputs come
    to the device batch by batch.
    """
    alone = copy.copy(cohort)
    alone.compiler, alone.groups = None, [slice(0, 1)]
    alone.seeds, alone.suites, alone.data = cohort.seeds[:1], cohort.suites[:1], cohort.data[:1]
    alone.parts, alone.rules, alone.stops = cohort.parts[:1], cohort.rules[:1], cohort.stops[:1]
    alone.bank = Bank(alone.data, cohort.device, cohort.dtype, streamed=True)
    alone.losses = losses_of(cohort.info.tasks, alone.data, cohort.device, cohort.dtype)
    alone.statistics = {name: values[:1].clone() for name, values in cohort.statistics.items()}
    alone.constants = {name: values[:1] for name, values in cohort.constants.items()}
    initial = {name: values[:1].detach().clone() for name, values in cohort.parameters.items()}
    alone.optimizer = LaneOptimizer([part.optimizer for part in alone.parts], initial)
    alone.parameters = alone.optimizer.parameters
    alone.forward = forward_of_lanes(
        cohort.network, alone.parameters, cohort.autocast, alone.statistics, alone.constants
    )
    return alone
