"""Images of training batches, mirrored and moved: all lanes at once, by numbers that every run draws for itself."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mtlrun.data.task import Augment

DRAWS = 3  # uniform numbers an image: mirrored or not, rows down, columns right


def augmented(images: Tensor, draws: Tensor, augment: Augment) -> Tensor:
    """Return images, each padded with 0, cut out at a place of its own and perhaps mirrored.

    With padding p an image is cut from one of (2p + 1)^2 places, all equally likely, as K. He, X. Zhang, S. Ren and
    J. Sun, Deep Residual Learning, CVPR 2016, section 4.2, have it with p = 4.

    Args:
        images: (..., channels, height, width), of any type.
        draws: (..., 3), uniform in [0, 1).
        augment: what to do.
    """
    leading, (channels, height, width) = images.shape[:-3], images.shape[-3:]
    flat, drawn = images.reshape(-1, channels, height, width), draws.reshape(-1, DRAWS)
    pad, device = augment.crop, images.device
    padded = F.pad(flat, (pad, pad, pad, pad))
    places = (drawn[:, 1:] * (2 * pad + 1)).long().clamp(max=2 * pad)  # float32 may round a draw up to 1
    down = places[:, :1] + torch.arange(height, device=device)
    right = torch.arange(width, device=device).expand(len(flat), width)
    if augment.flip:
        right = torch.where(drawn[:, :1] < 0.5, width - 1 - right, right)
    right = right + places[:, 1:]
    cells = down[:, :, None] * padded.shape[-1] + right[:, None, :]  # of each colour, which are alike
    wanted = cells.reshape(-1, 1, height * width).expand(-1, channels, -1)
    return padded.flatten(2).gather(2, wanted).reshape(*leading, channels, height, width)
