"""Figure 7."""

from pathlib import Path

import pytest
from PIL import Image

from tests.support import painters
from trainer import commands, weights_file
from trainer.__main__ import main
from trainer.reproduce.sizes import SIDE


def test_a_style_is_shown_at_every_size(style: str, photographs: tuple[Path, ...]) -> None:
    arguments = ["reproduce", "sizes", "--style", style, "--content", str(photographs[0])]
    assert main([*arguments, "--sizes", "256", "320", "--out", "paper"]) == 0
    with Image.open("paper/sizes_small.png") as opened:
        assert opened.width == 2 * SIDE + 6
    assert "](sizes_small.png)" in Path("paper/sizes_small.md").read_text()


def test_a_style_of_a_painter_is_shown_too(painting: Path, photographs: tuple[Path, ...]) -> None:
    weights_file.save(commands.WEIGHTS / "painter.safetensors", painters.model(painting))
    arguments = ["reproduce", "sizes", "--style", "painter/one", "--content", str(photographs[0])]
    assert main([*arguments, "--sizes", "256", "--out", "paper"]) == 0
    assert Path("paper/sizes_painter_one.png").exists()


def test_a_size_too_small_to_be_shown_is_refused(
    style: str, photographs: tuple[Path, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["reproduce", "sizes", "--style", style, "--content", str(photographs[0])]
    assert main([*arguments, "--sizes", "64", "--out", "paper"]) == 2
    assert "sizes from 224 pixels up can be shown, not 64" in capsys.readouterr().err
    assert not Path("paper").exists()
