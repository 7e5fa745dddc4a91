"""What training costs: operations, time and memory."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from mtlrun.training.loop.cohort import Cohort
from mtlrun.training.loop.first_lane import first_lane

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
MIB = 2**20


def step_flops(cohort: Cohort) -> int:
    """Return the floating-point operations of one training step of one run, by `torch.utils.flop_counter`.

    Its formulas count matrix products and convolutions, forward and backward. Where phases of a schedule
    differ, or the tasks of their steps, it is the mean over steps. They are counted on a copy of the cohort's first
    lane, since those of many lanes would count how their layers are put together.
    """
    alone, total = first_lane(cohort), 0
    for phase in alone.phases:
        for active, steps in phase.turns().items():
            trainer, batch = alone.begin(phase, active), next(alone.batches(phase, 0, active))
            with _Counter() as counter:
                trainer.step(batch, 0)
            total += counter.flops * steps
    return round(total / sum(phase.steps for phase in alone.phases))


class _Counter(TorchDispatchMode):
    """Sums torch's own formulas; its `FlopCounterMode` does too, after 2 s of imports for what we do not need."""

    flops = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Spare the import of torch._dynamo: nothing is compiled here."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            self.flops += formula(*args, **(kwargs or {}), out_val=result)
        return result


class Meter:
    """Measures a piece of work: wall and device seconds, and the peak memory of this process or of its GPU."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            self._events = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
        else:
            _reset_peak()
        self.wall_s = self.device_s = self._peak_mib = 0.0

    def go_on(self, spent: Mapping[str, float]) -> None:
        """Add what an earlier meter's `spent` says of the same work."""
        self.wall_s, self.device_s = spent["step_wall_s"], spent["step_device_s"]
        self._peak_mib = spent["peak_mib"]

    def measure(self, work: Callable[[], Any]) -> Any:
        """Do the work, and return what it returns."""
        self._begun = time.perf_counter(), time.process_time()
        if self._device.type == "cuda":
            self._events[0].record()
        result = work()
        found = self.spent()
        self.wall_s, self.device_s = found["step_wall_s"], found["step_device_s"]
        return result

    def spent(self) -> dict[str, float]:
        """Return what was measured up to this point of the work; waits for a GPU."""
        if self._device.type == "cuda":
            self._events[1].record()
            torch.cuda.synchronize(self._device)
            device_s = self._events[0].elapsed_time(self._events[1]) / 1000
        else:
            device_s = time.process_time() - self._begun[1]
        wall_s = self.wall_s + time.perf_counter() - self._begun[0]
        return {
            "step_wall_s": wall_s,
            "step_device_s": self.device_s + device_s,
            "peak_mib": self.peak_mib(),
        }

    def peak_mib(self) -> float:
        """Return the peak since this meter was made; what torch holds on a GPU, the whole process on a CPU."""
        if self._device.type == "cuda":
            now = torch.cuda.max_memory_allocated(self._device) / MIB
        else:
            now = process_peak_mib()
        return max(self._peak_mib, now)


def process_peak_mib() -> float:
    """Return the peak resident memory of this process, on Linux since the last `Meter` was made."""
    if _STATUS.exists():
        fields = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
        return float(fields["VmHWM"].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _reset_peak() -> None:
    """Begin to count peak memory anew where the system can."""
    if _CLEAR.exists():
        try:
            _CLEAR.write_text("5")
        except OSError:  # not allowed here: the peak is then since the process began
            return
