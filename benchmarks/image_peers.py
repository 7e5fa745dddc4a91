"""The plain loop with convolutions, as a competent user would write it, and free of mtlrun.

Both networks train digit and parity on the digits at 28x28, with Adam at a learning rate of 1e-3.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.peers import Peer, digits, summed_loop

SIDE = 28
GROUPS = 8  # of GroupNorm: most groups; fewer where there are fewer channels
NORM_EPS = 1e-5


class LeNet(nn.Sequential):
    """LeNet in today's form (LeCun et al. 1998): two 5x5 convolutions, 8 and 16 maps, and a dense layer."""

    def __init__(self, width: int) -> None:
        super().__init__(
            nn.Conv2d(1, 8, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(16 * 7 * 7, width),
            nn.ReLU(),
        )
        self.features = width


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut (He et al. 2016), with GroupNorm."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm1 = _norm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = _norm(outputs)
        same = stride == 1 and inputs == outputs
        self.shortcut: nn.Module = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), _norm(outputs))
        )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class ResNet18(nn.Sequential):
    """ResNet-18 with a stem for small images: `width` channels, doubled by each of three later stages."""

    def __init__(self, width: int) -> None:
        channels = [width, width, 2 * width, 4 * width, 8 * width]
        blocks: list[nn.Module] = []
        for stage in range(4):
            blocks.append(BasicBlock(channels[stage], channels[stage + 1], 1 if stage == 0 else 2))
            blocks.append(BasicBlock(channels[stage + 1], channels[stage + 1], 1))
        super().__init__(
            nn.Conv2d(1, width, 3, padding=1, bias=False),
            _norm(width),
            nn.ReLU(),
            *blocks,
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.features = 8 * width


def image_network(name: str, width: int) -> LeNet | ResNet18:
    """Return the encoder `lenet` with `width` features, or `resnet` with `width` channels at first."""
    return LeNet(width) if name == "lenet" else ResNet18(width)


def image_loop(name: str, width: int, batch: int, optimizer: str, device: str = "cpu") -> Peer:
    """The sum of both losses by the usual loop, with the `default`, `foreach` or `fused` Adam."""
    data = digits(device)
    pixels = data.inputs.view(-1, 1, 8, 8)
    data = data._replace(inputs=F.interpolate(pixels, SIDE, mode="bilinear", align_corners=False))
    encoder = image_network(name, width).to(device)
    heads = nn.ModuleList([nn.Linear(encoder.features, 10), nn.Linear(encoder.features, 1)]).to(device)
    return summed_loop(data, encoder, heads, batch, optimizer)


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(min(GROUPS, channels), channels, eps=NORM_EPS)
