"""Image transformation networks.

Johnson, Alahi & Fei-Fei 2016, "Perceptual Losses for Real-Time Style Transfer and
Super-Resolution", section 3.1 and supplement table 1, with the three changes that the authors
and later work settled on:

* instance norm in place of batch norm (Ulyanov et al. 2016, arXiv:1607.08022);
* nearest-neighbour resize and a stride-1 convolution in place of transposed convolutions, whose
  uneven overlap prints checkerboards (Odena et al. 2016, doi:10.23915/distill.00003);
* reflection padding at every convolution, so residual blocks keep their size.
"""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.rewrites import PlacesConvNorm, on_places

Norm = Literal["instance", "batch"]

# Pixel = 127.5 + 150 tanh(z), as in the authors' release. The whole of [0, 255] lies inside
# |tanh z| <= 0.85, where the tanh still passes gradient; a factor of 127.5 would put white and
# black at infinity.
TANH_SCALE = 150.0
PIXEL_CENTRE = 127.5

# VGG pads with zeros, so the loss hardly sees the outermost pixels and a network paints them as it
# likes: a frame. Served networks paint a reflected margin around the picture and cut it off.
MARGIN = 8


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
    """Style transfer network (supplement table 1).

    Input and output are float RGB [N, 3, H, W] in [0, 255] with H, W >= 16; the output is not
    clamped, so training sees how far a pixel overshoots. ``width`` is the number of channels of
    the first stage (the paper's 32; the authors' instance-norm release used 16).
    """

    def __init__(self, width: int = 32, norm: Norm = "instance") -> None:
        super().__init__()
        self.features = nn.Sequential(
            ConvNorm(3, width, 9, norm=norm),
            ConvNorm(width, 2 * width, 3, stride=2, norm=norm),
            ConvNorm(2 * width, 4 * width, 3, stride=2, norm=norm),
            *(ResidualBlock(4 * width, norm=norm) for _ in range(5)),
            ConvNorm(4 * width, 2 * width, 3, upsample=True, norm=norm),
            ConvNorm(2 * width, width, 3, upsample=True, norm=norm),
        )
        to_rgb = nn.Conv2d(width, 3, 9)
        with torch.no_grad():  # else |z| starts far out and every tanh is saturated
            to_rgb.weight.mul_(0.05)
            assert to_rgb.bias is not None
            to_rgb.bias.zero_()
        self.to_rgb = nn.Sequential(nn.ReflectionPad2d(4), to_rgb)

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


def luma(image: Tensor) -> Tensor:
    """BT.601 luma of RGB [N, 3, H, W]: [N, 1, H, W] in the range of the input."""
    red, green, blue = image[:, 0:1], image[:, 1:2], image[:, 2:3]
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _rewritten(layers: nn.Module) -> PlacesConvNorm:
    assert isinstance(layers, ConvNorm)
    _, _, convolution, norm, _ = layers
    assert isinstance(convolution, nn.Conv2d)
    return PlacesConvNorm(convolution, norm)


class ServedStyleNet(nn.Module):
    """What an exported style model computes: bytes in, bytes out.

    ``image`` uint8 [N, H, W, 3] sRGB; ``strength`` float32 [N] in [0, 1], 0 gives the input back;
    ``preserve_color`` float32 [N] in {0, 1}, 1 keeps the input's chroma under the stylised luma
    (Gatys et al. 2016, arXiv:1606.05897, section 3.2). Returns uint8 [N, H, W, 3].
    """

    sample_inputs: ClassVar[tuple[str, ...]] = ("strength", "preserve_color")

    def __init__(self, network: StyleNet) -> None:
        super().__init__()
        *earlier, half, full = network.features
        self.earlier = nn.Sequential(*earlier)
        self.to_half_size = _rewritten(half)
        self.to_full_size = _rewritten(full)
        to_rgb = network.to_rgb[1]
        assert isinstance(to_rgb, nn.Conv2d)
        self.to_rgb = on_places(to_rgb)

    def forward(self, image: Tensor, strength: Tensor, preserve_color: Tensor) -> Tensor:
        content = image.permute(0, 3, 1, 2).float()
        height, width = content.shape[-2:]
        framed = F.pad(content, (MARGIN, MARGIN, MARGIN, MARGIN), mode="reflect")
        features = self.earlier((framed - PIXEL_CENTRE) / PIXEL_CENTRE)
        features = self.to_full_size(F.pixel_shuffle(self.to_half_size(features), 2))
        logits = F.pixel_shuffle(self.to_rgb(features), 2)
        cut = MARGIN - 4  # to_rgb left out the 4 pixels that it would have padded
        logits = logits[..., cut : cut + height, cut : cut + width]
        stylized = to_pixels(logits).clamp(0, 255)
        # Adding the change of luma to all three channels leaves Cb and Cr as they were.
        recolored = content + (luma(stylized) - luma(content))
        stylized = torch.lerp(stylized, recolored, preserve_color[:, None, None, None])
        blended = torch.lerp(content, stylized, strength[:, None, None, None])
        return blended.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1)
