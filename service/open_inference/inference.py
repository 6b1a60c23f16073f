"""Inference requests of the Open Inference Protocol, as the pipeline's jobs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.auth.keys import Client
from service.models.catalog import Model
from service.models.runtime import GraphTensor, Inputs
from service.open_inference import messages
from service.open_inference.content_coding import inflated
from service.open_inference.messages import InferRequest, Message
from service.open_inference.tensors import check_sizes, split
from service.problems import MalformedRequest
from service.settings import Settings

OUTPUT = "output"  # the only one of our graphs


@dataclass(frozen=True)
class InferenceBody:
    """The body of a request as it was sent."""

    content: bytes
    content_encoding: str
    json_length: int | None
    """Bytes of the JSON object that the body begins with; None if there is nothing else."""


@dataclass(frozen=True)
class InferenceJob:
    """The job of running a model on the tensors of one request."""

    model: Model
    graph_inputs: Sequence[GraphTensor]
    body: InferenceBody
    limits: Settings
    deadline: float | None
    """When the answer stops being of use, in the event loop's time."""
    client: Client | None
    """Who is charged for the pixels that the network is given."""

    @property
    def name(self) -> str:
        return self.model.name

    def decode(self) -> tuple[InferRequest, list[Inputs]]:
        """Raises MalformedRequest, UnsupportedCoding, BodyTooLarge, ImageSizeOutOfRange or
        LimitExceeded."""
        content, coding = self.body.content, self.body.content_encoding
        content = inflated(content, coding, self.limits.max_body_bytes)
        request, tensors = messages.read(Message(content, self.body.json_length))
        for output in request.outputs:
            if output.name != OUTPUT:
                raise MalformedRequest(
                    f"The model has no output {output.name!r}; its output is: {OUTPUT}."
                )
        images = split(tensors, self.graph_inputs)
        check_sizes(images, self.model.card, self.limits)
        if self.client is not None:
            self.client.charge_pixels(sum(math.prod(each["image"].shape[:2]) for each in images))
        if not request.binary(OUTPUT):
            values = tensors["image"].size * self.model.card.factor**2
            messages.check_fits_json(OUTPUT, values)
        return request, images

    def encode(self, source: InferRequest, outputs: Sequence[NDArray[np.uint8]]) -> Message:
        """The answer: one output with all images."""
        header = {"model_name": self.model.name, "model_version": str(self.model.version)}
        if source.id is not None:
            header["id"] = source.id
        binary = [OUTPUT] if source.binary(OUTPUT) else []
        return messages.write(header, {OUTPUT: outputs}, binary)
