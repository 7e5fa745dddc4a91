"""Nothing inside a step waits for the device: no value is read back, nothing is copied to or from the host."""

import pytest
import torch
from support.cohorts import cohort_of
from support.configs import run_config
from support.weighting import vectorised
from torch.utils._python_dispatch import TorchDispatchMode

from mtlrun.catalog import options
from mtlrun.training.batches.feed import CHUNK_STEPS

WAITING = {"_local_scalar_dense", "item", "nonzero", "masked_select", "equal", "is_nonzero"}
"""Operations whose result, or its size, the host must know before it can go on."""


class Recorder(TorchDispatchMode):
    """Collects the names of all operations."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.append(func._overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


STRATEGIES = [{"weighting": name} for name in vectorised()]
STRATEGIES += [{"regularization": name, "sharing": "cgc"} for name in options("regularization")]
every_strategy = pytest.mark.parametrize("choices", STRATEGIES, ids=str)


@pytest.mark.parametrize("lanes", (1, 3))
@every_strategy
def test_no_operation_of_a_step_waits(choices, lanes):
    cohort = cohort_of([run_config(s, 4, "float32", **choices) for s in range(lanes)], torch.device("cpu"))
    (phase,) = cohort.phases
    trainer, batches = cohort.begin(phase), cohort.batches(phase, 0)
    next(batches)  # draws and sends the batches of the next steps
    recorder = Recorder()
    with recorder:
        batch = next(batches)
        losses, _ = trainer.program.gradients(trainer.lanes, batch)[1:]
        losses.isfinite()
    assert "mm" in recorder.names or "bmm" in recorder.names
    assert not WAITING & set(recorder.names)


def test_the_recorder_sees_what_waits():
    with Recorder() as recorder:
        torch.ones(2).sum().item()
    assert WAITING & set(recorder.names)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@every_strategy
def test_a_step_on_a_gpu_never_waits(choices):
    if choices.get("regularization") == "trace_norm":
        pytest.skip("torch's decomposition reads back whether it went well, as its page says")
    device = torch.device("cuda")
    cohort = cohort_of([run_config(s, CHUNK_STEPS, "float32", **choices) for s in range(3)], device)
    (phase,) = cohort.phases
    trainer, batches = cohort.begin(phase), cohort.batches(phase, 0)
    trainer.step(next(batches), 0)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for step in range(1, CHUNK_STEPS // 2):
            trainer.step(next(batches), step)
    finally:
        torch.cuda.set_sync_debug_mode("default")
