"""Styles by name, of single networks and of Painters."""

from pathlib import Path

import pytest
import torch

from tests.support import painters, small
from trainer import recipe
from trainer.errors import TrainerError
from trainer.evaluation.trained_styles import (
    PainterStyle,
    SingleStyle,
    find,
    find_all,
    painter_styles,
)
from trainer.networks.painter import Painter
from trainer.weights_file import Trained, TrainedModel


@pytest.fixture
def models(painting: Path) -> dict[str, TrainedModel]:
    return {
        "painter": painters.model(painting),
        "one": small.model(painting, small.lively(width=4)),
        "upscaler": small.upscale_model(small.lively_upscaler()),
    }


@pytest.fixture
def trained(models: dict[str, TrainedModel]) -> Trained:
    return models.__getitem__


def names(styles: list[PainterStyle]) -> list[str]:
    return [style.painting.name for style in styles]


def test_a_painter_has_all_of_its_styles_and_each_by_its_name(trained: Trained) -> None:
    assert names(painter_styles("painter", trained)) == ["one", "other"]
    assert names(painter_styles("painter/other", trained)) == ["other"]


def test_a_network_with_one_style_is_not_hidden_by_a_painters(trained: Trained) -> None:
    assert isinstance(find("one", trained), SingleStyle)
    assert isinstance(find("painter/one", trained), PainterStyle)


def test_a_painting_without_a_recipe_is_its_painters(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe, "painter_of", {"other": "painter"}.get)
    (found,) = find_all("other", trained)
    assert isinstance(found, PainterStyle)
    assert found.painting.name == "other"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("painter", "painter has 2 styles; choose one: painter/PAINTING"),
        ("painter/third", "painter has no style 'third'"),
        ("upscaler", "upscaler is not a style"),
    ],
)
def test_what_is_no_style_is_refused(name: str, said: str, trained: Trained) -> None:
    with pytest.raises(TrainerError, match=said):
        find(name, trained)


def test_a_single_style_is_no_painters(trained: Trained) -> None:
    with pytest.raises(TrainerError, match="one is not a Painter"):
        painter_styles("one", trained)


def test_the_middle_row_of_a_painting_paints(models: dict[str, TrainedModel]) -> None:
    _, other = painter_styles("painter", models.__getitem__)
    network = models["painter"].network
    assert isinstance(network, Painter)
    assert torch.equal(other.rows, network.rows[2:4])
    row = other.served().row
    assert row is not None
    assert torch.equal(row, network.rows[3])
    assert other.short_side == 96
