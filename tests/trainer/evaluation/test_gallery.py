"""The sheet of styles by photographs."""

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
from trainer.networks.served import ServedStyleNet

CELL_WIDTH, CELL_HEIGHT = WIDTH // SHRINK, HEIGHT // SHRINK


@pytest.fixture(autouse=True)
def _store(tmp_path: Path, painting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two styles and an upscaler in a store, with their weights."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(commands, "WEIGHTS", tmp_path / "weights")
    models = {
        "first": small.model(painting, small.lively(width=4, seed=1)),
        "second": small.model(painting, small.lively(width=4, seed=2)),
        "upscale": small.upscale_model(small.lively_upscaler()),
    }
    for name, model in models.items():
        weights_file.save(tmp_path / "weights" / f"{name}.safetensors", model)
        (tmp_path / "model_store" / name).mkdir(parents=True)
        (tmp_path / "model_store" / name / "config.pbtxt").touch()


def cells(sheet: Path, row_height: int) -> list[list[NDArray[np.uint8]]]:
    """The pictures of a sheet, row by row."""
    pixels = np.asarray(Image.open(sheet))
    return [
        [
            pixels[top : top + CELL_HEIGHT, left : left + CELL_WIDTH]
            for left in range(0, pixels.shape[1], CELL_WIDTH + GAP)
        ]
        for top in range(0, pixels.shape[0], row_height)
    ]


def test_rows_are_styles_and_columns_photographs(
    astronaut: NDArray[np.uint8], photographs: tuple[Path, ...], painting: Path
) -> None:
    wide = small.save(astronaut[:384], Path("wide.png"))
    assert main(["gallery", str(wide), str(photographs[0]), "--out", "gallery.png"]) == 0

    with Image.open("gallery.png") as sheet:
        assert sheet.width == 3 * (CELL_WIDTH + GAP) - GAP
        row_height = (sheet.height + GAP) // 3
    above, first, second = cells(Path("gallery.png"), row_height)
    assert (above[0] == 255).all()
    with Image.open(painting) as image:
        excess = image.width - image.height * 4 / 3
        centre = (excess / 2, 0, image.width - excess / 2, image.height)
        shown = image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS, centre).reduce(SHRINK)
    assert np.array_equal(first[0], np.asarray(shown))
    assert np.array_equal(first[0], second[0])

    enlarged = Image.fromarray(astronaut[:384]).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    assert np.array_equal(above[1], np.asarray(enlarged.reduce(SHRINK)))
    for seed, row in ((1, first), (2, second)):
        served = ServedStyleNet(small.lively(width=4, seed=seed)).eval()
        with torch.no_grad():
            output = served(
                torch.from_numpy(np.array(enlarged))[None], torch.ones(1), torch.zeros(1)
            )
        assert np.array_equal(row[1], np.asarray(Image.fromarray(output[0].numpy()).reduce(SHRINK)))


def test_titles_stand_beneath_the_paintings(photographs: tuple[Path, ...]) -> None:
    assert main(["gallery", str(photographs[0]), "--style", "second", "--out", "one.png"]) == 0
    pixels = np.asarray(Image.open("one.png").convert("L"))
    beneath = pixels[-(pixels.shape[0] + GAP) // 2 + CELL_HEIGHT + GAP :]
    assert (beneath[:, :CELL_WIDTH] < 128).any()
    assert (beneath[:, CELL_WIDTH + GAP :] == 255).all()


def test_a_painter_has_a_row_for_each_style(photographs: tuple[Path, ...], painting: Path) -> None:
    model = painters.model(painting)
    weights_file.save(commands.WEIGHTS / "painter.safetensors", model)
    (Path("model_store") / "painter").mkdir()
    assert main(["gallery", str(photographs[0]), "--out", "all.png"]) == 0
    assert main(["gallery", str(photographs[0]), "--style", "painter", "--out", "own.png"]) == 0
    with Image.open("all.png") as whole, Image.open("own.png") as own:
        row_height = (own.height + GAP) // 3
        assert whole.height == 5 * row_height - GAP
    above, one, other = cells(Path("own.png"), row_height)
    assert not np.array_equal(one[1], other[1])
    only = ["--style", "painter/other", "--out", "one.png"]
    assert main(["gallery", str(photographs[0]), *only]) == 0
    assert np.array_equal(cells(Path("one.png"), row_height)[1][1], other[1])
    assert np.array_equal(cells(Path("one.png"), row_height)[0][1], above[1])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lost.jpg"], "lost.jpg: no such file"),
        (["lost.jpg", "--store", "empty"], "empty: No such file or directory"),
        (["lost.jpg", "--style", "nighthawks"], "no trained weights of 'nighthawks'"),
        (["lost.jpg", "--style", "upscale"], "upscale is not a style"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gallery", *arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"trainer: {said}")
    assert not Path("gallery.jpg").exists()
