"""A Painter's body as it is exported: bytes and rows in, bytes out."""

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.networks.canvas import MARGIN, Canvas, SampleInputs
from trainer.networks.painter import EPSILON, LEAK, ConditionalNorm, ConvNorm, PainterNet
from trainer.networks.rewrites import PhasesConvNorm, on_phases


class FlatConditionalNorm(ConditionalNorm):
    """Conditional instance norm as one operation of ONNX: all samples' channels side by side."""

    def forward(self, x: Tensor, row: Tensor) -> Tensor:
        scale, shift = row.to(x.dtype).chunk(2, dim=1)
        n, channels, height, width = x.shape
        normalised = F.instance_norm(
            x.reshape(1, n * channels, height, width),
            weight=scale.reshape(n * channels),
            bias=shift.reshape(n * channels),
            eps=EPSILON,
        )
        return normalised.reshape(n, channels, height, width)


class ServedPainter(Canvas):
    """A Painter's body as it is exported.

    ``image`` uint8 [N, H, W, 3] sRGB; ``style`` float32 [N, D], a row or a mixture of rows for each
    image; ``strength`` and ``preserve_color`` float32 [N] as in ``Canvas.finished``. Returns uint8
    [N, H, W, 3].
    """

    gain: Tensor

    def __init__(self, body: PainterNet) -> None:
        super().__init__()
        body = copy.deepcopy(body)
        norm = FlatConditionalNorm()
        for layer in body.modules():
            if isinstance(layer, ConvNorm):
                layer.norm = norm
        self.stem, self.down, self.blocks = body.stem, body.down, body.blocks
        self.up = PhasesConvNorm(body.up.convolution, norm, nn.LeakyReLU(LEAK))
        last = body.to_rgb[1]
        assert isinstance(last, nn.Conv2d)
        self.to_rgb = _for_one_shuffle(on_phases(last))
        self.interleave = nn.PixelShuffle(4)
        self.row_parts = body.row_parts
        width = sum(self.row_parts)
        self.sample_inputs: SampleInputs = {
            "style": (width,),
            "strength": (),
            "preserve_color": (),
        }
        self.register_buffer("gain", torch.ones(width))
        """What rows are multiplied by, float32 [D]: other units of the norms' outputs."""

    def forward(
        self, image: Tensor, style: Tensor, strength: Tensor, preserve_color: Tensor
    ) -> Tensor:
        content = image.permute(0, 3, 1, 2).float()  # [N, 3, H, W] in [0, 255]
        row: Iterator[Tensor] = iter(torch.split(style * self.gain, self.row_parts, dim=1))
        x = self.prepared(content).to(self.to_rgb.weight.dtype)
        x = self.down(self.stem(x, next(row)), next(row))
        for block in self.blocks:
            x = block(x, row)
        logits = self.interleave(self.to_rgb(self.up(x, next(row))))
        cut = MARGIN - 4  # to_rgb left out the 4 pixels that it would have padded
        return self.finished(content, logits, strength, preserve_color, cut)


@torch.no_grad()
def _for_one_shuffle(convolution: nn.Conv2d) -> nn.Conv2d:
    """The same with channels in the order of one pixel shuffle by 4, in place of two by 2."""
    # Colour, then row and column within the network's own four pixels, then those of the phases.
    order = torch.arange(convolution.out_channels).view(-1, 2, 2, 2, 2)
    order = order.permute(0, 3, 1, 4, 2).flatten()
    convolution.weight.copy_(convolution.weight[order].clone())
    assert convolution.bias is not None
    convolution.bias.copy_(convolution.bias[order].clone())
    return convolution
