"""The last layers of a style network in fewer operations, exactly.

A 3x3 convolution after a nearest-neighbour x2 resize reads each pixel up to four times. Added up
beforehand, its weights are four 2x2 kernels, one for each place within the 2x2 enlarged pixels,
that read the picture before the resize: 4 products in place of 9. A convolution after that need
not see the places interleaved: it can take them as channels at half the size, which also fills
the vector registers of a processor that a convolution to 3 channels leaves mostly idle.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_PLACES = ((0, 0), (0, 1), (1, 0), (1, 1))


class PlacesConvNorm(nn.Module):
    """x2 nearest resize, reflection-padded 3x3 convolution, normalisation and ReLU.

    Takes [N, C, H, W] and returns [N, 4 D, H, W], which ``pixel_shuffle`` by 2 would interleave to
    what the layers return.
    """

    def __init__(self, convolution: nn.Conv2d, norm: nn.Module) -> None:
        super().__init__()
        kernels = [
            _halved(_halved(convolution.weight, 2, row), 3, column) for row, column in _PLACES
        ]
        channels_out, channels_in = convolution.weight.shape[:2]
        self.channels = channels_out
        self.convolution = nn.Conv2d(channels_in, 4 * channels_out, 2, bias=False)
        self.convolution.weight = nn.Parameter(torch.cat(kernels).detach())
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        # The enlarged picture mirrored at its border is the picture with its border repeated.
        all_places = self.convolution(F.pad(x, (1, 1, 1, 1), mode="replicate"))
        places = torch.stack(
            [
                part[..., row : row + height, column : column + width]
                for part, (row, column) in zip(
                    all_places.split(self.channels, dim=1), _PLACES, strict=True
                )
            ],
            dim=2,
        )
        n, channels = places.shape[:2]
        # The norm takes its statistics over all places, in whatever order they lie.
        normalised = F.relu(self.norm(places.reshape(n, channels, 4 * height, width)))
        return normalised.reshape(n, 4 * channels, height, width)


def _halved(kernel: Tensor, dim: int, place: int) -> Tensor:
    """Add up the weights of three enlarged pixels, of which two lie in one pixel before."""
    first, middle, last = kernel.unbind(dim)
    halves = (first, middle + last) if place == 0 else (first + middle, last)
    return torch.stack(halves, dim)


def on_places(convolution: nn.Conv2d) -> nn.Conv2d:
    """A convolution with odd kernel, taking and returning places as channels, without padding.

    [N, 4 C, H, W] to [N, 4 D, H - 4, W - 4] for the 9x9 one of a style network.
    """
    channels_out, channels_in, side = convolution.weight.shape[:3]
    reach = side // 2  # pixels
    margin = -(-reach // 2)  # in pairs of pixels
    kernel = torch.zeros(channels_out, 2, 2, channels_in, 2, 2, 2 * margin + 1, 2 * margin + 1)
    for row, column in _PLACES:
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
