"""A small trained style, in an empty folder."""

import csv
from pathlib import Path

import pytest
from torch import Tensor

from tests.trainer import small
from trainer import commands, vgg_weights, weights_file


@pytest.fixture(autouse=True)
def style(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    painting: Path,
    random_vgg: dict[str, Tensor],
) -> str:
    """The style's name: that of the one in the model store too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(commands, "WEIGHTS", tmp_path / "weights")
    monkeypatch.setattr(vgg_weights, "load", lambda _: random_vgg)
    model = small.model(painting, small.lively(width=8))
    weights_file.save(tmp_path / "weights" / "small.safetensors", model)
    return "small"


def rows(file: Path) -> list[dict[str, str]]:
    """Of a CSV file, by column."""
    with file.open() as opened:
        return list(csv.DictReader(opened))
