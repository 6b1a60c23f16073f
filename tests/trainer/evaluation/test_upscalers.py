"""Comparing upscalers: each gets the shrunk photograph, and is measured against the original."""

import csv
import io
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support import small
from trainer.errors import TrainerError
from trainer.evaluation.upscalers import Evaluation, Quality, evaluate, match_histogram, read
from trainer.images.quality import luma, psnr, ssim
from trainer.images.resampling import enlarge, shrink

Pixels = NDArray[np.uint8]
bicubic = partial(enlarge, factor=4)

FOUND = Evaluation(
    factor=4,
    photographs=("one.png", "two.png"),
    qualities={
        "bicubic": (Quality(28.0, 0.8, 0.3), Quality(31.0, 0.9, 0.2)),
        "feature": (Quality(26.0, 0.75, 0.08), Quality(28.0, 0.853, 0.05002)),
    },
)


def nearest(pixels: Pixels) -> Pixels:
    return pixels.repeat(4, axis=0).repeat(4, axis=1)


def mean_difference(image: Pixels, truth: Pixels) -> float:
    """In the place of LPIPS."""
    return float(np.abs(image.astype(float) - truth).mean())


def test_every_upscaler_is_measured_on_every_photograph(photographs: tuple[Path, ...]) -> None:
    done: list[None] = []
    found = evaluate(
        {"bicubic": bicubic, "nearest": nearest},
        photographs,
        4,
        mean_difference,
        lambda: done.append(None),
    )
    assert found.photographs == ["astronaut.jpg", "chelsea.jpg", "coffee.jpg"]
    assert {method: len(row) for method, row in found.qualities.items()} == {
        "bicubic": 3,
        "nearest": 3,
    }
    assert len(done) == 3


def test_an_upscaler_is_given_the_shrunk_photograph_and_measured_against_the_original(
    tmp_path: Path, photograph: Pixels
) -> None:
    file = small.save(photograph, tmp_path / "photograph.png")
    given: list[Pixels] = []

    def upscale(pixels: Pixels) -> Pixels:
        given.append(pixels)
        return nearest(pixels)

    found = evaluate({"nearest": upscale}, [file], 4, mean_difference, lambda: None)
    np.testing.assert_array_equal(given[0], shrink(photograph, 4))
    image = nearest(given[0])
    assert found.qualities["nearest"] == [
        Quality(
            psnr=psnr(luma(image), luma(photograph), border=4),
            ssim=ssim(luma(image), luma(photograph), border=4),
            lpips=mean_difference(image, photograph),
        )
    ]


def test_a_photograph_is_cut_to_multiples_of_the_factor_on_the_right_and_at_the_bottom(
    tmp_path: Path, photograph: Pixels
) -> None:
    file = small.save(photograph[:119, :143], tmp_path / "odd.png")
    np.testing.assert_array_equal(read(file, 8), photograph[:112, :136])


def test_a_gray_photograph_is_read_as_rgb(tmp_path: Path, photograph: Pixels) -> None:
    file = tmp_path / "gray.png"
    Image.fromarray(photograph).convert("L").save(file)
    pixels = read(file, 4)
    assert pixels.shape == (120, 144, 3)
    assert (pixels == pixels[..., :1]).all()


@pytest.mark.parametrize(("factor", "side"), [(4, 31), (8, 31), (16, 47)])
def test_a_photograph_too_small_to_be_measured_is_refused(
    tmp_path: Path, photograph: Pixels, factor: int, side: int
) -> None:
    file = small.save(photograph[:side, :], tmp_path / "small.png")
    with pytest.raises(TrainerError, match=r"small\.png: too small to be measured"):
        read(file, factor)


def test_the_table_has_a_line_of_means_for_each_method() -> None:
    assert [line.split() for line in FOUND.table().splitlines()] == [
        ["x4,", "2", "photographs", "PSNR,", "dB", "SSIM", "LPIPS"],
        ["bicubic", "29.50", "0.8500", "0.2500"],
        ["feature", "27.00", "0.8015", "0.0650"],
    ]


def test_the_csv_has_a_line_for_each_photograph_and_method_and_for_each_mean() -> None:
    rows = list(csv.DictReader(io.StringIO(FOUND.csv())))
    assert [(row["photograph"], row["method"]) for row in rows] == [
        ("one.png", "bicubic"),
        ("one.png", "feature"),
        ("two.png", "bicubic"),
        ("two.png", "feature"),
        ("mean", "bicubic"),
        ("mean", "feature"),
    ]
    expected = {"photograph": "two.png", "method": "feature"}
    assert rows[3] == expected | {"psnr": "28.0", "ssim": "0.853", "lpips": "0.05"}


def test_the_figures_are_rounded_means() -> None:
    assert FOUND.figures() == {
        "photographs": 2,
        "factor": 4,
        "bicubic": {"psnr": 29.5, "ssim": 0.85, "lpips": 0.25},
        "feature": {"psnr": 27.0, "ssim": 0.8015, "lpips": 0.065},
    }


def test_matching_histograms_brings_back_the_colours_of_the_input(photograph: Pixels) -> None:
    low_resolution = shrink(photograph, 4)

    def dark(pixels: Pixels) -> Pixels:
        return bicubic(pixels) // 2

    matched = match_histogram(dark)(low_resolution).astype(float)
    difference = matched.mean((0, 1)) - low_resolution.mean((0, 1))
    assert np.abs(difference).max() < 0.5


def test_matching_histograms_keeps_a_picture_that_has_that_of_its_input(
    photograph: Pixels,
) -> None:
    np.testing.assert_array_equal(match_histogram(nearest)(photograph), nearest(photograph))
