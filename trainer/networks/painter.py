"""PainterNet: one image transformation network for many paintings and stroke sizes.

The paper's network at half width with conditional instance norm (Dumoulin, Shlens & Kudlur 2017,
arXiv:1610.07629): the convolutions are shared, and every scale and shift of a norm comes from a
row, float [D], one for each painting and stroke size. Rows are used as they are, so that a convex
combination of rows is a style as well.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.networks.style import PIXEL_CENTRE, to_pixels

EPSILON = 1e-5
"""Added to the variance before the square root, as in PyTorch's instance norm."""

ROW_GAIN = 2.0
"""Adam moves every number alike, but a row is asked for once in many steps: it moves further."""


LEAK = 0.2
"""Slope below zero of the last activation."""


class ConditionalNorm(nn.Module):
    """Instance norm of float [N, C, H, W] with scales and shifts from a row [N, 2 C]."""

    def forward(self, x: Tensor, row: Tensor) -> Tensor:
        scale, shift = row.to(x.dtype)[..., None, None].chunk(2, dim=1)
        # PyTorch's own instance norm would copy x to another order in memory and back.
        centred = x - x.mean(dim=(2, 3), keepdim=True)
        variance = centred.square().mean(dim=(2, 3), keepdim=True)
        return torch.addcmul(shift, centred, scale * torch.rsqrt(variance + EPSILON))


class ConvNorm(nn.Module):
    """Reflection-padded convolution, optional x2 nearest resize before it, conditional norm.

    Then a ReLU, unless another activation is given.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int,
        *,
        stride: int = 1,
        upsample: bool = False,
        activation: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.channels = channels_out
        self.upsample = upsample
        self.activation = activation or nn.ReLU()
        self.pad = nn.ReflectionPad2d(kernel // 2)
        # The normalisation subtracts the mean, and with it any bias.
        self.convolution = nn.Conv2d(channels_in, channels_out, kernel, stride, bias=False)
        self.norm = ConditionalNorm()

    def forward(self, x: Tensor, row: Tensor) -> Tensor:
        if self.upsample:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        x = self.norm(self.convolution(self.pad(x)), row)
        activated: Tensor = self.activation(x)
        return activated


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and an identity; no ReLU after the addition (Gross & Wilber 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvNorm(channels, channels, 3)
        self.second = ConvNorm(channels, channels, 3, activation=nn.Identity())

    def forward(self, x: Tensor, rows: Iterator[Tensor]) -> Tensor:
        hidden = self.first(x, next(rows))
        residual: Tensor = self.second(hidden, next(rows))
        return x + residual


class PainterNet(nn.Module):
    """The network that all paintings share.

    Images are float RGB [N, 3, H, W] in [0, 255], at least 32 pixels a side; the output is not
    clamped, so training sees how far a pixel overshoots. ``rows`` float [N, D] are the scales and
    shifts of all norms, in the order in which the layers run. ``width`` counts the channels that
    full size would have; there is none of that size, where half of a narrow network's time would
    go: the first convolution strides to half size, and the last draws each four pixels side by
    side (Shi et al. 2016, arXiv:1609.05158).
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        half, quarter = 2 * width, 4 * width  # channels at half and at a quarter of the size
        self.stem = ConvNorm(3, half, 9, stride=2)
        self.down = ConvNorm(half, quarter, 3, stride=2)
        self.blocks = nn.ModuleList(ResidualBlock(quarter) for _ in range(5))
        # Where a plain ReLU gave nothing in any channel, a whole cloud would have one colour.
        self.up = ConvNorm(quarter, half, 3, upsample=True, activation=nn.LeakyReLU(LEAK))
        last = nn.Conv2d(half, 3 * 2**2, 5)
        self.to_rgb = nn.Sequential(nn.ReflectionPad2d(2), last, nn.PixelShuffle(2))
        with torch.no_grad():
            # The four pixels start alike, or their differences print a grid (Aitken et al. 2017,
            # arXiv:1707.02937); small, or |z| starts far out and every tanh is saturated.
            last.weight.copy_(0.05 * last.weight[::4].repeat_interleave(4, dim=0))
            assert last.bias is not None
            last.bias.zero_()
        self.row_parts = [2 * of.channels for of in self.modules() if isinstance(of, ConvNorm)]
        """How many numbers of a row each norm takes: scales, then shifts."""

    def plain_row(self) -> Tensor:
        """The row that normalises and does nothing else, float32 [D]."""
        parts = [torch.tensor([1.0, 0.0]).repeat_interleave(n // 2) for n in self.row_parts]
        return torch.cat(parts)

    def logits(self, image: Tensor, rows: Tensor) -> Tensor:
        """The values z before the tanh, float [N, 3, H, W]."""
        height, width = image.shape[-2:]
        row = iter(torch.split(rows, self.row_parts, dim=1))
        x = self.down(self.stem((image - PIXEL_CENTRE) / PIXEL_CENTRE, next(row)), next(row))
        for block in self.blocks:
            x = block(x, row)
        x = self.up(x, next(row))
        # Each stride-2 convolution rounds odd sizes up, so z is up to 3 pixels too large.
        z: Tensor = self.to_rgb(x)
        return z[..., :height, :width]

    def forward(self, image: Tensor, rows: Tensor) -> Tensor:
        return to_pixels(self.logits(image, rows))


class Painter(nn.Module):
    """A PainterNet and its table of rows: each of ``paintings`` at each of ``strokes`` sizes.

    A row is what all paintings share, plus what its painting has in common at all sizes, plus what
    is its own. So a painting that joins later starts from a row that can paint.
    """

    plain: Tensor

    def __init__(self, body: PainterNet, paintings: int, strokes: int) -> None:
        super().__init__()
        self.body = body
        self.register_buffer("plain", body.plain_row(), persistent=False)
        self.shared = nn.Parameter(torch.zeros(len(self.plain)))
        self.common = nn.Parameter(torch.zeros(paintings, 1, len(self.plain)))
        self.own = nn.Parameter(torch.zeros(paintings, strokes, len(self.plain)))

    @property
    def rows(self) -> Tensor:
        """All rows, float32 [paintings * strokes, D], those of one painting together."""
        return self.plain + ROW_GAIN * (self.shared + self.common + self.own).flatten(0, 1)

    @property
    def common_rows(self) -> Tensor:
        """The same table with nothing but what a painting has in common at all sizes."""
        common = (self.shared + self.common).expand_as(self.own)
        return self.plain + ROW_GAIN * common.flatten(0, 1)

    def freeze(self) -> None:
        """Train nothing but what is the paintings' own."""
        self.body.requires_grad_(False)
        self.shared.requires_grad_(False)

    @torch.no_grad()
    def begin_from(self, other: "Painter") -> None:
        """Take another's body, and for all paintings the mean of its rows."""
        self.body.load_state_dict(other.body.state_dict())
        self.shared.copy_((other.rows.mean(dim=0) - self.plain) / ROW_GAIN)

    def logits(self, image: Tensor, rows: Tensor) -> Tensor:
        """The values before the tanh; ``rows`` int64 [N] says which row paints which image."""
        return self.body.logits(image, self.rows[rows])

    def forward(self, image: Tensor, rows: Tensor) -> Tensor:
        return to_pixels(self.logits(image, rows))
