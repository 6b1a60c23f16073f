"""Comparing upscalers from the command line."""

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomlkit
import torch
from numpy.typing import NDArray
from PIL import Image

from tests.support import small
from trainer import commands, recipe, weights_file
from trainer.__main__ import main
from trainer.evaluation.crop_sheet import SIDE, ZOOM
from trainer.pretrained import lpips_weights

METHODS = ["bicubic", "upscale_x4_pixel", "upscale_x4_feature"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder with the recipes and the weights of two small upscalers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(commands, "WEIGHTS", tmp_path / "weights")
    monkeypatch.setattr(recipe, "FOLDER", tmp_path / "recipes")
    (tmp_path / "recipes").mkdir()
    for seed, name in enumerate(METHODS[1:]):
        model = small.upscale_model(small.lively_upscaler(4, seed=seed))
        weights_file.save(tmp_path / "weights" / f"{name}.safetensors", model)
        (tmp_path / "recipes" / f"{name}.toml").write_text('title = "a small upscaler"')


def recorded(name: str) -> dict[str, Any]:
    """The table of measured figures in the recipe's file."""
    document = tomlkit.parse((Path("recipes") / f"{name}.toml").read_text())
    measured: dict[str, Any] = document.unwrap()["measured"]
    return measured


@pytest.fixture(autouse=True)
def _lpips_of_random_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real ones take a download of 64 MB."""
    torch.manual_seed(0)
    kernels = ((64, 3, 11), (192, 64, 5), (384, 192, 3), (256, 384, 3), (256, 256, 3))
    tensors = {}
    for number, (after, before, side) in enumerate(kernels):
        index = lpips_weights.CONVOLUTIONS[number]
        tensors[f"features.{index}.weight"] = torch.randn(after, before, side, side) / side
        tensors[f"features.{index}.bias"] = torch.zeros(after)
        tensors[f"linear.{number}.weight"] = torch.rand(1, after, 1, 1)
    monkeypatch.setattr(lpips_weights, "load", lambda: tensors)


@pytest.fixture
def benchmark(tmp_path: Path, astronaut: NDArray[np.uint8], coffee: NDArray[np.uint8]) -> Path:
    """A folder of two photographs."""
    folder = tmp_path / "Set2"
    small.save(astronaut[:130, 150:300], folder / "astronaut.png")
    small.save(coffee[100:250, 200:350], folder / "coffee.png")
    return folder


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([str(argument) for argument in arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_upscalers_are_compared_with_bicubic_on_a_set(
    benchmark: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", "--upscale", "4", "--set", str(benchmark), "--csv", "found.csv"]
    assert main(arguments) == 0
    table = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in table[1:]] == METHODS
    with Path("found.csv").open() as opened:
        rows = list(csv.DictReader(opened))
    assert [(row["photograph"], row["method"]) for row in rows] == [
        (photograph, method)
        for photograph in ("astronaut.png", "coffee.png", "mean")
        for method in METHODS
    ]


def test_figures_are_recorded_by_set_beside_those_of_other_sets(
    benchmark: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = shutil.copytree(benchmark, benchmark.with_name("Other"))
    for folder in (other, benchmark):
        assert main(["evaluate", "--upscale", "4", "--set", str(folder), "--record"]) == 0
    for name in METHODS[1:]:
        evaluation = recorded(name)["evaluation"]
        assert set(evaluation) == {"Other", "Set2"}
        assert set(evaluation["Set2"]) == {"bicubic", "network"}


def test_histogram_matching_changes_every_method(
    benchmark: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = []
    for options in ([], ["--match-histogram"]):
        assert main(["evaluate", "--upscale", "4", "--set", str(benchmark), *options]) == 0
        outputs.append(capsys.readouterr().out.splitlines())
    plain, matched = outputs
    assert plain[0] == matched[0]
    assert all(one != other for one, other in zip(plain[1:], matched[1:], strict=True))


def test_crops_show_input_methods_and_truth_side_by_side(benchmark: Path) -> None:
    photographs = sorted(map(str, benchmark.iterdir()))
    assert main(["crops", "--upscale", "4", *photographs, "--out", "crops.png"]) == 0
    with Image.open("crops.png") as opened:
        columns = (opened.width + 6) / (SIDE * ZOOM + 6)
        truth = np.asarray(opened)[: SIDE * ZOOM : ZOOM, -SIDE * ZOOM :: ZOOM]
    assert columns == 5, "input, bicubic, two networks, truth"
    photograph = np.asarray(Image.open(photographs[0]))
    assert any(
        np.array_equal(photograph[top : top + SIDE, left : left + SIDE], truth)
        for top in range(0, 130 - SIDE, 4)
        for left in range(0, 150 - SIDE, 4)
    ), "a square of the photograph, on the grid of the input"


def test_a_photograph_smaller_than_a_crop_is_refused(
    tmp_path: Path, astronaut: NDArray[np.uint8], capsys: pytest.CaptureFixture[str]
) -> None:
    file = small.save(astronaut[:60, :60], tmp_path / "tiny.png")
    line = refusal(capsys, "crops", "--upscale", "4", file)
    assert "tiny.png: too small for a crop of 104 pixels" in line


def test_a_style_cannot_be_compared_as_an_upscaler(
    tmp_path: Path, painting: Path, benchmark: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    style = small.model(painting, small.lively(width=4))
    weights_file.save(tmp_path / "weights" / "wave.safetensors", style)
    arguments = ("evaluate", "--upscale", "4", "--set", benchmark, "--model", "wave")
    assert "wave does not enlarge by 4" in refusal(capsys, *arguments)


def test_an_upscaler_is_not_evaluated_as_a_style(
    benchmark: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("evaluate", "--style", "upscale_x4_pixel", "--data", benchmark)
    assert "upscale_x4_pixel is not a style" in refusal(capsys, *arguments)
