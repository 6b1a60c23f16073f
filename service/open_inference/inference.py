"""A request for inference by the Open Inference Protocol, into and out of the pipeline."""

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
from service.open_inference.tensors import check_sizes, on_the_wire, split
from service.problems import MalformedRequest
from service.settings import Settings

OUTPUT = "output"  # the one that our graphs have


@dataclass(frozen=True)
class Inference:
    """Its methods are for codec threads."""

    model: Model
    inputs: Sequence[GraphTensor]
    settings: Settings
    client: Client | None
    """Who is charged for the pixels that the network is given."""

    def decode(
        self, body: bytes, coding: str, json_length: int | None
    ) -> tuple[InferRequest, list[Inputs]]:
        """The request, and its images with their other inputs.

        ``coding`` is the body's Content-Encoding. Raises MalformedRequest, UnsupportedCoding,
        BodyTooLarge, ImageSizeOutOfRange or LimitExceeded.
        """
        body = inflated(body, coding, self.settings.max_body_bytes)
        request, tensors = messages.read(Message(body, json_length))
        for output in request.outputs:
            if output.name != OUTPUT:
                raise MalformedRequest(
                    f"The model has no output {output.name!r}; its output is: {OUTPUT}."
                )
        wanted = [on_the_wire(tensor) for tensor in self.inputs]
        images = split(tensors, wanted)
        check_sizes(images, self.model.card, self.settings)
        if self.client is not None:
            self.client.charge_pixels(sum(math.prod(each["image"].shape[:2]) for each in images))
        if not request.binary(OUTPUT):
            answered = tensors["image"].size * self.model.card.factor**2
            messages.check_fits_json(OUTPUT, answered)
        return request, images

    def encode(self, request: InferRequest, outputs: Sequence[NDArray[np.uint8]]) -> Message:
        """The answer, of one output with all images."""
        header = {"model_name": self.model.name, "model_version": str(self.model.version)}
        if request.id is not None:
            header["id"] = request.id
        binary = [OUTPUT] if request.binary(OUTPUT) else []
        return messages.write(header, {OUTPUT: outputs}, binary)
