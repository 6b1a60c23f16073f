"""The sheet of a Painter's stroke sizes and blends."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from tests.support import painters, small
from trainer import commands, weights_file
from trainer.__main__ import main
from trainer.evaluation.gallery import HEIGHT, SHRINK, WIDTH
from trainer.images.sheets import GAP
from trainer.networks.painter import Painter
from trainer.networks.served_painter import ServedPainter

CELL_WIDTH, CELL_HEIGHT = WIDTH // SHRINK, HEIGHT // SHRINK


@pytest.fixture(autouse=True)
def painter(tmp_path: Path, painting: Path, monkeypatch: pytest.MonkeyPatch) -> Painter:
    """A Painter of two styles, and another of the same, among the weights of an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(commands, "WEIGHTS", tmp_path / "weights")
    model = painters.model(painting)
    for name in ("painter", "again"):
        weights_file.save(tmp_path / "weights" / f"{name}.safetensors", model)
    weights_file.save(
        tmp_path / "weights" / "single.safetensors", small.model(painting, small.lively(width=4))
    )
    assert isinstance(model.network, Painter)
    return model.network


@torch.no_grad()
def shown(painter: Painter, photograph: NDArray[np.uint8], row: torch.Tensor) -> NDArray[np.uint8]:
    served = ServedPainter(painter.body).eval()
    pixels = torch.from_numpy(photograph.copy())[None]
    output = served(pixels, row[None], torch.ones(1), torch.zeros(1))
    return np.asarray(Image.fromarray(output[0].numpy()).reduce(SHRINK))


def test_strokes_are_above_and_blends_below(painter: Painter, astronaut: NDArray[np.uint8]) -> None:
    photograph = np.asarray(Image.fromarray(astronaut[:384]).resize((WIDTH, HEIGHT)))
    small.save(photograph, Path("face.png"))
    styles = ["--style", "painter/one", "--blend", "painter/other"]
    assert main(["mixtures", *styles, "face.png", "--out", "sheet.png"]) == 0
    sheet = np.asarray(Image.open("sheet.png"))
    assert sheet.shape[1] == 5 * (CELL_WIDTH + GAP) - GAP
    lower = (len(sheet) + GAP) // 2

    def cell(top: int, column: int) -> NDArray[np.uint8]:
        left = column * (CELL_WIDTH + GAP)
        return sheet[top : top + CELL_HEIGHT, left : left + CELL_WIDTH]

    one, other = painter.rows.detach().reshape(2, 2, -1)
    middles = [of.mean(dim=0) for of in (one, other)]
    expected = {
        (0, 0): one[0],
        (0, 2): middles[0],
        (0, 4): one[1],
        (lower, 0): middles[0],
        (lower, 1): torch.lerp(*middles, 0.25),
        (lower, 4): middles[1],
    }
    for place, row in expected.items():
        wanted = shown(painter, photograph, row).astype(int)
        assert np.abs(cell(*place) - wanted).max() <= 3, "rows differ in the last bit"
    captions = sheet[CELL_HEIGHT + 1 : lower - GAP]
    assert (captions < 128).any()


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("painter/one", "again/other", "painter/one and again/other are not of one Painter"),
        ("painter/one", "single", "single is not of a Painter; is it painter/single?"),
        ("painter", "painter/one", "painter has 2 styles; choose one: painter/PAINTING"),
        ("painter/one", "painter/other", "lost.png: no such file"),
    ],
)
def test_mistakes_are_one_line(
    one: str, other: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mixtures", "--style", one, "--blend", other, "lost.png"]) == 2
    assert capsys.readouterr().err == f"trainer: {said}\n"
