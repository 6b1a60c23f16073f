"""ONNX graphs of networks, with dynamic sizes."""

import json
import logging
import warnings
from collections.abc import Mapping
from typing import Any

import onnx
import torch

from trainer.networks.painter import Painter
from trainer.networks.served import ServedStyleNet, ServedUpscaleNet
from trainer.networks.served_painter import ServedPainter
from trainer.networks.style import StyleNet
from trainer.weights_file import Network

OPSET = 20

Served = ServedStyleNet | ServedPainter | ServedUpscaleNet


def serve(network: Network) -> Served:
    """The network with its pre- and postprocessing, in evaluation mode: bytes in, bytes out."""
    if isinstance(network, StyleNet):
        return ServedStyleNet(network).eval()
    if isinstance(network, Painter):
        return ServedPainter(network.body).eval()
    return ServedUpscaleNet(network).eval()


def to_onnx(served: Served, card: Mapping[str, Any]) -> onnx.ModelProto:
    """The network as an ONNX graph with dynamic N, H and W; the same bytes every time.

    ``card``: becomes the graph's metadata, JSON where it is not text.
    """
    batch, height, width = 2, 48, 64  # any that are not equal: equal ones would be taken as one
    example = torch.zeros(batch, height, width, 3, dtype=torch.uint8)
    dynamic = torch.export.Dim.DYNAMIC
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns of missing torchvision
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        exported = torch.onnx.export(
            served,
            (example, *(torch.zeros(batch, *shape) for shape in served.sample_inputs.values())),
            input_names=["image", *served.sample_inputs],
            output_names=["output"],
            dynamic_shapes=(
                {0: dynamic, 1: dynamic, 2: dynamic},
                *({0: dynamic} for _ in served.sample_inputs),
            ),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert exported is not None
    program: onnx.ModelProto = exported.model_proto
    program.producer_version = torch.__version__.partition("+")[0]  # whatever CUDA it is built for
    _name_dimensions(program)
    for node in program.graph.node:
        del node.metadata_props[:]  # stack traces, with the paths of the exporting machine
    for key, value in card.items():
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        program.metadata_props.add(key=key, value=text)
    onnx.checker.check_model(program, full_check=True)
    return program


def _name_dimensions(program: onnx.ModelProto) -> None:
    """Replace the exporter's symbols for the sizes, such as s62, by N, H and W."""
    image = program.graph.input[0].type.tensor_type.shape.dim
    names = {image[axis].dim_param: name for axis, name in enumerate("NHW")}
    for value in (*program.graph.input, *program.graph.output, *program.graph.value_info):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param:
                dim.dim_param = names.get(dim.dim_param, dim.dim_param)
