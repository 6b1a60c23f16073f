"""The warping error."""

from pathlib import Path

import pytest
import torch

from tests.support import painters, small
from tests.support.tables import rows
from trainer import commands, weights_file
from trainer.__main__ import main
from trainer.networks.painter import Painter


@pytest.fixture
def arguments(painting: Path, photographs: tuple[Path, ...]) -> list[str]:
    """A lively Painter, and one whose pictures are all the same grey."""
    lively, grey = painters.model(painting), painters.model(painting)
    assert isinstance(grey.network, Painter)
    last = grey.network.body.to_rgb[1]
    with torch.no_grad():
        last.weight.zero_()  # type: ignore[operator, union-attr]
        last.bias.zero_()  # type: ignore[operator, union-attr]
    weights_file.save(commands.WEIGHTS / "painter.safetensors", lively)
    weights_file.save(Path("grey.safetensors"), grey)
    data = ["--data", str(photographs[0].parent), "--photographs", "2"]
    return ["reproduce", "stability", *data, "--out", "paper"]


def table() -> list[list[str]]:
    lines = Path("paper/stability.md").read_text().splitlines()
    cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]
    return [cells[0], *cells[2:]]


def test_networks_are_compared_by_styles_and_photographs(arguments: list[str]) -> None:
    networks = ["--model", "painter", "--weights", "grey.safetensors"]
    assert main([*arguments, *networks]) == 0
    found = rows(Path("paper/stability.csv"))
    assert [(row["network"], row["style"], row["photograph"]) for row in found] == [
        (network, style, photograph)
        for network in ("painter", "grey.safetensors")
        for style in ("one", "other")
        for photograph in ("astronaut.jpg", "chelsea.jpg")
    ]
    lively, grey = (
        [float(row["squared_difference"]) for row in found if row["network"] == network]
        for network in ("painter", "grey.safetensors")
    )
    assert min(lively) > max(grey), "of grey, only the light changes"
    header, one, _, mean = table()
    assert header == ["style", "painter", "grey.safetensors"]
    assert one == ["one", f"{500 * sum(lively[:2]):.2f}", f"{500 * sum(grey[:2]):.2f}"]
    assert mean == ["mean of 2 styles", f"{250 * sum(lively):.2f}", f"{250 * sum(grey):.2f}"]


def test_without_names_it_is_the_painter(arguments: list[str]) -> None:
    assert main(arguments) == 0
    assert table()[0] == ["style", "painter"]


def test_networks_of_one_style_stand_beside_a_painters(
    arguments: list[str], style: str, painting: Path
) -> None:
    weights_file.save(Path("anew.safetensors"), small.model(painting, small.lively(width=4)))
    networks = ["--model", style, "--model", "painter/one", "--weights", "anew.safetensors"]
    assert main([*arguments, *networks]) == 0
    _, single, painters_own = table()
    assert single[0] == painting.stem
    assert single[1]
    assert single[2] == ""
    assert single[3]
    assert painters_own[:2] == ["one", ""]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (["--weights", "lost.safetensors"], "lost.safetensors: no such file"),
        (["--model", "nighthawks"], "no trained weights of 'nighthawks'"),
        (["--data", "lost"], "lost: no such folder"),
    ],
)
def test_mistakes_are_one_line(
    changed: list[str], said: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, *changed]) == 2
    assert capsys.readouterr().err.startswith(f"trainer: {said}")
    assert not Path("paper").exists()
