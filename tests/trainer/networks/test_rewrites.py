"""The last layers of a style network, rewritten: the same numbers from fewer operations."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from trainer.networks.rewrites import PhasesConvNorm, on_phases
from trainer.networks.style import ConvNorm, Norm

sides = st.integers(2, 9)


def upsampling(norm: Norm, seed: int = 0) -> ConvNorm:
    """x2 resize, convolution, normalisation with statistics of its own, ReLU."""
    torch.manual_seed(seed)
    layers = ConvNorm(5, 3, 3, norm=norm, upsample=True)
    with torch.no_grad():
        layers(torch.randn(4, 5, 6, 6))
        layers[3].weight.normal_(1, 0.3)
        layers[3].bias.normal_()
    return layers.eval()


def rewritten(layers: ConvNorm) -> PhasesConvNorm:
    return PhasesConvNorm(layers[2], layers[3])


@pytest.mark.parametrize("norm", ["instance", "batch"])
@settings(deadline=None, max_examples=20)
@given(height=sides, width=sides)
@torch.no_grad()
def test_phases_interleaved_are_what_the_layers_compute(
    norm: Norm, height: int, width: int
) -> None:
    layers = upsampling(norm)
    x = torch.randn(2, 5, height, width)
    computed = F.pixel_shuffle(rewritten(layers).eval()(x), 2)
    assert computed.shape == (2, 3, 2 * height, 2 * width)
    assert torch.allclose(computed, layers(x), atol=1e-5)


@pytest.mark.parametrize("kernel", [3, 5, 7, 9])
@settings(deadline=None, max_examples=10)
@given(height=sides, width=sides)
@torch.no_grad()
def test_a_convolution_on_phases_is_the_convolution(kernel: int, height: int, width: int) -> None:
    convolution = nn.Conv2d(4, 3, kernel)
    margin = on_phases(convolution).kernel_size[0] // 2
    x = torch.randn(2, 4, 2 * (height + 2 * margin), 2 * (width + 2 * margin))
    computed = F.pixel_shuffle(on_phases(convolution)(F.pixel_unshuffle(x, 2)), 2)
    assert computed.shape == (2, 3, 2 * height, 2 * width)
    cut = 2 * margin - kernel // 2  # the phases pad an odd reach to whole pairs
    expected = convolution(x)[..., cut : cut + 2 * height, cut : cut + 2 * width]
    assert torch.allclose(computed, expected, atol=1e-5)


def test_the_convolution_after_a_resize_takes_less_than_half_the_operations() -> None:
    def operations(layers: nn.Module) -> int:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            layers(torch.zeros(1, 5, 64, 64))
        return int(counter.get_total_flops())

    layers = upsampling("instance")
    assert operations(layers) / operations(rewritten(layers)) == pytest.approx(9 / 4, rel=0.05)
