"""Super-resolution networks: sizes, reach, cost."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from tests.support.small import as_tensor, lively_upscaler
from trainer.images.resampling import enlarge
from trainer.networks.served import ServedUpscaleNet
from trainer.networks.upscale import Factor, PaperUpscaleNet, UpscaleNet

Build = Callable[[Factor], UpscaleNet | PaperUpscaleNet]
FACTORS: tuple[Factor, ...] = (4, 8)
NETWORKS = [
    pytest.param(lively_upscaler, id="sub-pixel"),
    pytest.param(lambda factor: PaperUpscaleNet(factor, width=6).eval(), id="paper"),
]
both_networks = pytest.mark.parametrize("build", NETWORKS)
both_factors = pytest.mark.parametrize("factor", FACTORS)


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def operations(network: nn.Module) -> int:
    """Of one input of 64x64 pixels."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(torch.zeros(1, 3, 64, 64))
    return int(counter.get_total_flops())


@both_networks
@both_factors
@pytest.mark.parametrize(("height", "width"), [(16, 16), (1, 40), (40, 1), (1, 1), (17, 23)])
@torch.no_grad()
def test_any_picture_comes_out_factor_times_as_large(
    build: Build, factor: Factor, height: int, width: int
) -> None:
    output = build(factor)(torch.full((2, 3, height, width), 100.0))
    assert output.shape == (2, 3, factor * height, factor * width)
    assert output.dtype == torch.float32


@both_networks
@both_factors
def test_the_receptive_field_is_what_an_output_pixel_depends_on(
    build: Build, factor: Factor
) -> None:
    network = build(factor).double()
    radius = network.receptive_field
    low = torch.rand(1, 3, 2 * radius + 9, 2 * radius + 9, dtype=torch.double) * 255
    low.requires_grad_()
    middle = radius + 4
    block = slice(factor * middle, factor * (middle + 1))
    network(low)[..., block, block].abs().sum().backward()

    assert low.grad is not None
    seen = low.grad.abs().sum(dim=(0, 1))
    rows, columns = (torch.nonzero(seen.sum(dim=axis)).flatten() - middle for axis in (1, 0))
    assert (rows.min(), rows.max()) == (-radius, radius)
    assert (columns.min(), columns.max()) == (-radius, radius)


@both_factors
@torch.no_grad()
def test_without_its_residual_it_is_bicubic_enlargement(
    factor: Factor, astronaut: NDArray[np.uint8]
) -> None:
    network = UpscaleNet(factor, width=4, blocks=1)
    nn.init.zeros_(network.tail.weight)
    assert network.tail.bias is not None
    nn.init.zeros_(network.tail.bias)
    pixels = astronaut[100:140, 100:150]
    output = network(as_tensor(pixels))[0].permute(1, 2, 0).clamp(0, 255).numpy()
    inside = slice(2 * factor, -2 * factor)  # MATLAB mirrors at the border
    difference = np.abs(output - enlarge(pixels, factor))[inside, inside]
    assert difference.max() <= 1.1  # it rounds after rows and after columns


def test_the_papers_network_has_the_papers_size() -> None:
    """Supplement, table 2: convolutions and batch norm, 402 k and 439 k to three digits."""
    assert parameters(PaperUpscaleNet(4)) == pytest.approx(402e3, rel=0.003)
    assert parameters(PaperUpscaleNet(8)) == pytest.approx(439e3, rel=0.003)


@both_factors
def test_the_served_network_costs_less_than_the_papers(factor: Factor) -> None:
    served, paper = UpscaleNet(factor, width=64, blocks=8), PaperUpscaleNet(factor)
    assert operations(served) < 0.6 * operations(paper)


@torch.no_grad()
def test_batch_norm_is_folded_into_what_is_served(astronaut: NDArray[np.uint8]) -> None:
    torch.manual_seed(0)
    network = PaperUpscaleNet(4, width=6)
    network.train()(as_tensor(astronaut[::8, ::8]))  # gives the norms statistics of their own
    network.eval()
    served = ServedUpscaleNet(network)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in served.modules())

    pixels = astronaut[:40, :48]
    expected = network(as_tensor(pixels)).clamp(0, 255).round()[0].permute(1, 2, 0)
    assert np.abs(served.enlarge(pixels) - expected.numpy()).max() <= 1


@torch.no_grad()
def test_values_beyond_bytes_are_clipped() -> None:
    class Beyond(nn.Module):
        def forward(self, low: Tensor) -> Tensor:
            return torch.tensor([-40.0, 127.4, 300.0])[None, :, None, None].expand_as(low)

    served = ServedUpscaleNet(UpscaleNet(4, width=4, blocks=1))
    served.network = Beyond()
    assert served.enlarge(np.zeros((2, 2, 3), np.uint8))[0, 0].tolist() == [0, 127, 255]
