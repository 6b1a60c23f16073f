"""Style transfer networks: image transformation networks of the paper.

Johnson, Alahi & Fei-Fei 2016, "Perceptual Losses for Real-Time Style Transfer and
Super-Resolution", section 3.1 and supplement table 1, with the three changes that the authors
and later work settled on:

* instance norm in place of batch norm (Ulyanov et al. 2016, arXiv:1607.08022);
* nearest-neighbour resize and a stride-1 convolution in place of transposed convolutions, whose
  uneven overlap prints checkerboards (Odena et al. 2016, doi:10.23915/distill.00003);
* reflection padding at every convolution, so residual blocks keep their size.
"""

from typing import Literal

import torch
from torch import Tensor, nn

Norm = Literal["instance", "batch"]
Architecture = Literal["sub-pixel", "paper"]

# Pixel = 127.5 + 150 tanh(z), as in the authors' release. The whole of [0, 255] lies inside
# |tanh z| <= 0.85, where the tanh still passes gradient; a factor of 127.5 would put white and
# black at infinity.
TANH_SCALE = 150.0
PIXEL_CENTRE = 127.5


class ConvNorm(nn.Sequential):
    """Reflection-padded convolution, optional x2 nearest resize before it, normalisation, ReLU."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int,
        *,
        norm: Norm,
        stride: int = 1,
        upsample: bool = False,
        relu: bool = True,
    ) -> None:
        normalise = nn.InstanceNorm2d if norm == "instance" else nn.BatchNorm2d
        layers: list[nn.Module] = [nn.Upsample(scale_factor=2, mode="nearest")] if upsample else []
        layers += [
            nn.ReflectionPad2d(kernel // 2),
            # The normalisation subtracts the mean, and with it any bias.
            nn.Conv2d(channels_in, channels_out, kernel, stride, bias=False),
            normalise(channels_out, affine=True),
        ]
        if relu:
            layers.append(nn.ReLU(inplace=True))
        super().__init__(*layers)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and an identity; no ReLU after the addition (Gross & Wilber 2016)."""

    def __init__(self, channels: int, *, norm: Norm) -> None:
        super().__init__()
        self.body = nn.Sequential(
            ConvNorm(channels, channels, 3, norm=norm),
            ConvNorm(channels, channels, 3, norm=norm, relu=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.body(x)
        return x + residual


class StyleNet(nn.Module):
    """Style transfer network: downsampling, five residual blocks, upsampling.

    Input and output are float RGB [N, 3, H, W] in [0, 255] with H, W >= 16; the output is not
    clamped, so training sees how far a pixel overshoots. ``width`` is the number of channels of
    the paper's first stage (its 32; the authors' instance-norm release used 16).

    Architecture ``paper`` is supplement table 1. ``sub-pixel`` leaves out its two stages of full
    size, where half of a narrow network's time goes: the first convolution strides to half size,
    and the last is a sub-pixel convolution (Shi et al. 2016, arXiv:1609.05158).
    """

    def __init__(
        self, width: int = 32, norm: Norm = "instance", architecture: Architecture = "paper"
    ) -> None:
        super().__init__()
        half, quarter = 2 * width, 4 * width  # channels at half and at a quarter of the size
        paper = architecture == "paper"
        self.features = nn.Sequential(
            ConvNorm(3, width if paper else half, 9, stride=1 if paper else 2, norm=norm),
            *([ConvNorm(width, half, 3, stride=2, norm=norm)] if paper else []),
            ConvNorm(half, quarter, 3, stride=2, norm=norm),
            *(ResidualBlock(quarter, norm=norm) for _ in range(5)),
            ConvNorm(quarter, half, 3, upsample=True, norm=norm),
            *([ConvNorm(half, width, 3, upsample=True, norm=norm)] if paper else []),
        )
        to_rgb = nn.Conv2d(width, 3, 9) if paper else nn.Conv2d(half, 3 * 2**2, 5)
        with torch.no_grad():  # else |z| starts far out and every tanh is saturated
            to_rgb.weight.mul_(0.05)
            assert to_rgb.bias is not None
            to_rgb.bias.zero_()
        self.to_rgb = nn.Sequential(nn.ReflectionPad2d(to_rgb.kernel_size[0] // 2), to_rgb)
        if not paper:
            self.to_rgb.append(nn.PixelShuffle(2))

    def logits(self, image: Tensor) -> Tensor:
        """The values z before the tanh, float [N, 3, H, W]."""
        height, width = image.shape[-2:]
        z: Tensor = self.to_rgb(self.features((image - PIXEL_CENTRE) / PIXEL_CENTRE))
        # Each stride-2 convolution rounds odd sizes up, so z is up to 3 pixels too large.
        return z[..., :height, :width]

    def forward(self, image: Tensor) -> Tensor:
        return to_pixels(self.logits(image))


def to_pixels(logits: Tensor) -> Tensor:
    """Scaled tanh: logits of any range to pixel values in [-22.5, 277.5]."""
    return PIXEL_CENTRE + TANH_SCALE * torch.tanh(logits)
