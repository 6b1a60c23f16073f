"""Tensors of the Open Inference Protocol and the images that they hold.

As in Triton, whose tensors have a shape besides the batch axis, an input of one number an image has
the shape [N, 1] on the wire, where the graph has [N].
"""

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel

from service.images import sizes
from service.models.cards import Card, UpscaleCard
from service.models.runtime import GraphTensor, Inputs
from service.open_inference.messages import Datatype, Tensor
from service.problems import MalformedRequest
from service.settings import Settings

MAX_IMAGES = 64
"""Images a request. A client with more gets its first answers sooner by more requests."""

_DATATYPES: Mapping[str, Datatype] = {"tensor(uint8)": "UINT8", "tensor(float)": "FP32"}


class TensorMetadata(BaseModel):
    """A tensor of a model, as the protocol describes it; -1 is any size."""

    name: str
    datatype: Datatype
    shape: list[int]


def on_the_wire(tensor: GraphTensor) -> TensorMetadata:
    shape = [-1 if side is None else side for side in tensor.shape]
    return TensorMetadata(
        name=tensor.name,
        datatype=_DATATYPES[tensor.type],
        shape=[*shape, 1] if _is_a_number(tensor) else shape,
    )


def split(tensors: Mapping[str, Tensor], inputs: Sequence[GraphTensor]) -> list[Inputs]:
    """The graph inputs of each image. Raises MalformedRequest unless the tensors are the inputs."""
    known = ", ".join(each.name for each in inputs)
    for name in tensors.keys() - {each.name for each in inputs}:
        raise MalformedRequest(f"The model has no input {name!r}; its inputs are: {known}.")
    for each in inputs:
        if each.name not in tensors:
            raise MalformedRequest(f"The input {each.name!r} is missing; there are: {known}.")
        _check(tensors[each.name], each)
    counts = {name: len(tensor) for name, tensor in tensors.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise MalformedRequest(f"All inputs need the same first dimension; there are: {listed}.")
    count = counts[inputs[0].name]
    if not 1 <= count <= MAX_IMAGES:
        raise MalformedRequest(f"A request holds 1 to {MAX_IMAGES} images, not {count}.")
    in_the_graph = {
        each.name: tensors[each.name][:, 0] if _is_a_number(each) else tensors[each.name]
        for each in inputs
    }
    return [
        {name: tensor[number] for name, tensor in in_the_graph.items()} for number in range(count)
    ]


def check_sizes(images: Sequence[Inputs], card: Card, limits: Settings) -> None:
    """Raises ImageSizeOutOfRange; the images of a request are decoded and answered together."""
    height, width = np.asarray(images[0]["image"]).shape[:2]
    size, count = (width, height), len(images)
    if not isinstance(card, UpscaleCard):
        sizes.check_stylizable(size, limits.max_stylize_pixels)
    sizes.check_stored(size, limits.max_image_pixels, count)
    if isinstance(card, UpscaleCard):
        sizes.upscaled(size, card.factor, limits.max_upscaled_pixels, count)


def _is_a_number(tensor: GraphTensor) -> bool:
    return len(tensor.shape) == 1


def _check(tensor: Tensor, graph_input: GraphTensor) -> None:
    wanted = on_the_wire(graph_input)
    dtype = np.dtype(np.uint8 if wanted.datatype == "UINT8" else np.float32)
    if tensor.dtype != dtype:
        raise MalformedRequest(f"The input {wanted.name!r} is to be {wanted.datatype}.")
    fits = len(tensor.shape) == len(wanted.shape) and all(
        side in (-1, given) for side, given in zip(wanted.shape, tensor.shape, strict=True)
    )
    if not fits:
        raise MalformedRequest(
            f"The input {wanted.name!r} has the shape {list(tensor.shape)}; "
            f"{wanted.shape} is needed, where -1 is any size."
        )
    # Not the negation: what is not a number is neither.
    if _is_a_number(graph_input) and not ((tensor >= 0) & (tensor <= 1)).all():
        raise MalformedRequest(f"The input {wanted.name!r} is to be from 0 to 1.")
    if not np.isfinite(tensor).all():
        raise MalformedRequest(f"The input {wanted.name!r} holds what is not a finite number.")
