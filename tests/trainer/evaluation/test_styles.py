"""Comparing a network with optimisation."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.support import painters, small
from trainer.evaluation import gatys, styles
from trainer.evaluation.descents import mean
from trainer.evaluation.gatys import FROM_NOISE, FROM_PHOTOGRAPH
from trainer.evaluation.result_cache import ResultCache
from trainer.evaluation.styles import Style
from trainer.evaluation.trained_styles import find
from trainer.pretrained.vgg import VGG16


@pytest.fixture(scope="module", params=["small", "painter/other"])
def style(request: pytest.FixtureRequest, random_vgg: dict[str, Tensor], painting: Path) -> Style:
    models = {
        "small": small.model(painting, small.lively(width=4)),
        "painter": painters.model(painting),
    }
    found = find(request.param, models.__getitem__)
    return Style.of(found, VGG16(random_vgg), torch.device("cpu"))


def test_the_centre_of_a_photograph_is_evaluated(tmp_path: Path) -> None:
    stripes = np.zeros((40, 120, 3), np.uint8)
    stripes[:, 40:80] = 200
    file = small.save(stripes, tmp_path / "stripes.png")
    assert (styles.centre_crop(file, 40) == 200).all()
    assert styles.centre_crop(file, 40).shape == (1, 3, 40, 40)


def test_photographs_are_measured_untouched_painted_and_after_each_iteration(
    style: Style, photographs: tuple[Path, ...], tmp_path: Path
) -> None:
    (found,) = styles.measure(style, photographs[:2], {32: 2}, ResultCache(tmp_path))
    assert found.size == 32
    assert mean(found.untouched).content == pytest.approx(0, abs=1e-6)

    def total(image: Tensor, file: Path) -> float:
        with torch.no_grad():
            return style.objective.toward(styles.centre_crop(file, 32))(image).total.item()

    from_noise, from_photograph = found.optimized
    assert (from_noise.protocol, from_photograph.protocol) == (FROM_NOISE, FROM_PHOTOGRAPH)
    for i, file in enumerate(photographs[:2]):
        crop = styles.centre_crop(file, 32)
        loss = style.objective.toward(crop)
        assert found.untouched[i].total == pytest.approx(total(crop, file))
        assert found.network[i].total == pytest.approx(total(style.served.paint(crop), file))
        for descent in found.optimized:
            images = [gatys.optimize(loss, crop, n, descent.protocol) for n in (1, 2)]
            totals = [losses.total for losses in descent.losses[i]][:2]
            assert totals == pytest.approx([total(image, file) for image in images])


def test_each_size_is_measured(style: Style, photographs: tuple[Path, ...], tmp_path: Path) -> None:
    found = styles.measure(style, photographs[:1], {32: 1, 48: 1}, ResultCache(tmp_path))
    assert [one.size for one in found] == [32, 48]


def test_noise_is_optimised_no_longer_than_a_third_where_that_matches_the_network(
    style: Style, photographs: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []

    def heard(loss: object, content: Tensor, n: int, protocol: object, on: object) -> Tensor:
        if protocol is FROM_NOISE:
            lengths.append(n)
        return optimize(loss, content, n, protocol, on)  # type: ignore[arg-type]

    optimize = gatys.optimize
    monkeypatch.setattr(gatys, "optimize", heard)
    (found,) = styles.measure(style, photographs[:2], {32: 3}, ResultCache(tmp_path))
    matched = found.optimized[0].matched_at(found.network)
    first_third = matched is not None and matched <= 5
    assert lengths == ([5, 5] if first_third else [5, 5, 15, 15])


def test_the_objective_of_a_painter_is_of_its_own_painting_and_weight(
    random_vgg: dict[str, Tensor], painting: Path, photograph: NDArray[np.uint8]
) -> None:
    model = painters.model(painting)
    found = find("painter/other", lambda _: model)
    before = Style.of(found, VGG16(random_vgg), torch.device("cpu"))
    object.__setattr__(found.recipe.paintings[1], "style_weight", 3.0)
    after = Style.of(found, VGG16(random_vgg), torch.device("cpu"))
    image = small.as_tensor(photograph[:64, :64])
    with torch.no_grad():
        one, other = (of.objective.toward(image)(image) for of in (before, after))
    assert other.style.item() == pytest.approx(3 * one.style.item())
    assert before.minimised != after.minimised
