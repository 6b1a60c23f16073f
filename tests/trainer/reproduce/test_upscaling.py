"""Figures 8 and 9."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support import small
from tests.support.tables import rows
from trainer import recipe
from trainer.evaluation import upscalers
from trainer.reproduce import upscaling
from trainer.reproduce.report import Report


def test_upscalers_are_shown_beside_the_papers_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, astronaut: NDArray[np.uint8]
) -> None:
    monkeypatch.setattr(recipe, "FOLDER", tmp_path)
    (tmp_path / "one.toml").write_text('title = "a small upscaler"')
    model = small.upscale_model(small.lively_upscaler())
    means = {"psnr": 31.5, "ssim": 0.87654, "lpips": 0.1}
    evaluation = {"Set5": {"bicubic": means, "network": {**means, "psnr": 32.5}}}
    figures = {"recipe_digest": model.recipe.digest, "evaluation": evaluation}
    recipe.record("one", figures)
    photograph = small.save(astronaut[:112, 150:270], tmp_path / "Set1" / "face.png")

    methods = upscalers.methods({"one": model}, 4)
    report = Report(tmp_path, "x4")
    upscaling.run(methods, {"one": model}, [photograph], 4, lambda *_: 0.25, report)

    found = [(row["photograph"], row["method"], row["lpips"]) for row in rows(tmp_path / "x4.csv")]
    assert found == [("Set1/face.png", "bicubic", "0.25"), ("Set1/face.png", "one", "0.25")]
    lines = (tmp_path / "x4.md").read_text().splitlines()
    assert "| bicubic | 31.50 / 0.8765 / 0.100 |  |  |" in lines
    assert "| one | 32.50 / 0.8765 / 0.100 |  |  |" in lines
    assert "| the paper's, pixel loss | 28.4 | 25.8 | 25.9 |" in lines
    with Image.open(tmp_path / "x4.png") as opened:
        assert opened.width == 4 * 208 + 3 * 6, "input, bicubic, a network, truth"
