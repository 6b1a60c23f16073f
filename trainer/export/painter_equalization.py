"""Cross-layer equalization of a Painter: rewrites it exactly, so that it bears 8-bit integers.

As ``equalization`` does for a style network, with one difference: scales and shifts of the norms
are rows, which stay as they are, so what a norm's output is multiplied by is the network's own
``gain``. Ranges are those of all rows.
"""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trainer.export.calibration import Example
from trainer.export.equalization import STEPS, Values, spread, values_of, widened
from trainer.export.quantization import LEAKY_ZERO
from trainer.networks.served_painter import ServedPainter


@dataclass(frozen=True)
class _Link:
    """Norms that write the same channels, and the convolutions that read them."""

    norms: Sequence[int]
    """Positions in the row's parts."""
    readers: Sequence[nn.Conv2d]
    zero: int
    """The byte for 0 of what is read."""


@torch.no_grad()
def equalized(network: ServedPainter, examples: Iterable[Example]) -> ServedPainter:
    """The same function with every channel's range on ``examples`` made equal.

    Then the inputs of all convolutions but the first can be rounded to whole numbers that fit into
    a byte, and so can the outputs of all but the last that a norm follows.
    """
    network = copy.deepcopy(network)
    values = values_of(network, examples)
    layers = _convolutions(network)
    for convolution in layers[1:-1]:
        given = values[convolution].given
        if convolution is network.up.convolution:
            phases = 4  # they share the norm's statistics, and so the range
            low, high = widened(given.view(phases, -1, given.shape[1]).transpose(0, 1).flatten(1))
            spread(convolution, low.repeat(phases), high.repeat(phases))
        else:
            spread(convolution, *widened(given))
    gains = list(torch.split(network.gain, network.row_parts))
    for link in _links(network):
        channels = network.row_parts[link.norms[0]] // 2
        scale = _scale(link, values, channels)
        for norm in link.norms:
            gains[norm].mul_(scale.repeat(2))
        for reader in link.readers:
            phases = reader.in_channels // channels  # 4 where they are channels, else 1
            reader.weight.div_(scale.repeat_interleave(phases)[:, None, None])
    return network


def _scale(link: _Link, values: dict[nn.Module, Values], channels: int) -> Tensor:
    """What each channel is multiplied by, so that its range fits into a byte, [C]."""
    taken = torch.cat([values[reader].taken for reader in link.readers], dim=1)
    low, high = widened(taken.reshape(channels, -1), from_zero=True)
    above, below = STEPS - link.zero, max(link.zero, 1)
    return 1 / torch.maximum(high / above, -low / below).clamp(min=1e-6)


def _convolutions(network: ServedPainter) -> list[nn.Conv2d]:
    """In the order in which they run, which is that of the row's parts; the last has no norm."""
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)]


def _links(network: ServedPainter) -> list[_Link]:
    stem, down, *inner, up, last = _convolutions(network)
    first, second = inner[::2], inner[1::2]
    positions = {of: position for position, of in enumerate(_convolutions(network))}
    # All residual blocks read and write one sum, so its channels have one scale throughout.
    written, read = [down, *second], [*first, up]
    return [
        _Link([positions[stem]], [down], 0),
        _Link([positions[of] for of in written], read, 128),
        *(_Link([positions[one]], [other], 0) for one, other in zip(first, second, strict=True)),
        _Link([positions[up]], [last], LEAKY_ZERO),
    ]
