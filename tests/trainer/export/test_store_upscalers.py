"""Exporting an upscaler."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from onnxruntime import InferenceSession
from PIL import Image

from tests.support import small
from tests.support.small import Exported
from trainer.export.store import export
from trainer.images.resampling import enlarge, shrink
from trainer.networks.served import ServedUpscaleNet
from trainer.networks.upscale import Factor, PaperUpscaleNet, UpscaleNet


@pytest.fixture(scope="module", params=[4, 8])
def upscaler(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    factor: Factor = request.param
    store = tmp_path_factory.mktemp("store")
    model = small.upscale_model(small.lively_upscaler(factor))
    digest = export(model, "small", store, photograph=None, evaluation=None)
    return Exported(model, store / "small", digest)


@pytest.fixture(scope="module")
def session(upscaler: Exported) -> InferenceSession:
    return InferenceSession(upscaler.onnx, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def card(upscaler: Exported) -> dict[str, Any]:
    card: dict[str, Any] = json.loads((upscaler.folder / "1" / "card.json").read_text())
    return card


def enlarged(session: InferenceSession, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    output: NDArray[np.uint8] = session.run(["output"], {"image": images})[0]
    return output


def test_the_graph_takes_an_image_and_nothing_else(session: InferenceSession) -> None:
    (image,), (output,) = session.get_inputs(), session.get_outputs()
    assert (image.name, image.type, image.shape) == ("image", "tensor(uint8)", ["N", "H", "W", 3])
    assert (output.name, output.type) == ("output", "tensor(uint8)")


@pytest.mark.parametrize(("height", "width"), [(16, 16), (1, 60), (60, 1), (1, 1), (33, 47)])
def test_the_graph_computes_what_the_network_computes(
    session: InferenceSession,
    upscaler: Exported,
    astronaut: NDArray[np.uint8],
    height: int,
    width: int,
) -> None:
    images = np.stack([astronaut[y : y + height, 180 : 180 + width] for y in (60, 90, 120)])
    network = ServedUpscaleNet(upscaler.model.network)
    expected = np.stack([network.enlarge(image) for image in images]).astype(int)
    output = enlarged(session, images)
    assert output.shape == expected.shape
    assert np.abs(output - expected).max() <= 1


def test_the_card_says_what_a_service_must_know(card: dict[str, Any], upscaler: Exported) -> None:
    network = upscaler.model.network
    assert (card["kind"], card["factor"]) == ("upscale", network.factor)
    assert card["objective"] == "pixel"
    assert card["receptive_field"] == network.receptive_field


def test_tritons_configuration_has_one_input(upscaler: Exported) -> None:
    text = (upscaler.folder / "config.pbtxt").read_text()
    assert text.count("name: ") == 3  # the model, the image, the output
    assert 'name: "image", data_type: TYPE_UINT8, dims: [ -1, -1, 3 ]' in text


def test_the_preview_is_half_bicubic_and_half_the_network(
    tmp_path: Path, astronaut: NDArray[np.uint8]
) -> None:
    pixels = astronaut[:320, :400]
    photograph = small.save(pixels, tmp_path / "face.png")
    brighter = UpscaleNet(4, width=4, blocks=1)
    torch.nn.init.constant_(brighter.tail.bias, 0.3)
    model = small.upscale_model(brighter)
    export(model, "small", tmp_path, photograph=photograph, evaluation=None)
    with Image.open(tmp_path / "small" / "1" / "preview.jpg") as opened:
        preview = np.asarray(opened).astype(int)
    assert preview.shape == (320, 400, 3)
    low = shrink(pixels, 4)
    from_bicubic = np.abs(preview - enlarge(low, 4)).mean(axis=(0, 2))
    from_network = np.abs(preview - ServedUpscaleNet(model.network).enlarge(low)).mean(axis=(0, 2))
    assert (from_bicubic < from_network)[:200].all()
    assert (from_network < from_bicubic)[200:].all()


def test_the_papers_network_is_exported_without_batch_norm(tmp_path: Path) -> None:
    model = small.upscale_model(PaperUpscaleNet(4, width=4).eval())
    export(model, "small", tmp_path, photograph=None, evaluation=None)
    graph = (tmp_path / "small" / "1" / "model.onnx").read_bytes()
    assert b"BatchNormalization" not in graph
