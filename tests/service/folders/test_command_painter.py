"""python -m service stylize with the styles of a Painter: --blend and --stroke."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from service.__main__ import main
from tests.support.painter_store import STYLES, painted, write_store, write_style
from tests.support.pictures import encoded

Pixels = NDArray[np.uint8]

Stylize = Callable[..., int]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return write_store(tmp_path / "store")


@pytest.fixture
def stylize(tmp_path: Path, photograph: Pixels, store: Path) -> Stylize:
    """Paints a folder of one photograph in dusk, and returns the exit code."""
    (tmp_path / "album").mkdir()
    (tmp_path / "album" / "face.png").write_bytes(encoded(photograph))
    folders = ("--model-store", str(store), "--out", str(tmp_path / "out"))

    def run(*options: str) -> int:
        return main(["stylize", str(tmp_path / "album"), "--style", "dusk", *folders, *options])

    return run


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return tmp_path / "out" / "face.png"


def test_a_blend_at_a_stroke_size_is_painted(
    stylize: Stylize, picture: Path, photograph: Pixels
) -> None:
    assert stylize("--blend", "meadow:0.25", "--stroke", "2") == 0
    row = np.average([STYLES["dusk"][2], STYLES["meadow"][2]], axis=0, weights=[0.75, 0.25])
    made = np.asarray(Image.open(picture)).astype(int)
    assert np.abs(made - painted(photograph, row)).max() <= 1


def test_the_same_blend_written_otherwise_is_not_made_again(
    stylize: Stylize, capsys: pytest.CaptureFixture[str]
) -> None:
    stylize("--blend", "meadow:0.5,negative:0.25")
    stylize("--blend", "negative:.25,meadow:0.50", "--stroke", "1")
    assert capsys.readouterr().out.splitlines()[-1].endswith(": 0 made, 1 there already")


@pytest.mark.parametrize("options", ["--blend meadow:0.4", "--stroke 0.8"])
def test_another_blend_or_stroke_size_is_made(
    stylize: Stylize, capsys: pytest.CaptureFixture[str], options: str
) -> None:
    stylize("--blend", "meadow:0.5")
    stylize(*options.split())
    assert capsys.readouterr().out.splitlines()[-1].endswith(": 1 made")


def test_what_was_painted_by_rows_that_have_changed_is_made_again(
    stylize: Stylize, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stylize()
    write_style(store / "painter" / "1", "dusk", STYLES["meadow"])
    stylize()
    assert capsys.readouterr().out.splitlines()[-1].endswith(": 1 made")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--blend meadow", "'meadow' is not NAME:WEIGHT"),
        ("--blend meadow:0.7,negative:0.7", "more than 1"),
        ("--blend dawn:0.5", "no style 'dawn'; there are: dusk"),
        ("--blend dusk:0.5", "'dusk' is not blended in"),
        ("--stroke 3", "3 is not between 0.5 and 2"),
    ],
)
def test_a_mistake_is_one_line(
    stylize: Stylize, capsys: pytest.CaptureFixture[str], options: str, said: str
) -> None:
    try:
        returncode = stylize(*options.split())
    except SystemExit as stopped:
        returncode = int(stopped.code or 0)
    assert returncode == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
