"""A Painter's pictures beside those that the authors published."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from tests.support import painters, small
from tests.support.tables import rows
from trainer import commands, weights_file
from trainer.__main__ import main
from trainer.evaluation.trained_styles import PainterStyle, painter_styles
from trainer.images.photographs import read_rgb
from trainer.perceptual import TwoScaleStyle
from trainer.pretrained.vgg import VGG16
from trainer.reproduce.authors import SHOWN_WIDTH


@pytest.fixture
def arguments(painting: Path, astronaut: NDArray[np.uint8]) -> list[str]:
    """A photograph, two pictures of it, a third of a painting that the Painter has not."""
    weights_file.save(commands.WEIGHTS / "painter.safetensors", painters.model(painting))
    small.save(astronaut[:120, :160], Path("city.png"))
    for name, shape in (("other", (90, 120)), ("la_muse", (90, 120)), ("one", (60, 80))):
        small.save(astronaut[: shape[0], 200 : 200 + shape[1]], Path(f"theirs/city_{name}.png"))
    pictures = ["--pictures", "theirs", "--content", "city.png"]
    return ["reproduce", "authors", *pictures, "--out", "paper"]


def test_both_pictures_of_each_painting_are_measured(
    arguments: list[str],
    painting: Path,
    astronaut: NDArray[np.uint8],
    random_vgg: dict[str, Tensor],
) -> None:
    assert main(arguments) == 0
    found = rows(Path("paper/authors.csv"))
    assert [(row["painting"], row["width"], row["picture"]) for row in found] == [
        ("one", "80", "authors"),
        ("one", "80", "ours"),
        ("other", "120", "authors"),
        ("other", "120", "ours"),
    ]
    style = painter_styles("painter", lambda _: painters.model(painting))[1]
    assert isinstance(style, PainterStyle)
    city = Image.fromarray(astronaut[:120, :160]).resize((120, 90), Image.Resampling.BICUBIC)
    content = small.as_tensor(np.asarray(city))
    target = read_rgb(painting, 96)
    measure = TwoScaleStyle(VGG16(random_vgg), [target]).measure
    theirs = small.as_tensor(astronaut[:90, 200:320])
    with torch.no_grad():
        expected = [measure(image, content, 0) for image in (theirs, style.served().paint(content))]
    assert [(float(row["content"]), float(row["style"])) for row in found[2:]] == [
        pytest.approx(pair, abs=1e-3) for pair in expected
    ]


def test_the_pictures_are_side_by_side_and_the_table_says_who_is_ahead(
    arguments: list[str],
) -> None:
    assert main(arguments) == 0
    with Image.open("paper/authors.jpg") as opened:
        assert opened.width == 3 * (SHOWN_WIDTH + 6) - 6
    text = Path("paper/authors.md").read_text()
    assert "](authors.jpg)" in text
    lines = [line for line in text.splitlines() if line.startswith(("| one |", "| other |"))]
    found = {row["painting"] + row["picture"]: row for row in rows(Path("paper/authors.csv"))}
    for line, name in zip(lines, ("one", "other"), strict=True):
        ahead = [
            "ours"
            if float(found[f"{name}ours"][error]) < float(found[f"{name}authors"][error])
            else "theirs"
            for error in ("content", "style")
        ]
        said = ahead[0] if ahead[0] == ahead[1] else f"content {ahead[0]}, style {ahead[1]}"
        assert line.endswith(f"| {said} |")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (["--content", "lost.png"], "theirs: no lost_NAME.jpg with the name of a style"),
        (["--pictures", "lost"], "lost: no such folder"),
        (["--model", "small"], "small is not a Painter"),
        (["--model", "nighthawks"], "no trained weights of 'nighthawks'"),
    ],
)
def test_mistakes_are_one_line(
    changed: list[str], said: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, *changed]) == 2
    assert capsys.readouterr().err.startswith(f"trainer: {said}")
    assert not Path("paper").exists()
