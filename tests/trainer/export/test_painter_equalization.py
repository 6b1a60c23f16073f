"""An equalized Painter computes what it did before, and runs in 8-bit integers."""

from pathlib import Path

import pytest
import torch

from tests.support import painters
from tests.support.optimized import operations
from trainer.export import calibration, graphs
from trainer.export.calibration import Example
from trainer.export.painter_equalization import equalized
from trainer.export.quantization import quantized
from trainer.networks.painter import Painter
from trainer.networks.served_painter import ServedPainter


@pytest.fixture(scope="module")
def painter() -> Painter:
    return painters.lively(rows=3)


@pytest.fixture(scope="module")
def examples(painter: Painter) -> list[Example]:
    return calibration.examples(painter.rows.detach().numpy())


@torch.no_grad()
def painted(served: ServedPainter, example: Example) -> torch.Tensor:
    picture: torch.Tensor = served(*(torch.from_numpy(v.copy()) for v in example.values()))
    return picture.int()


def test_it_paints_the_same(painter: Painter, examples: list[Example]) -> None:
    served = ServedPainter(painter.body).eval()
    prepared = equalized(served, examples)
    for example in examples:
        assert (painted(prepared, example) - painted(served, example)).abs().max() <= 1


def test_all_convolutions_after_the_first_residual_block_run_in_bytes(
    painter: Painter, examples: list[Example], tmp_path: Path
) -> None:
    prepared = equalized(ServedPainter(painter.body).eval(), examples)
    of_bytes = quantized(graphs.to_onnx(prepared, {}))
    run = operations(of_bytes, tmp_path)
    assert (run.count("QLinearConv"), run.count("Conv")) == (10, 4)
