"""One network, a row for each painting."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from tests.support import painters, small
from trainer.losses import lattice
from trainer.networks.painter import ConditionalNorm, ConvNorm, Painter, PainterNet


def test_a_plain_row_is_instance_norm() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 5, 8, 8)
    plain = torch.tensor([1.0] * 5 + [0.0] * 5).expand(2, -1)
    torch.testing.assert_close(ConditionalNorm()(x, plain), nn.InstanceNorm2d(5)(x))


def test_the_row_has_a_scale_and_a_shift_for_every_channel_of_every_norm() -> None:
    body = PainterNet(width=4)
    channels = [layer.channels for layer in body.modules() if isinstance(layer, ConvNorm)]
    row = body.plain_row()
    assert len(row) == 2 * sum(channels)
    assert row.sum() == sum(channels)


def test_the_rows_of_a_painting_lie_together_and_share_what_they_have_in_common() -> None:
    painter = Painter(PainterNet(width=4), paintings=2, strokes=3)
    with torch.no_grad():
        painter.shared += 1
        painter.common[1] += 1
        painter.own[1, 2] += 1
    moved = (painter.rows - painter.plain)[:, 0]
    assert moved.tolist() == [2, 2, 2, 4, 4, 6]


@torch.no_grad()
def test_a_batch_of_different_rows_is_each_row_alone(photograph: NDArray[np.uint8]) -> None:
    painter = painters.lively(rows=3)
    image = small.as_tensor(photograph[:64, :96]).repeat(3, 1, 1, 1)
    together = painter(image, torch.tensor([0, 1, 2]))
    for row in range(3):
        alone = painter(image[:1], torch.tensor([row]))
        torch.testing.assert_close(together[row : row + 1], alone, rtol=0, atol=0.01)
    assert (together[0] - together[1]).abs().mean() > 1


@torch.no_grad()
def test_a_mixture_of_rows_lies_between_their_pictures(photograph: NDArray[np.uint8]) -> None:
    painter = painters.lively(rows=2)
    image = small.as_tensor(photograph[:64, :64])
    one, other = painter.rows
    pictures = [painter.body(image, torch.lerp(one, other, w)[None]) for w in (0.0, 0.1, 1.0)]
    near = (pictures[1] - pictures[0]).square().mean()
    far = (pictures[2] - pictures[0]).square().mean()
    assert 0 < near < 0.25 * far


@pytest.mark.parametrize("size", [(32, 32), (61, 75), (64, 97)])
@torch.no_grad()
def test_the_picture_is_as_large_as_the_photograph(size: tuple[int, int]) -> None:
    painter = painters.lively(rows=1)
    image = torch.rand(1, 3, *size) * 255
    assert painter(image, torch.tensor([0])).shape == (1, 3, *size)


@torch.no_grad()
def test_a_new_network_prints_no_grid() -> None:
    torch.manual_seed(0)
    painter = Painter(PainterNet(width=4), paintings=1, strokes=1)
    flat = torch.rand(1, 3, 1, 1).expand(1, 3, 96, 96) * 255
    assert lattice(painter(flat + torch.randn(1, 1, 96, 96), torch.tensor([0])), 2) < 1e-6


@pytest.mark.filterwarnings(
    "ignore::FutureWarning", "ignore::DeprecationWarning"
)  # the exporter's own
@pytest.mark.training
def test_rows_are_an_input_of_the_exported_graph(tmp_path: Path) -> None:
    painter = painters.lively(rows=2)
    image = torch.rand(2, 3, 48, 64) * 255
    file = tmp_path / "painter.onnx"
    dynamic = torch.export.Dim.DYNAMIC
    torch.onnx.export(
        painter.body,
        (image, painter.rows.detach()),
        file,
        input_names=["image", "style"],
        dynamic_shapes=({0: dynamic, 2: dynamic, 3: dynamic}, {0: dynamic}),
        dynamo=True,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    assert [of.name for of in session.get_inputs()] == ["image", "style"]
    larger = torch.rand(1, 3, 72, 88) * 255
    with torch.no_grad():
        expected = painter.body(larger, painter.rows[1:])
    feeds = {"image": larger.numpy(), "style": painter.rows[1:].detach().numpy()}
    np.testing.assert_allclose(session.run(None, feeds)[0], expected.numpy(), atol=0.05)
