"""The style network, and what it computes when it is served."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from tests.support.small import as_tensor, lively
from trainer.networks.grain import Grain
from trainer.networks.served import MARGIN, ServedStyleNet
from trainer.networks.style import PIXEL_CENTRE, Architecture, StyleNet

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
@settings(deadline=None, max_examples=40)
@given(height=st.integers(16, 45), width=st.integers(16, 45))
@torch.no_grad()
def test_output_has_exactly_the_size_of_the_input(
    architecture: Architecture, height: int, width: int
) -> None:
    network = StyleNet(width=4, architecture=architecture)
    assert network(torch.zeros(1, 3, height, width)).shape == (1, 3, height, width)


def test_width_32_has_the_parameters_of_the_papers_table() -> None:
    normalised = [
        *[(3, 32, 9), (32, 64, 3), (64, 128, 3)],
        *[(128, 128, 3)] * 10,  # five residual blocks of two
        *[(128, 64, 3), (64, 32, 3)],
    ]
    kernels = sum(before * after * side**2 for before, after, side in normalised)
    scales_and_shifts = sum(2 * after for _, after, _ in normalised)
    to_rgb = 32 * 3 * 9**2 + 3
    expected = kernels + scales_and_shifts + to_rgb

    parameters = sum(parameter.numel() for parameter in StyleNet(width=32).parameters())

    assert parameters == expected == 1_677_635


def test_sub_pixels_save_a_fifth_of_the_operations() -> None:
    def operations(architecture: Architecture) -> int:
        network = StyleNet(width=16, architecture=architecture)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(torch.zeros(1, 3, 64, 64))
        return int(counter.get_total_flops())

    assert operations("sub-pixel") < 0.8 * operations("paper")


@each_architecture
@pytest.mark.parametrize("seed", range(3))
@torch.no_grad()
def test_a_new_network_paints_near_grey_where_the_tanh_is_steep(
    seed: int, architecture: Architecture, photograph: NDArray[np.uint8]
) -> None:
    torch.manual_seed(seed)
    network = StyleNet(width=32, architecture=architecture)
    image = as_tensor(photograph)

    assert network(image).mean() == pytest.approx(PIXEL_CENTRE, abs=10)
    assert network.logits(image).abs().max() < 0.5


@torch.no_grad()
def test_any_pixel_value_can_be_painted_before_the_tanh_is_flat(
    photograph: NDArray[np.uint8],
) -> None:
    output = lively()(as_tensor(photograph))
    assert output.min() < 0
    assert output.max() > 255


def test_batch_norm_ties_a_photograph_to_its_batch_in_training_only(
    photograph: NDArray[np.uint8],
) -> None:
    network = lively(norm="batch")
    image = as_tensor(photograph)
    batch = torch.cat([image, 255 - image])
    with torch.no_grad():
        network.train()
        assert not torch.allclose(network(batch)[:1], network(image), atol=1)
        network.eval()
        torch.testing.assert_close(network(batch)[:1], network(image), atol=0.01, rtol=0)


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
