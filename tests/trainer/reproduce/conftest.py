"""A small trained style, in an empty folder."""

from pathlib import Path

import pytest
from torch import Tensor

from tests.support import small
from trainer import commands, weights_file
from trainer.pretrained import vgg_weights


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
