"""Relative errors at two scales."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.support import small
from trainer.losses import total_variation
from trainer.painter_recipe import PainterLossRecipe
from trainer.perceptual import (
    STYLE_TAPS,
    TwoScaleStyle,
    WholePictureObjective,
    relative_error,
    symmetric_error,
)
from trainer.pretrained.vgg import VGG16


@pytest.fixture
def vgg(random_vgg: dict[str, Tensor]) -> VGG16:
    return VGG16(random_vgg)


@pytest.mark.parametrize("factor", [1e-3, 1e4])
def test_a_relative_error_has_no_scale(factor: float) -> None:
    torch.manual_seed(0)
    found, wanted = torch.rand(2, 3, 4, 4)[None].unbind(1)
    torch.testing.assert_close(
        relative_error(factor * found, factor * wanted), relative_error(found, wanted)
    )


def test_the_symmetric_error_is_the_relative_one_near_the_target_and_bounded_far_from_it() -> None:
    torch.manual_seed(0)
    wanted = torch.rand(1, 3, 4)
    near = wanted + 1e-3 * torch.randn_like(wanted)
    torch.testing.assert_close(
        symmetric_error(near, wanted), relative_error(near, wanted), rtol=0.01, atol=0
    )
    assert symmetric_error(torch.zeros_like(wanted), wanted).item() == 2
    assert symmetric_error(-wanted, wanted).item() == 4
    assert symmetric_error(1e6 * wanted, wanted).item() == pytest.approx(2, rel=1e-3)


def test_a_painting_has_its_own_style_and_a_photograph_its_own_content(
    vgg: VGG16, photograph: NDArray[np.uint8]
) -> None:
    image = small.as_tensor(photograph[:64, :64])
    content, style = TwoScaleStyle(vgg, [image]).measure(image, image, painting=0)
    assert content == pytest.approx(0, abs=1e-9)
    assert style == pytest.approx(0, abs=1e-6)


def test_every_layer_and_scale_counts_alike(vgg: VGG16, photograph: NDArray[np.uint8]) -> None:
    """A grey picture is as good as none: each relative error is near one."""
    painting = small.as_tensor(photograph[:64, :64])
    style = TwoScaleStyle(vgg, [painting])
    for tap in STYLE_TAPS:
        style.targets[tap] *= 1e6
    grey = torch.full_like(painting, 127)
    assert style.measure(grey, painting, painting=0)[1] == pytest.approx(1, rel=1e-3)


def test_each_output_is_compared_with_its_own_painting(
    vgg: VGG16, photograph: NDArray[np.uint8]
) -> None:
    one, other = (small.as_tensor(photograph[n : n + 64, n : n + 64]) for n in (0, 50))
    style = TwoScaleStyle(vgg, [one, other])
    images = torch.cat([one, other])
    _, own = style(images, images, torch.tensor([0, 1]), (0, 0))
    _, swapped = style(images, images, torch.tensor([1, 0]), (0, 0))
    assert (own < swapped).all()


def test_only_a_square_is_seen_at_full_size_and_everything_at_half(
    vgg: VGG16, photograph: NDArray[np.uint8]
) -> None:
    image = small.as_tensor(photograph[:64, :64])
    changed = image.clone()
    changed[..., 40:, 40:] = 0
    style = TwoScaleStyle(vgg, [image])
    paintings = torch.tensor([0])
    before = style(image, image, paintings, (0, 0))
    elsewhere = style(changed, image, paintings, (0, 0))
    assert before[0].item() == pytest.approx(0, abs=1e-9)
    assert elsewhere[0].item() == pytest.approx(0, abs=1e-9)
    assert elsewhere[1].item() > before[1].item()
    assert style(changed, image, paintings, (32, 32))[0].item() > 0


def test_the_errors_of_a_whole_picture_can_be_descended(
    vgg: VGG16, photograph: NDArray[np.uint8]
) -> None:
    content, painting = (small.as_tensor(photograph[n : n + 64, n : n + 64]) for n in (0, 50))
    style = TwoScaleStyle(vgg, [painting])
    picture = content.clone().requires_grad_()
    errors = style.errors(picture, style.content_target(content), 0)
    assert tuple(error.item() for error in errors) == pytest.approx(
        style.measure(content, content, 0), abs=1e-9
    )
    torch.stack(errors).sum().backward()
    assert picture.grad is not None
    step = 1e-2 * picture.grad / picture.grad.abs().max()
    assert style.measure(content - step, content, 0)[1] < errors[1].item()


def test_the_objective_of_a_whole_picture_weighs_as_training_does(
    vgg: VGG16, photograph: NDArray[np.uint8]
) -> None:
    content, painting = (small.as_tensor(photograph[n : n + 64, n : n + 64]) for n in (0, 50))
    weights = PainterLossRecipe(
        drawing_weight=1,
        content_weight=2,
        style_weight=3,
        tv_weight=5,
        saturation_weight=1,
        lattice_weight=1,
        consistency_weight=1,
    )
    with torch.no_grad():
        terms = WholePictureObjective(vgg, painting, weights, 0.5).toward(content)(painting + 1)
    errors = TwoScaleStyle(vgg, [painting]).measure(painting + 1, content, 0)
    assert terms.content.item() == pytest.approx(2 * errors[0])
    assert terms.style.item() == pytest.approx(3 * 0.5 * len(STYLE_TAPS) * errors[1])
    assert terms.total_variation.item() == pytest.approx(5 * total_variation(painting).item())
