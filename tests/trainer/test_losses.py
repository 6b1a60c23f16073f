"""The terms that training minimises."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.support.small import LOSS, as_tensor
from trainer.losses import LossTerms, PerceptualLoss, gram, lattice, saturation, total_variation
from trainer.pretrained.vgg import VGG16
from trainer.recipe import StylizeLossRecipe


@pytest.fixture(scope="module")
def photo(photograph: NDArray[np.uint8]) -> Tensor:
    return as_tensor(photograph[:64, :64])


@pytest.fixture(scope="module")
def style(coffee: NDArray[np.uint8]) -> Tensor:
    return as_tensor(coffee[::4, ::4])


@pytest.fixture(scope="module")
def vgg(random_vgg: dict[str, Tensor]) -> VGG16:
    return VGG16(random_vgg)


def test_gram_is_the_products_of_channels_over_their_size() -> None:
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])  # [1, C=2, H=1, W=2]
    expected = torch.tensor([[[5.0, 11.0], [11.0, 25.0]]]) / 4
    assert torch.equal(gram(features), expected)


def test_gram_equals_equation_3_written_as_loops() -> None:
    features = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    expected = torch.zeros(2, 3, 3)
    for n in range(2):
        for c in range(3):
            for d in range(3):
                for h in range(4):
                    for w in range(5):
                        expected[n, c, d] += (
                            features[n, c, h, w] * features[n, d, h, w] / (3 * 4 * 5)
                        )
    torch.testing.assert_close(gram(features), expected)


def test_gram_sums_in_float32_under_autocast() -> None:
    features = torch.rand(1, 8, 64, 64, generator=torch.Generator().manual_seed(0)).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        matrices = gram(features)
    assert matrices.dtype == torch.float32
    torch.testing.assert_close(matrices, gram(features.float()))


def test_total_variation_counts_squared_steps_down_and_right() -> None:
    right_only = torch.tensor([[[[0.0, 51.0], [0.0, 51.0]]]])  # steps of a fifth of the range
    checkerboard = torch.tensor([[[[0.0, 255.0], [255.0, 0.0]]]])
    assert total_variation(right_only).item() == pytest.approx(0.2**2)
    assert total_variation(right_only.mT).item() == pytest.approx(0.2**2)
    assert total_variation(checkerboard).item() == 2
    assert total_variation(torch.full((2, 3, 8, 8), 200.0)).item() == 0


def test_saturation_is_zero_inside_the_limit() -> None:
    assert saturation(torch.linspace(-1.8, 1.8, 100)).item() == 0


def test_saturation_grows_with_the_square_of_the_excess() -> None:
    assert saturation(torch.tensor([2.8, -2.8, 0.0, 1.8])).item() == pytest.approx(0.5)
    assert saturation(torch.tensor([3.8, -3.8, 0.0, 1.8])).item() == pytest.approx(2.0)


def test_saturation_pulls_an_overshooting_pixel_back() -> None:
    logits = torch.tensor([5.0, -5.0, 1.0], requires_grad=True)
    saturation(logits).backward()
    assert logits.grad is not None
    assert logits.grad.sign().tolist() == [1, -1, 0]


def terms_of(
    vgg: VGG16, style: Tensor, output: Tensor, photo: Tensor, recipe: StylizeLossRecipe = LOSS
) -> LossTerms:
    objective = PerceptualLoss(vgg, style, recipe)
    with torch.no_grad():
        return objective(output, objective.content_target(photo))


def test_a_photograph_is_at_no_distance_from_its_own_content(
    vgg: VGG16, photo: Tensor, style: Tensor
) -> None:
    itself = terms_of(vgg, style, photo, photo)
    inverted = terms_of(vgg, style, 255 - photo, photo)
    assert itself.content < 1e-6 * inverted.content
    assert itself.style > 0


def test_a_painting_is_at_no_distance_from_its_own_style(vgg: VGG16, style: Tensor) -> None:
    itself = terms_of(vgg, style, style, 255 - style)
    inverted = terms_of(vgg, style, 255 - style, 255 - style)
    assert itself.style < 1e-6 * inverted.style
    assert itself.content > 0


def test_each_term_scales_with_its_weight(vgg: VGG16, photo: Tensor, style: Tensor) -> None:
    heavier = LOSS.model_copy(
        update={
            "content_weight": 2 * LOSS.content_weight,
            "style_weight": 3 * LOSS.style_weight,
            "tv_weight": 5 * LOSS.tv_weight,
        }
    )
    one = terms_of(vgg, style, 255 - photo, photo)
    other = terms_of(vgg, style, 255 - photo, photo, heavier)
    assert other.content.item() == pytest.approx(2 * one.content.item())
    assert other.style.item() == pytest.approx(3 * one.style.item())
    assert other.total_variation.item() == pytest.approx(5 * one.total_variation.item())


def test_the_total_is_the_sum_of_the_terms(vgg: VGG16, photo: Tensor, style: Tensor) -> None:
    terms = terms_of(vgg, style, 255 - photo, photo)
    assert terms.total == terms.content + terms.style + terms.total_variation


def test_the_style_term_alone_can_be_scaled(vgg: VGG16, photo: Tensor, style: Tensor) -> None:
    terms = terms_of(vgg, style, 255 - photo, photo)
    scaled = terms.with_style_scaled(0.5)
    assert scaled.style == 0.5 * terms.style
    assert (scaled.content, scaled.total_variation) == (terms.content, terms.total_variation)


def test_the_style_term_is_the_sum_over_its_taps(vgg: VGG16, photo: Tensor, style: Tensor) -> None:
    alone = [
        terms_of(vgg, style, photo, photo, LOSS.model_copy(update={"style_taps": (tap,)}))
        for tap in LOSS.style_taps
    ]
    together = terms_of(vgg, style, photo, photo)
    assert together.style.item() == pytest.approx(sum(terms.style.item() for terms in alone))


def test_the_terms_of_a_batch_are_the_means_of_its_photographs(
    vgg: VGG16, photo: Tensor, style: Tensor
) -> None:
    outputs = torch.cat([255 - photo, photo.flip(3)])
    together = terms_of(vgg, style, outputs, photo.expand(2, -1, -1, -1))
    alone = [terms_of(vgg, style, output[None], photo) for output in outputs]
    for term in ("content", "style", "total_variation"):
        mean = sum(getattr(terms, term).item() for terms in alone) / 2
        assert getattr(together, term).item() == pytest.approx(mean, rel=1e-4)


@pytest.mark.parametrize("factor", [4, 8])
def test_a_grid_with_the_period_of_the_inputs_pixels_is_what_lattice_measures(
    factor: int,
) -> None:
    error = torch.zeros(1, 3, 12 * factor, 12 * factor)
    error[..., ::factor, ::factor] = 16.0  # one place of factor^2 in every input pixel
    places = factor**2
    expected = (places - 1) * (16 / places) ** 2 / places + (16 - 16 / places) ** 2 / places
    assert lattice(error, factor).item() == pytest.approx(expected)


def test_lattice_is_blind_to_a_shift_of_all_pixels_and_nearly_to_noise() -> None:
    shifted = torch.full((1, 3, 96, 96), 10.0)
    assert lattice(shifted, 4).item() == pytest.approx(0, abs=1e-6)
    noise = 10 * torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    # A mean over 36 pixels has a 36th of their variance.
    assert lattice(noise, 4).item() == pytest.approx(100 / 36, rel=0.15)


def test_a_grid_is_found_where_its_sign_changes_over_the_picture() -> None:
    error = torch.zeros(1, 3, 96, 96)
    error[..., ::4, ::4] = 16.0
    error[..., 48:] *= -1
    halves = lattice(error[..., :48], 4)
    assert lattice(error, 4).item() == pytest.approx(halves.item(), rel=0.25)
