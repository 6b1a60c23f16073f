"""A Painter in ONNX Runtime: the row is one more input of each image."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from service.models import catalog
from service.models.catalog import Model
from service.models.runtime import Inputs, Runtime, RuntimeUnavailable
from tests.support.painter_store import STYLES, WIDTH, painted

ROWS = [np.array(rows[len(rows) // 2], np.float32) for rows in STYLES.values()]


@pytest.fixture
def painter(painter_store: Path) -> Model:
    return catalog.read(painter_store).get("painter")


@pytest.fixture
def runtime(painter: Model) -> Runtime:
    loaded = Runtime("cpu", threads=2)
    loaded.open(painter)
    return loaded


def painting(image: NDArray[np.uint8], row: NDArray[np.float32]) -> Inputs:
    numbers = {"strength": np.float32(1), "preserve_color": np.float32(0)}
    return {"image": image, "style": row, **numbers}


def test_it_is_warmed_up_by_a_row_of_zeros(runtime: Runtime, painter: Model) -> None:
    runtime.warm_up(painter)


def test_images_of_a_batch_are_painted_each_by_its_row(
    runtime: Runtime, painter: Model, photograph: NDArray[np.uint8]
) -> None:
    outputs = runtime.run(painter, [painting(photograph, row) for row in ROWS])
    for output, row in zip(outputs, ROWS, strict=True):
        assert np.abs(output.astype(int) - painted(photograph, row)).max() <= 1


def test_it_says_how_many_numbers_a_row_has(runtime: Runtime, painter: Model) -> None:
    assert runtime.row_width(painter) == WIDTH


def test_a_network_that_takes_no_rows_is_no_painter(runtime: Runtime, wave_store: Path) -> None:
    wave = catalog.read(wave_store).get("wave")
    runtime.open(wave)
    with pytest.raises(RuntimeUnavailable, match=r"model\.onnx: a Painter needs an input style"):
        runtime.row_width(wave)
