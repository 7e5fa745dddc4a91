"""The loss of each kind of task, for one run: outputs (B, outputs) and targets to a scalar mean over examples."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

Loss = Callable[[Tensor, Tensor], Tensor]

LOSSES: dict[str, Loss] = {
    "multiclass": F.cross_entropy,  # targets (B,) of class numbers
    "binary": F.binary_cross_entropy_with_logits,  # targets (B, 1) in {0, 1}
    "multilabel": F.binary_cross_entropy_with_logits,  # targets (B, L) in {0, 1}; mean over labels too
    "regression": F.mse_loss,  # targets (B, k)
}
