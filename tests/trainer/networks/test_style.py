"""The style network: sizes, parameters, cost, range of its output."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from tests.support.small import as_tensor, lively
from trainer.networks.style import PIXEL_CENTRE, Architecture, StyleNet

each_architecture = pytest.mark.parametrize("architecture", ["sub-pixel", "paper"])


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
