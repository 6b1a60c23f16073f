"""The shipped model store is a model repository that Triton serves."""

from pathlib import Path

import onnx
import pytest
from google.protobuf import text_format
from onnx import TensorProto
from tritonclient.grpc import model_config_pb2 as triton

from service.models import catalog
from service.models.runtime import Runtime
from service.open_inference.tensors import on_the_wire
from tests.support.checkout import ROOT

STORE = ROOT / "model_store"

DATA_TYPES = {TensorProto.UINT8: triton.TYPE_UINT8, TensorProto.FLOAT: triton.TYPE_FP32}

pytestmark = pytest.mark.parametrize("folder", sorted(STORE.iterdir()), ids=lambda path: path.name)


def config_of(folder: Path) -> triton.ModelConfig:
    text = (folder / "config.pbtxt").read_text()
    return text_format.Parse(text, triton.ModelConfig())  # raises ParseError


def newest(folder: Path) -> Path:
    versions = (each for each in folder.iterdir() if each.is_dir())
    return max(versions, key=lambda version: int(version.name))


def graph_shape(tensor: onnx.ValueInfoProto) -> list[int]:
    """With -1 for any size, as Triton writes it."""
    return [
        side.dim_value if side.HasField("dim_value") else -1
        for side in tensor.type.tensor_type.shape.dim
    ]


def served_shape(tensor: triton.ModelInput | triton.ModelOutput) -> list[int]:
    """What Triton gives to the network: an axis of any length, and an image's dimensions."""
    dims = tensor.reshape.shape if tensor.HasField("reshape") else tensor.dims
    return [-1, *dims]


def test_the_config_names_its_folder_and_a_platform_that_runs_the_file(folder: Path) -> None:
    config = config_of(folder)
    assert config.name == folder.name
    assert config.platform == "onnxruntime_onnx"
    assert (newest(folder) / "model.onnx").is_file()
    assert config.max_batch_size > 0  # of networks whose first axis is dynamic, as seen below


def test_the_config_declares_the_graph_s_inputs_and_outputs(folder: Path) -> None:
    config = config_of(folder)
    graph = onnx.load(newest(folder) / "model.onnx").graph
    for declared, tensors in ((config.input, graph.input), (config.output, graph.output)):
        assert [(each.name, each.data_type, served_shape(each)) for each in declared] == [
            (each.name, DATA_TYPES[each.type.tensor_type.elem_type], graph_shape(each))
            for each in tensors
        ]


def test_our_metadata_are_those_that_triton_derives_from_the_config(folder: Path) -> None:
    config = config_of(folder)
    runtime = Runtime("cpu", threads=1)
    model = catalog.read(STORE).get(folder.name)
    runtime.open(model)
    for declared, tensors in zip(
        (config.input, config.output), runtime.signature(model), strict=True
    ):
        ours = [on_the_wire(tensor) for tensor in tensors]
        assert [(each.name, f"TYPE_{each.datatype}", each.shape) for each in ours] == [
            (each.name, triton.DataType.Name(each.data_type), [-1, *each.dims]) for each in declared
        ]
