"""Polyphase forms of a style network's last layers: the same function in fewer operations.

A 3x3 convolution after a nearest-neighbour x2 resize reads each pixel up to four times. With its
weights added up beforehand it is four 2x2 convolutions of the picture before the resize, one for
each phase (position within the 2x2 enlarged pixels): 4 products in place of 9. The convolution
after that does not need the phases interleaved: it takes them as channels at half the size, which
also fills the vector registers of a processor that a convolution to 3 channels leaves mostly idle.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))


class PhasesConvNorm(nn.Module):
    """x2 nearest resize, reflection-padded 3x3 convolution, norm and activation, by phases.

    Takes float [N, C, H, W] and returns the phases as channels, [N, 4 D, H, W]: ``pixel_shuffle``
    by 2 interleaves them to the [N, D, 2 H, 2 W] that the original layers return. The
    activation is a ReLU unless another is given.
    """

    def __init__(
        self, convolution: nn.Conv2d, norm: nn.Module, activation: nn.Module | None = None
    ) -> None:
        super().__init__()
        kernels = [
            _halved(_halved(convolution.weight, 2, row), 3, column) for row, column in _PHASES
        ]
        channels_out, channels_in = convolution.weight.shape[:2]
        self.channels = channels_out
        self.convolution = nn.Conv2d(channels_in, 4 * channels_out, 2, bias=False)
        self.convolution.weight = nn.Parameter(torch.cat(kernels).detach())
        self.norm = norm
        self.activation = activation or nn.ReLU()

    def forward(self, x: Tensor, *row: Tensor) -> Tensor:
        """``row`` is what a conditional norm takes."""
        height, width = x.shape[-2:]
        # The enlarged picture mirrored at its border is the picture with its border repeated.
        every_phase = self.convolution(F.pad(x, (1, 1, 1, 1), mode="replicate"))
        phases = torch.stack(
            [
                part[..., row : row + height, column : column + width]
                for part, (row, column) in zip(
                    every_phase.split(self.channels, dim=1), _PHASES, strict=True
                )
            ],
            dim=2,
        )
        n, channels = phases.shape[:2]  # of [N, D, 4, H, W]
        # The norm's statistics are over all pixels, in whatever order they lie.
        normalised = self.norm(phases.reshape(n, channels, 4 * height, width), *row)
        activated: Tensor = self.activation(normalised)
        return activated.reshape(n, 4 * channels, height, width)


def _halved(kernel: Tensor, dim: int, phase: int) -> Tensor:
    """Of three weights along ``dim``, add the two whose enlarged pixels are copies of one."""
    first, middle, last = kernel.unbind(dim)
    halves = (first, middle + last) if phase == 0 else (first + middle, last)
    return torch.stack(halves, dim)


def on_phases(convolution: nn.Conv2d) -> nn.Conv2d:
    """A convolution with odd kernel, taking and returning phases as channels, without padding.

    [N, 4 C, H, W] to [N, 4 D, H - 4, W - 4] for the 9x9 one of a style network.
    """
    channels_out, channels_in, side = convolution.weight.shape[:3]
    reach = side // 2  # pixels
    margin = -(-reach // 2)  # in pairs of pixels
    kernel = torch.zeros(channels_out, 2, 2, channels_in, 2, 2, 2 * margin + 1, 2 * margin + 1)
    for row, column in _PHASES:
        for y in range(side):
            for x in range(side):
                below, right = row + y - reach, column + x - reach
                kernel[:, row, column, :, below % 2, right % 2, below // 2 + margin][
                    ..., right // 2 + margin
                ] = convolution.weight.detach()[:, :, y, x]
    rewritten = nn.Conv2d(4 * channels_in, 4 * channels_out, 2 * margin + 1)
    rewritten.weight = nn.Parameter(
        kernel.reshape(4 * channels_out, 4 * channels_in, 2 * margin + 1, 2 * margin + 1)
    )
    assert convolution.bias is not None
    rewritten.bias = nn.Parameter(convolution.bias.detach().repeat_interleave(4))
    return rewritten
