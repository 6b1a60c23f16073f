"""The style network as it is served: strength, colour, margins, batches."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from tests.support.small import lively
from trainer.networks.canvas import MARGIN
from trainer.networks.grain import Grain
from trainer.networks.served import ServedStyleNet
from trainer.networks.style import Architecture, StyleNet

each_architecture = pytest.mark.parametrize("architecture", ["sub-pixel", "paper"])


@pytest.fixture
def pixels(photograph: NDArray[np.uint8]) -> Tensor:
    """uint8 [1, H, W, 3], of odd sizes."""
    return torch.from_numpy(photograph[:71, :93].copy())[None]


@torch.no_grad()
def stylized(
    network: StyleNet, pixels: Tensor, strength: float = 1.0, preserve_color: float = 0.0
) -> Tensor:
    count = len(pixels)
    served = ServedStyleNet(network)
    output: Tensor = served(
        pixels, torch.full((count,), strength), torch.full((count,), preserve_color)
    )
    return output


def difference(one: Tensor, other: Tensor) -> int:
    return int((one.int() - other.int()).abs().max())


@each_architecture
@settings(deadline=None, max_examples=20)
@given(height=st.integers(16, 45), width=st.integers(16, 45))
def test_served_output_has_exactly_the_size_of_the_input(
    architecture: Architecture, height: int, width: int
) -> None:
    pixels = torch.zeros(2, height, width, 3, dtype=torch.uint8)
    assert stylized(lively(width=4, architecture=architecture), pixels).shape == pixels.shape


@each_architecture
def test_served_output_is_cut_from_a_grainy_picture_painted_with_a_mirrored_margin(
    architecture: Architecture, pixels: Tensor
) -> None:
    network = lively(architecture=architecture)
    sides = (0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)
    framed = torch.from_numpy(np.pad(pixels.numpy(), sides, mode="reflect"))
    with torch.no_grad():
        grainy = Grain()(framed.permute(0, 3, 1, 2).float())
        painted = network(grainy).permute(0, 2, 3, 1)
    expected = painted[:, MARGIN:-MARGIN, MARGIN:-MARGIN].clamp(0, 255).round()
    assert difference(stylized(network, pixels), expected) <= 1


@pytest.mark.parametrize("preserve_color", [0.0, 1.0])
def test_strength_0_gives_the_input_back_bit_for_bit(pixels: Tensor, preserve_color: float) -> None:
    assert torch.equal(stylized(lively(), pixels, 0.0, preserve_color), pixels)


def test_strength_blends_linearly_from_input_to_style(pixels: Tensor) -> None:
    network = lively()
    full = stylized(network, pixels).float()
    expected = pixels.float() + 0.3 * (full - pixels.float())
    assert difference(stylized(network, pixels, strength=0.3), expected.round()) <= 1


def test_preserve_color_keeps_chroma_and_takes_the_stylised_luma(
    photograph: NDArray[np.uint8],
) -> None:
    muted = torch.from_numpy(64 + photograph // 2)[None]  # room below and above, so little clips
    network = StyleNet(width=8).eval()
    plain = ycbcr(stylized(network, muted))
    kept = stylized(network, muted, preserve_color=1.0)
    unclipped = ((kept > 0) & (kept < 255)).all(dim=-1)
    assert unclipped.float().mean() > 0.9

    luma, *chroma = ycbcr(kept)
    for before, after in zip(ycbcr(muted)[1:], chroma, strict=True):
        assert (after - before)[unclipped].abs().max() <= 1  # rounding
    assert (luma - plain[0])[unclipped].abs().max() <= 1


def test_each_sample_of_a_batch_follows_its_own_parameters(pixels: Tensor) -> None:
    network = lively()
    served = ServedStyleNet(network)
    parameters = [(1.0, 0.0), (0.0, 0.0), (0.5, 0.0), (1.0, 1.0), (0.5, 1.0)]
    strength, preserve_color = torch.tensor(parameters).unbind(dim=1)
    with torch.no_grad():
        together = served(pixels.expand(5, -1, -1, -1), strength, preserve_color)
    for sample, (s, p) in zip(together, parameters, strict=True):
        assert difference(sample[None], stylized(network, pixels, s, p)) <= 1


def test_a_photographs_output_does_not_depend_on_its_batch_companions(pixels: Tensor) -> None:
    network = lively(width=16)
    noise = torch.randint_like(pixels, 256)
    batch = torch.cat([pixels, 255 - pixels, noise, torch.zeros_like(pixels)])
    for alone, together in zip(batch, stylized(network, batch), strict=True):
        assert difference(stylized(network, alone[None]), together[None]) <= 1


def ycbcr(pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Full-range BT.601, as in JPEG, of uint8 [..., 3]."""
    red, green, blue = pixels.float().unbind(dim=-1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return luma, 0.564 * (blue - luma), 0.713 * (red - luma)
