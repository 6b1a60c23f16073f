"""Style transfer by optimisation of the pixels, with the real VGG-16."""

from itertools import islice

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.support.small import as_tensor
from trainer import recipe
from trainer.evaluation import gatys
from trainer.evaluation.gatys import FROM_NOISE, FROM_PHOTOGRAPH, Protocol
from trainer.images.photographs import read_rgb
from trainer.losses import LossTerms, PerceptualLoss
from trainer.pretrained.vgg import VGG16


@pytest.fixture(scope="module")
def objective(real_vgg: dict[str, Tensor]) -> PerceptualLoss:
    wave = recipe.load("wave")
    return PerceptualLoss(VGG16(real_vgg), read_rgb(wave.style.file, 96), wave.loss)


@pytest.fixture(scope="module")
def content(astronaut: NDArray[np.uint8]) -> Tensor:
    """A face of 64 x 80 pixels."""
    return as_tensor(np.ascontiguousarray(astronaut[20:212:3, 120:360:3]))


def test_five_iterations_bring_a_photograph_nearer_to_the_painting(
    objective: PerceptualLoss, content: Tensor
) -> None:
    totals: list[float] = []
    images: list[Tensor] = []

    def record(iteration: int, image: Tensor, terms: LossTerms) -> None:
        assert iteration == len(totals) + 1
        totals.append(terms.total.item())
        images.append(image)

    given = content.clone()
    with torch.no_grad():
        untouched = objective.toward(content)(content).total.item()
    result = gatys.optimize(objective.toward(content), content, 5, FROM_PHOTOGRAPH, record)

    assert len(totals) == 5
    assert totals[-1] < 0.7 * untouched
    assert totals == sorted(totals, reverse=True)
    assert torch.equal(result, images[-1])
    assert result.shape == content.shape
    assert 0 <= result.min() < result.max() <= 255
    assert torch.equal(content, given), "the photograph itself is left as it was"


@pytest.mark.parametrize("protocol", [FROM_NOISE, FROM_PHOTOGRAPH])
def test_optimising_twice_gives_the_same_picture(
    objective: PerceptualLoss, content: Tensor, protocol: Protocol
) -> None:
    small = content[..., :32, :32]
    loss = objective.toward(small)
    first, again = (gatys.optimize(loss, small, 2, protocol) for _ in range(2))
    assert torch.equal(first, again)


def test_no_point_is_evaluated_twice(content: Tensor) -> None:
    seen: list[bytes] = []

    def distance(image: Tensor) -> Tensor:
        seen.append(image.detach().numpy().tobytes())
        return (image - 99).square().square().mean()

    images = list(islice(gatys.descend(distance, content / 255), 10))
    assert len(images) == 10
    assert len(set(seen)) == len(seen) > 10


def test_from_noise_each_iteration_takes_one_evaluation(content: Tensor) -> None:
    evaluations = 0

    def distance(image: Tensor) -> Tensor:
        nonlocal evaluations
        evaluations += image.requires_grad
        return (image - 99).square().mean()

    images = list(islice(FROM_NOISE.images(distance, content), 10))
    assert evaluations == 10
    assert (images[0] - images[0].mean(dim=(2, 3), keepdim=True)).std() == pytest.approx(1, rel=0.1)
    assert (images[-1] - 99).abs().max() < 0.1


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
def test_from_noise_the_scale_of_the_loss_does_not_matter(content: Tensor, factor: float) -> None:
    def distance(image: Tensor) -> Tensor:
        return factor * (image - content).square().mean()

    (*_, found) = islice(FROM_NOISE.images(distance, content), 12)
    assert (found - content).square().mean() < 0.01 * (content - 110).square().mean()


def test_what_is_shown_of_noise_is_clipped(content: Tensor) -> None:
    (*_, found) = islice(FROM_NOISE.images(lambda x: (x - 300).square().mean(), content), 10)
    assert found.max() == 255
