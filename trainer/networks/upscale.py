"""Super-resolution networks.

``PaperUpscaleNet`` is that of Johnson, Alahi & Fei-Fei 2016 (supplement, table 2), which spends
four fifths of its operations at the enlarged sizes. ``UpscaleNet`` is the one that is served: it
computes at low resolution only and learns the residual to bicubic upsampling (Kim et al. 2016,
arXiv:1511.04587), with the sub-pixel upsampling of Shi et al. 2016 (arXiv:1609.05158) and the
residual blocks without batch norm of Lim et al. 2017 (arXiv:1707.02921). Both pad with zeros, so
that pictures down to one pixel a side pass through.
"""

import copy
import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from trainer.images.resampling import enlarging_matrix
from trainer.networks.style import PIXEL_CENTRE, to_pixels

Factor = Literal[4, 8]


class UpscaleNet(nn.Module):
    """Residual blocks at low resolution, sub-pixel upsampling, and a bicubic skip connection.

    Takes float32 RGB [N, 3, H, W] in [0, 255] with H, W >= 1 and returns float32
    [N, 3, factor H, factor W], not clamped. It has ``blocks`` blocks of ``width`` channels.
    """

    bicubic: Tensor

    def __init__(self, factor: Factor, width: int, blocks: int) -> None:
        super().__init__()
        self.factor = factor
        self.width = width
        self.blocks = blocks
        self.head = nn.Conv2d(3, width, 3, padding=1)
        self.body = nn.Sequential(
            *(_ResidualBlock(width) for _ in range(blocks)), nn.Conv2d(width, width, 3, padding=1)
        )
        self.tail = nn.Conv2d(width, 3 * factor**2, 3, padding=1)
        with torch.no_grad():  # starts out as bicubic enlargement, nearly
            self.tail.weight.mul_(0.1)
        self.register_buffer("bicubic", _bicubic_phases(factor), persistent=False)

    @property
    def receptive_field(self) -> int:
        """Input pixels to each side that an output pixel depends on: one a convolution."""
        return 2 * self.blocks + 3

    def forward(self, low: Tensor) -> Tensor:
        centred = (low - PIXEL_CENTRE) / PIXEL_CENTRE
        features = self.head(centred.to(self.head.weight.dtype))
        missing = F.pixel_shuffle(self.tail(features + self.body(features)), self.factor)
        return self._enlarged(low) + PIXEL_CENTRE * missing.to(low.dtype)

    def _enlarged(self, low: Tensor) -> Tensor:
        with torch.autocast(low.device.type, enabled=False):  # bfloat16 has no eight bits
            padded = F.pad(low, (2, 2, 2, 2), mode="replicate")
            return F.pixel_shuffle(F.conv2d(padded, self.bicubic, groups=3), self.factor)


class _ResidualBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.expand = nn.Conv2d(width, width, 3, padding=1)
        self.reduce = nn.Conv2d(width, width, 3, padding=1)
        with torch.no_grad():  # near the identity at first, as no norm keeps the sum in bounds
            self.reduce.weight.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        reduced: Tensor = self.reduce(F.relu(self.expand(x)))
        return x + reduced


def _bicubic_phases(factor: int) -> Tensor:
    """Bicubic enlargement as a convolution, one filter a sub-pixel: [3 factor^2, 1, 5, 5]."""
    # The middle of a line long enough that no border is near: each of its factor enlarged pixels
    # is a mixture of five.
    line = torch.from_numpy(enlarging_matrix(9, factor))[4 * factor : 5 * factor, 2:7]
    phases = torch.einsum("ys,xt->yxst", line, line).reshape(factor**2, 1, 5, 5)
    return phases.repeat(3, 1, 1, 1)


class PaperUpscaleNet(nn.Module):
    """The paper's network: 9x9 convolution, four residual blocks, log2 ``factor`` x2 stages, 9x9.

    Batch norm throughout; nearest-neighbour resize and a convolution in place of the transposed
    convolutions, as in StyleNet. Takes and returns what UpscaleNet does, within [-22.5, 277.5].
    """

    def __init__(self, factor: Factor, width: int = 64, blocks: int = 4) -> None:
        super().__init__()
        self.factor = factor
        self.width = width
        self.blocks = blocks
        self.features = nn.Sequential(
            _ConvBatchNorm(3, width, 9),
            nn.ReLU(inplace=True),
            *(_BatchNormBlock(width) for _ in range(blocks)),
        )
        for _ in range(int(math.log2(factor))):
            self.features.extend(
                (nn.Upsample(scale_factor=2), _ConvBatchNorm(width, width, 3), nn.ReLU(True))
            )
        self.to_rgb = nn.Conv2d(width, 3, 9, padding=4)

    @property
    def receptive_field(self) -> int:
        """Input pixels to each side that an output pixel depends on."""
        radius = 4
        for _ in range(int(math.log2(self.factor))):
            radius = math.ceil((radius + 1) / 2)  # a 3x3 convolution, then at half the size
        return radius + 2 * self.blocks + 4

    def forward(self, low: Tensor) -> Tensor:
        centred = (low - PIXEL_CENTRE) / PIXEL_CENTRE
        logits = self.to_rgb(self.features(centred.to(self.to_rgb.weight.dtype)))
        return to_pixels(logits.float())


class _ConvBatchNorm(nn.Sequential):
    def __init__(self, channels_in: int, channels_out: int, kernel: int) -> None:
        super().__init__(
            # Batch norm subtracts the mean, and with it any bias.
            nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(channels_out),
        )


class _BatchNormBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _ConvBatchNorm(width, width, 3),
            nn.ReLU(inplace=True),
            _ConvBatchNorm(width, width, 3),
        )

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.body(x)
        return x + residual


def with_batch_norm_folded(network: nn.Module) -> nn.Module:
    """A copy for inference whose convolutions compute their batch norm too."""
    folded = copy.deepcopy(network).eval()
    for pair in [module for module in folded.modules() if isinstance(module, _ConvBatchNorm)]:
        convolution, norm = pair
        assert isinstance(convolution, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        pair[0] = fuse_conv_bn_eval(convolution, norm)
        del pair[1]
    return folded
