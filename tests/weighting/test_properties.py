"""What every weighting must do, whatever it is: each option of conf/weighting joins by itself.

What a method's paper says of sums, signs and scales stands in `BEHAVIOUR`; a new option needs an entry there.
"""

import numpy as np
import pytest
import torch
from support.weighting import SIZE, gradient_families, loss_families, make_case, run_case, run_stacked
from torch.utils._pytree import tree_map

from mtlrun.catalog import load_option, options
from mtlrun.config import build
from mtlrun.weighting.base import Averaging

TASKS = (2, 3, 5)
STEPS = 5  # epochs of two steps: the third is the first in which memories of epochs count
LANES = 7

VARIANTS = {
    "graddrop": [{"leak": [0.5, 0.0, 1.0, 0.2, 0.3]}],
    "moco": [{"normalize": True, "rho": 0.1}],
    "static": [{"weights": [0.5, 2.0, 0.0, 1.0, 3.0]}],  # the first T of them
    "dwa": [{"tau": 0.1}],
    "mgda": [{"normalize": "l2"}, {"normalize": "loss+"}],
    "random": [{"distribution": "dirichlet"}],
    "stch": [{"warmup": 0, "mu": 0.1}],  # the steps of these tests leave no longer warm-up
    "data_size": [{"power": -1.0}],
    "relatedness": [{"momentum": 0.0}],
    "gradnorm": [{"alpha": 0.0, "lr": 1.0}],
    "auto_lambda": [{"lr": 0.1}],  # weights reach 0
    "gradvac": [{"beta": 0.5}],
    "cagrad": [{"c": 2.0, "rescale": 0}],
    "nash_mtl": [{"update_every": 2, "max_norm": 0.0}],
    "fairgrad": [{"alpha": 0.5, "max_norm": 0.0}, {"alpha": 1.0, "max_norm": 0.0}],
    "aligned_mtl": [{"scale": "median"}, {"scale": "rmse"}],
}
"""Settings beside an option's defaults that are tried too."""

BEHAVIOUR = {
    # sum: of the weights, given T (None: not constant). negative: whether a weight may be below 0.
    # loss_scale: whether weights stay when one task's losses are all multiplied by a number.
    # gradient_scale: whether they stay when all gradients are multiplied by a number.
    # common_descent: whether no task's loss rises, to first order, along the combined gradient.
    "equal": {"sum": lambda t: t, "loss_scale": True, "gradient_scale": True},
    "static": {"sum": lambda t: t, "loss_scale": True, "gradient_scale": True},
    # exp(-s)/2 with s trained on the losses; the losses of this step change nothing yet
    "uncertainty": {"sum": None, "loss_scale": True, "gradient_scale": True},
    # ratios of a task's own losses (Liu et al. 2019, eq. 7)
    "dwa": {"sum": lambda t: t, "loss_scale": True, "gradient_scale": True},
    # projections do not depend on lengths, but their sum is no fixed combination (Yu et al. 2020, algorithm 1)
    "pcgrad": {"sum": None, "loss_scale": True, "gradient_scale": True},
    # Desideri 2012: a common descent direction, or 0
    "mgda": {"sum": lambda t: 1, "loss_scale": True, "gradient_scale": True, "common_descent": True},
    # as pcgrad towards a running cosine (Wang et al. 2021, eq. 3)
    "gradvac": {"sum": None, "loss_scale": True, "gradient_scale": True},
    # projections do not depend on lengths; none harms a task (Quinton & Rey 2024, section 3)
    "upgrad": {"sum": None, "loss_scale": True, "gradient_scale": True, "common_descent": True},
    # Lopez-Paz & Ranzato 2017, eq. 11: the mean, unless it harms a task
    "dualproj": {"sum": None, "loss_scale": True, "gradient_scale": True, "common_descent": True},
    # equal cosines where gradients are independent (Liu et al. 2025, eq. 2); tests/weighting/test_config_method.py
    "config": {"sum": None, "loss_scale": True, "gradient_scale": True, "negative": True},
    # Liu et al. 2021, eq. 5: inverse lengths; with IMTL-L a trained factor on top (eq. 8)
    "imtl_g": {"sum": lambda t: 1, "loss_scale": True, "gradient_scale": True, "negative": True},
    "imtl": {"sum": None, "loss_scale": True, "gradient_scale": True, "negative": True},
    # Lin et al. 2022: a distribution over the simplex
    "random": {"sum": lambda t: 1, "loss_scale": True, "gradient_scale": True},
    # the geometric mean turns a task's scale into a factor of the whole, which all weights but its own share
    "gls": {"sum": None, "loss_scale": False, "gradient_scale": True},
    # exp(s) with s trained on the losses; the losses of this step change nothing yet
    "imtl_l": {"sum": None, "loss_scale": True, "gradient_scale": True},
    # 1 / L in the warm-up: a scale of one loss leaves the weighted losses, so not the weights
    "stch": {"sum": None, "loss_scale": False, "gradient_scale": True},
    # Liu et al. 2023, algorithm 1: z / L, normalised
    "famo": {"sum": lambda t: 1, "loss_scale": False, "gradient_scale": True},
    "data_size": {"sum": lambda t: t, "loss_scale": True, "gradient_scale": True},
    # cosines with a primary task, which itself weighs 1 (Du et al. 2018)
    "relatedness": {"sum": None, "loss_scale": True, "gradient_scale": True},
    # losses relative to the first; a step as long as the gradients (Chen et al. 2018, algorithm 1)
    "gradnorm": {"sum": lambda t: t, "loss_scale": True, "gradient_scale": False},
    # Adam sees no scale
    "auto_lambda": {"sum": None, "loss_scale": True, "gradient_scale": True},
    # Senushkin et al. 2023, eq. 11: sqrt(min l / G), free of the gradients' common scale
    "aligned_mtl": {"sum": None, "loss_scale": True, "gradient_scale": True, "negative": True},
    # shares of gradients that stay, by signs alone (Chen et al. 2020, eq. 1)
    "graddrop": {"sum": None, "loss_scale": True, "gradient_scale": True},
    # steps of one size on the simplex (Fernando et al. 2023, algorithm 1)
    "moco": {"sum": lambda t: 1, "loss_scale": True, "gradient_scale": False},
    # excess risks relative to the first ones (He et al. 2024, section 3.2)
    "excess_mtl": {"sum": lambda t: 1, "loss_scale": True, "gradient_scale": True},
    # losses count through their logarithms' gradients (Lin et al. 2023, eq. 1)
    "db_mtl": {"sum": None, "loss_scale": False, "gradient_scale": True},
    # Navon et al. 2022, claim 3.1: gains 1 / w > 0; the update's length is fixed, so weights follow 1 / length
    "nash_mtl": {"sum": None, "loss_scale": True, "gradient_scale": False, "common_descent": True},
    # Ban and Ji 2024, eq. 4: slopes w^(-1/alpha) > 0; a bounded length
    "fairgrad": {"sum": None, "loss_scale": True, "gradient_scale": False, "common_descent": True},
    # TorchJD's AlignedMTL by default
    "torchjd": {"sum": None, "loss_scale": True, "gradient_scale": True, "negative": True},
    # Chen et al. 2023, algorithm 2: a step as long as the gradients' squares
    "modo": {"sum": lambda t: 1, "loss_scale": True, "gradient_scale": False},
    # the authors' code divides by the gradients' mean norm
    "sdmgrad": {"sum": lambda t: 1, "loss_scale": True, "gradient_scale": True},
    # Liu et al. 2021, eq. 2: the mean and a share of a convex combination; c below 1 promises no common descent
    "cagrad": {"sum": None, "loss_scale": True, "gradient_scale": True},
}

EVERY = [(name, {}) for name in options("weighting")]
EVERY += [(name, setting) for name in options("weighting") for setting in VARIANTS.get(name, [])]
every_weighting = pytest.mark.parametrize(
    ("name", "setting"), EVERY, ids=[" ".join([n, *(str(v) for v in s.values())]) for n, s in EVERY]
)
every_declared = pytest.mark.parametrize("name", BEHAVIOUR)
every_size = pytest.mark.parametrize("tasks", TASKS)


def weighting(name, tasks, setting=None):
    cut = {k: v[:tasks] if isinstance(v, list) else v for k, v in (setting or {}).items()}
    return build({**load_option("weighting", name), **cut})


def varied(rng, tasks, base=None):
    """Losses of STEPS steps that rise and fall around a family's."""
    base = rng.uniform(0.1, 3, tasks) if base is None else base
    return base * rng.uniform(0.5, 2, (STEPS, tasks))


def random_case(method, tasks, seed):
    rng = np.random.default_rng(seed)
    return make_case(method, varied(rng, tasks), gradient_families(tasks, rng)["random"], rng)


def test_every_option_declares_its_behaviour():
    missing = set(options("weighting")) - set(BEHAVIOUR)
    assert not missing, f"say in BEHAVIOUR what the papers of {sorted(missing)} promise"


@pytest.mark.sample(2)
@every_size
@every_weighting
@pytest.mark.parametrize("dtype", (torch.float32, torch.float64), ids=str)
def test_weights_are_finite(name, setting, tasks, dtype):
    method, rng = weighting(name, tasks, setting), np.random.default_rng(0)
    gradients, losses = gradient_families(tasks, rng), loss_families(tasks, rng)
    kinds = [(g, loss) for g in gradients for loss in losses]
    cases = [make_case(method, varied(rng, tasks, losses[k]), gradients[g], rng, dtype) for g, k in kinds]
    weights = run_stacked(method, cases)
    assert weights.shape == (len(kinds), STEPS, tasks)
    assert weights.dtype == dtype
    good = weights.isfinite().all(2).all(1)
    if not BEHAVIOUR.get(name, {}).get("negative"):
        good &= (weights >= 0).all(2).all(1)
    bad = [f"{g} gradients, {k} losses" for (g, k), fine in zip(kinds, good, strict=True) if not fine]
    assert not bad


@every_weighting
def test_one_task_alone_has_a_finite_weight(name, setting):
    method, rng = weighting(name, 1, setting), np.random.default_rng(0)
    weights = run_case(method, make_case(method, varied(rng, 1), rng.standard_normal((1, SIZE)), rng))
    assert weights.isfinite().all()
    assert (weights > 0).all()


@every_size
@every_declared
def test_weights_that_sum_to_1_can_be_multiplied_by_the_number_of_tasks(name, tasks):
    total = BEHAVIOUR[name]["sum"]
    if total is not None and total(tasks) == 1:
        assert isinstance(weighting(name, tasks), Averaging)


@pytest.mark.sample(3)
@every_size
@every_weighting
def test_runs_weighed_together_and_one_by_one_agree(name, setting, tasks):
    method = weighting(name, tasks, setting)
    cases = [random_case(method, tasks, seed) for seed in range(LANES)]
    alone = torch.stack([run_case(method, case) for case in cases])
    torch.testing.assert_close(run_stacked(method, cases), alone, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "setting"),
    [(name, setting) for name, setting in EVERY if weighting(name, 5, setting).any_leading_axes],
)
def test_runs_stacked_without_vmap_agree_with_runs_alone(name, setting):
    method = weighting(name, 3, setting)
    cases = [random_case(method, 3, seed) for seed in range(LANES)]
    stacked = tree_map(lambda *leaves: torch.stack(leaves), *cases)
    by_step = {key: getattr(stacked, key).movedim(1, 0) for key in ("losses", "draw")}
    found = run_case(method, stacked._replace(**by_step)).movedim(0, 1)
    torch.testing.assert_close(found, torch.stack([run_case(method, case) for case in cases]))
    penalties = torch.stack([method.penalty(case.learned) for case in cases])
    torch.testing.assert_close(method.penalty(stacked.learned).expand(LANES), penalties)


@every_size
@every_weighting
def test_a_singular_or_broken_run_leaves_the_others_bit_equal(name, setting, tasks):
    method = weighting(name, tasks, setting)
    cases = [random_case(method, tasks, seed) for seed in range(LANES)]
    others = [0, 2, 4, 6]
    expected = run_stacked(method, cases)[others]
    gradients = ("gramian", "jacobian", "probed")
    for place, value in ((1, 1.0), (3, torch.nan), (5, torch.inf)):
        broken = {key: torch.full_like(getattr(cases[place], key), value) for key in gradients}
        cases[place] = cases[place]._replace(**broken)
    cases[3] = cases[3]._replace(losses=torch.full_like(cases[3].losses, torch.nan))
    assert torch.equal(run_stacked(method, cases)[others], expected)


@every_size
@every_weighting
def test_permuted_tasks_get_permuted_weights(name, setting, tasks):
    method = weighting(name, tasks, setting)
    order = torch.from_numpy(np.random.default_rng(1).permutation(tasks))
    cases = [random_case(method, tasks, seed) for seed in range(5)]
    others = [permuted(case, order) for case in cases]
    found, expected = run_stacked(method, others), run_stacked(method, cases)[:, :, order]
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


def permuted(case, order):
    """The same run with its tasks in another order; what is per task, draws too, stays with its task."""

    def reordered(tree):
        return {k: v[order] if v.dim() and len(v) == len(order) else v for k, v in tree.items()}

    draw = case.draw
    for axis in range(1, draw.dim()):
        draw = draw.index_select(axis, order) if draw.shape[axis] == len(order) else draw
    gramian, probed = case.gramian[order][:, order], case.probed[order]
    probed = probed[:, order] if probed.dim() > 1 else probed
    trees = (reordered(tree) for tree in (case.learned, case.state, case.fields))
    return type(case)(case.losses[:, order], gramian, case.jacobian[order], probed, draw, *trees)


@every_size
@every_declared
def test_the_sum_of_weights(name, tasks):
    total = BEHAVIOUR[name]["sum"]
    method = weighting(name, tasks)
    rng = np.random.default_rng(5)
    uneven = rng.uniform(0.1, 2, (20, tasks, 1)) * rng.standard_normal((20, tasks, SIZE))
    sums = run_stacked(method, [make_case(method, varied(rng, tasks), g, rng) for g in uneven]).sum(2)
    if total is None:
        assert sums.std() > 1e-6, "constant, so say the sum in BEHAVIOUR"
    else:
        torch.testing.assert_close(sums, torch.full_like(sums, float(total(tasks))))


@every_size
@every_declared
def test_the_scale_of_losses_and_gradients(name, tasks):
    method, behaviour = weighting(name, tasks), BEHAVIOUR[name]
    case = random_case(method, tasks, seed=1)
    losses = case.losses.clone()
    losses[:, 0] *= 1e4
    others = [case._replace(losses=losses)]
    for by in (1e4, 0.1):  # far below it the epsilon of Adam shows, in auto_lambda
        squared = {"gramian": by**2 * case.gramian, "probed": by**2 * case.probed}
        others.append(case._replace(jacobian=by * case.jacobian, **squared))
    plain, other_losses, larger, smaller = run_stacked(method, [case, *others])
    assert torch.allclose(other_losses, plain, rtol=1e-6) == behaviour["loss_scale"]
    for other_gradients in (larger, smaller):
        assert torch.allclose(other_gradients, plain, rtol=1e-6) == behaviour["gradient_scale"]


FREE_OF_SCALE = [name for name in BEHAVIOUR if BEHAVIOUR[name]["gradient_scale"]]
ROUGH = ("auto_lambda", "sdmgrad")  # Adam's epsilon and squares of slopes; steps that amplify round-off


@pytest.mark.parametrize(
    ("name", "scale"),
    [(name, 1e-12) for name in FREE_OF_SCALE if name not in ROUGH]
    + [(name, 1e12) for name in FREE_OF_SCALE if name not in ROUGH]
    + [(name, scale) for name in ("db_mtl", "graddrop") for scale in (1e-25, 1e25)],  # have no Gramian
)
def test_float32_holds_gradients_of_any_length(name, scale):
    method, rng = weighting(name, 3), np.random.default_rng(2)
    gradients, losses = rng.standard_normal((3, SIZE)), varied(rng, 3)
    plain, scaled = (
        run_case(method, make_case(method, losses, by * gradients, np.random.default_rng(0), torch.float32))
        for by in (1.0, scale)
    )
    torch.testing.assert_close(scaled, plain, rtol=1e-3, atol=1e-6)


@every_size
@pytest.mark.parametrize("name", [n for n in BEHAVIOUR if BEHAVIOUR[n].get("common_descent")])
def test_no_loss_rises_along_a_common_descent_direction(name, tasks):
    method, rng = weighting(name, tasks), np.random.default_rng(3)
    gradients = [g for _ in range(10) for g in gradient_families(tasks, rng).values()]
    weights = run_stacked(method, [make_case(method, varied(rng, tasks), g, rng) for g in gradients])[:, 0]
    for w, g in zip(weights.numpy(), gradients, strict=True):
        lengths = np.linalg.norm(g, axis=1)
        # w'G >= 0, but for the rounding of the weighted sum, as long as its summands
        assert (g @ (w @ g) >= -1e-9 * lengths * (w @ lengths)).all()
