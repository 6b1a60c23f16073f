"""Cross-layer equalization: rewrites a style network exactly, so that it bears 8-bit integers.

(Nagel et al. 2019, arXiv:1906.04721, section 4.1, equalize weights; here it is activations.) An
8-bit activation tensor has one step for all of its channels, so the channel with the widest range
would decide how coarse the others become. But instance norm removes whatever scale and shift a
convolution gives a channel, and a ReLU passes scales on to the next convolution. With both, every
channel gets the same range, 256 steps of 1, and the network computes the same function.
"""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from trainer.export.calibration import Example
from trainer.networks.rewrites import PhasesConvNorm
from trainer.networks.served import ServedStyleNet
from trainer.networks.style import ConvNorm, ResidualBlock

STEPS = 255
HEADROOM = 1.15
"""Factor by which ranges are widened, as photographs outside the calibration set reach further.
That gains more in their pictures than the finer steps of a narrower range would."""
_SPACING = 29
"""Values of every so many pixels are sampled. Odd, so that all phases of 2x2 pixels occur."""


@dataclass
class Values:
    """Samples of a convolution's input and output, each [channels, samples]."""

    taken: Tensor
    given: Tensor


@torch.no_grad()
def equalized(network: ServedStyleNet, examples: Iterable[Example]) -> ServedStyleNet:
    """The same function with every channel's range on ``examples`` made equal.

    The inputs of all convolutions but the first can then be rounded to whole numbers, from 0 to 255
    after a ReLU and from -128 to 127 elsewhere; so can the outputs of all but the first and last,
    from -128 to 127.
    """
    network = copy.deepcopy(network)
    earlier = list(network.earlier.children())
    leading = [_parts(layers) for layers in earlier if isinstance(layers, ConvNorm)]
    blocks = [
        [_parts(layers) for layers in block.body.children()]
        for block in earlier
        if isinstance(block, ResidualBlock)
    ]
    upsampling = [(layers.convolution, layers.norm) for layers in _upsampling(network)]
    values = values_of(network, examples)

    for convolution, _ in [*leading[1:], *(part for block in blocks for part in block)]:
        spread(convolution, *widened(values[convolution].given))
    for convolution, _ in upsampling:
        phases = 4  # they share the norm's statistics, and so the range
        given = values[convolution].given
        given = given.view(phases, -1, given.shape[1]).transpose(0, 1).flatten(1)
        low, high = widened(given)
        spread(convolution, low.repeat(phases), high.repeat(phases))

    readers = [*(convolution for convolution, _ in leading[1:]), *(block[1][0] for block in blocks)]
    writers = [*(norm for _, norm in leading[:-1]), *(block[0][1] for block in blocks)]
    readers += [*(convolution for convolution, _ in upsampling[1:]), network.to_rgb]
    writers += [norm for _, norm in upsampling]
    for norm, convolution in zip(writers, readers, strict=True):
        _pass_on(norm, convolution, values[convolution].taken)

    # All residual blocks read and write one sum, so its channels have one scale throughout.
    readers = [*(block[0][0] for block in blocks), upsampling[0][0]]
    low, high = widened(torch.cat([values[reader].taken for reader in readers], dim=1))
    scale = (STEPS // 2) / torch.maximum(-low, high).clamp(min=1e-6)
    for norm in (leading[-1][1], *(block[1][1] for block in blocks)):
        _scale(norm, scale)
    for reader in readers:
        reader.weight.div_(scale[:, None, None])
    return network


def _parts(layers: nn.Module) -> tuple[nn.Conv2d, nn.Module]:
    assert isinstance(layers, ConvNorm)
    _, convolution, norm, *_ = layers
    assert isinstance(convolution, nn.Conv2d)
    return convolution, norm


def _upsampling(network: ServedStyleNet) -> Sequence[PhasesConvNorm]:
    return cast(Sequence[PhasesConvNorm], network.upsampling)


def values_of(network: nn.Module, examples: Iterable[Example]) -> dict[nn.Module, Values]:
    """Samples of all convolutions' inputs and outputs."""
    seen: dict[nn.Module, list[Values]] = {}

    def look(convolution: nn.Module, taken: tuple[Tensor], given: Tensor) -> None:
        sampled = [each[0].flatten(1)[:, ::_SPACING].clone() for each in (taken[0], given)]
        seen.setdefault(convolution, []).append(Values(*sampled))

    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    hooks = [convolution.register_forward_hook(look) for convolution in convolutions]
    for example in examples:
        network(*(torch.from_numpy(value.copy()) for value in example.values()))
    for hook in hooks:
        hook.remove()
    return {
        convolution: Values(
            torch.cat([one.taken for one in many], dim=1),
            torch.cat([one.given for one in many], dim=1),
        )
        for convolution, many in seen.items()
    }


def widened(values: Tensor, *, from_zero: bool = False) -> tuple[Tensor, Tensor]:
    """Lowest and highest value of every channel, [channels] each, widened by HEADROOM.

    ``values``: [channels, samples]. Widened around the mean, or from zero.
    """
    centre = torch.zeros(len(values)) if from_zero else values.mean(dim=1)
    lowest, highest = (centre if from_zero else values.amin(dim=1)), values.amax(dim=1)
    return centre + HEADROOM * (lowest - centre), centre + HEADROOM * (highest - centre)


def spread(convolution: nn.Conv2d, low: Tensor, high: Tensor) -> None:
    """Rescale each output channel, so that its range from ``low`` to ``high`` is -128 to 127."""
    scale = STEPS / (high - low).clamp(min=1e-6)
    convolution.weight.mul_(scale[:, None, None, None])
    convolution.bias = nn.Parameter(-(STEPS + 1) / 2 - low * scale)


def _pass_on(norm: nn.Module, reader: nn.Conv2d, taken: Tensor) -> None:
    """Rescale ``norm`` so that its ReLU gives 0 to 255, and undo that in ``reader``'s weights."""
    channels = len(cast(Tensor, norm.weight))
    phases = len(taken) // channels  # 4 where they are channels, else 1
    _, high = widened(taken.reshape(channels, -1), from_zero=True)
    scale = STEPS / high.clamp(min=1e-6)
    _scale(norm, scale)
    reader.weight.div_(scale.repeat_interleave(phases)[:, None, None])


def _scale(norm: nn.Module, scale: Tensor) -> None:
    """Multiply the channels that ``norm`` gives."""
    for parameter in (norm.weight, norm.bias):
        cast(Tensor, parameter).mul_(scale)
