"""Training for super-resolution: what is shown to the network, and that it learns."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy.ndimage import gaussian_filter
from torch import Tensor

from tests.support import small
from trainer import recipe
from trainer.errors import TrainerError
from trainer.images.photographs import read_rgb
from trainer.images.resampling import shrink
from trainer.networks.upscale import UpscaleNet
from trainer.training import checkpoint, loop
from trainer.training.upscaling import Upscaling


def task(followed: recipe.UpscaleRecipe, vgg: dict[str, Tensor] | None = None) -> Upscaling:
    run = checkpoint.new_run(followed, small.CPU)
    assert isinstance(run.network, UpscaleNet)
    return Upscaling(run.network, followed, vgg or {}, small.CPU)


def numbers(losses: dict[str, Tensor]) -> list[float]:
    """The total, then the pixel, feature and lattice loss."""
    return [losses[name].item() for name in ("total", "pixel", "feature", "lattice")]


def test_the_network_sees_crops_shrunk_as_matlab_does(astronaut: NDArray[np.uint8]) -> None:
    crop = astronaut[:64, :96]
    low = task(small.upscale_recipe()).shrunk(small.as_tensor(crop))
    expected = shrink(crop, 4).astype(int)
    assert np.abs(low[0].permute(1, 2, 0).numpy() - expected).max() <= 1
    assert (low[0].permute(1, 2, 0).numpy() == expected).mean() > 0.99  # ties of float32 apart


def test_with_the_papers_degradation_crops_are_blurred_first(
    astronaut: NDArray[np.uint8],
) -> None:
    crop = astronaut[:64, :96].astype(np.float64)
    low = task(small.upscale_recipe(blur_sigma=1.0)).shrunk(small.as_tensor(astronaut[:64, :96]))
    blurred = gaussian_filter(crop, (1, 1, 0), mode="reflect").round().astype(np.uint8)
    assert np.abs(low[0].permute(1, 2, 0).numpy() - shrink(blurred, 4).astype(int)).max() <= 2


def test_a_perfect_answer_costs_nothing(
    astronaut: NDArray[np.uint8], random_vgg: dict[str, Tensor]
) -> None:
    plain = torch.full((1, 3, 64, 64), 90.0)  # what bicubic enlargement gives back exactly
    zero = task(small.upscale_recipe(loss=small.FEATURE_LOSS), random_vgg)
    torch.nn.init.zeros_(zero.network.tail.weight)
    torch.nn.init.zeros_(zero.network.tail.bias)
    assert numbers(zero(plain, 0)) == pytest.approx([0, 0, 0, 0], abs=1e-4)
    assert zero(small.as_tensor(astronaut[:64, :64]), 0)["total"] > 0.1


@pytest.mark.parametrize("kind", ["l1", "l2"])
def test_the_pixel_loss_is_a_mean_over_levels_of_255(
    kind: str, astronaut: NDArray[np.uint8]
) -> None:
    loss = {"pixel": kind, "pixel_weight": 0.5}
    measured = task(small.upscale_recipe(loss=loss))
    photograph = small.as_tensor(astronaut[:64, :64])
    with torch.no_grad():
        off = measured.network(measured.shrunk(photograph)) - photograph
        losses = measured(photograph, 0)
    expected = 0.5 * (off.abs() if kind == "l1" else off.square()).mean().item()
    assert numbers(losses) == pytest.approx([expected, expected, 0, 0], rel=1e-5)


def test_the_feature_loss_looks_from_another_phase_of_the_pooling_each_step(
    random_vgg: dict[str, Tensor], astronaut: NDArray[np.uint8]
) -> None:
    measured = task(small.upscale_recipe(loss=small.FEATURE_LOSS), random_vgg)
    photograph = small.as_tensor(astronaut[:64, :64])
    with torch.no_grad():
        features = [measured(photograph, step)["feature"].item() for step in range(17)]
    assert len(set(features[:16])) == 16
    assert features[16] == features[0]


def test_forty_steps_come_nearer_to_the_photographs(
    tmp_path: Path, photographs: tuple[Path, ...], random_vgg: dict[str, Tensor]
) -> None:
    followed = small.upscale_recipe(steps=40, loss=small.FEATURE_LOSS)
    untrained = task(followed, random_vgg)
    run = checkpoint.new_run(followed, small.CPU)
    loop.train(run, random_vgg, photographs, small.options(tmp_path))
    trained = task(followed, random_vgg)
    trained.network.load_state_dict(run.network.state_dict())
    images = torch.cat([read_rgb(file)[..., :64, :64] for file in photographs])
    with torch.no_grad():
        assert trained(images, 0)["total"] < 0.95 * untrained(images, 0)["total"]


def test_an_upscaler_of_eight_starts_from_the_body_of_one_of_four() -> None:
    four = checkpoint.new_run(small.upscale_recipe(factor=4), small.CPU)
    model = loop.trained_model(four)
    eight = checkpoint.new_run(small.upscale_recipe(factor=8), small.CPU)
    tail = eight.network.state_dict()["tail.weight"].clone()
    eight.warm_start(model, "four")
    for name, tensor in eight.network.state_dict().items():
        if name.startswith("tail."):
            assert torch.equal(tail, eight.network.state_dict()["tail.weight"])
        else:
            assert torch.equal(tensor, four.network.state_dict()[name])


def test_an_upscaler_does_not_start_from_a_deeper_one() -> None:
    deeper = checkpoint.new_run(small.upscale_recipe(blocks=3), small.CPU)
    shallow = checkpoint.new_run(small.upscale_recipe(), small.CPU)
    with pytest.raises(TrainerError, match="deeper: has another architecture"):
        shallow.warm_start(loop.trained_model(deeper), "deeper")


def test_crops_must_shrink_evenly() -> None:
    with pytest.raises(ValidationError, match="a crop of 68 is no multiple of 8"):
        small.upscale_recipe(factor=8, crop=68)
