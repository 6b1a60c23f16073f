"""What reads bytes of clients, called directly: thousands of inputs a second, without sockets.

A target returns what it made of the bytes, or raises one of the Problems that it documents;
anything else is a bug.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from starlette.requests import Request
from starlette.types import Message as Received

from service.images import codec
from service.images.formats import MEDIA_TYPES, check_holds
from service.images.sizes import upscaled
from service.models.runtime import GraphTensor
from service.open_inference import messages
from service.open_inference.content_coding import inflated
from service.open_inference.messages import Message
from service.open_inference.tensors import split
from service.problems import (
    BodyTooLarge,
    BrokenImage,
    ImageSizeOutOfRange,
    MalformedRequest,
    Problem,
    UnsupportedImage,
)
from service.routes.upload import read_image
from tests.hostile.pictures import thumbnails

_MOST = 1 << 18  # pixels, or bytes of a body: so few that many are tried each second
_INPUTS = [
    GraphTensor("image", "tensor(uint8)", (None, None, None, 3)),
    GraphTensor("style", "tensor(float)", (None, 2)),
    GraphTensor("strength", "tensor(float)", (None,)),
]


@dataclass(frozen=True)
class Target:
    read: Callable[[bytes], object]
    refusals: tuple[type[Problem], ...]
    seeds: Callable[[], Iterator[bytes]]

    def attempt(self, data: bytes) -> int:
        """The status that the service would answer with."""
        try:
            self.read(data)
        except self.refusals as refusal:
            return refusal.status
        return 200


def _picture(data: bytes) -> None:
    """What was decoded keeps its size when it is encoded and decoded again."""
    picture = _decoded(data)
    format = list(MEDIA_TYPES)[sum(data) % len(MEDIA_TYPES)]
    again = _decoded(codec.encode(picture, format, 50))
    assert again.pixels.shape == picture.pixels.shape
    assert (again.alpha is None) or (picture.alpha is not None)


def _decoded(data: bytes) -> codec.Picture:
    with codec.open_image(data, _MOST) as image:
        check_holds("png", upscaled(image.size, 4, 16 * _MOST))
        return image.decode(image.size)


def _upload(data: bytes) -> None:
    """The file that a multipart body holds is a part of it."""

    async def receive() -> Received:
        return {"type": "http.request", "body": data, "more_body": False}

    headers = [(b"content-type", b"multipart/form-data; boundary=x")]
    request = Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)
    assert _without_waiting(read_image(request)) in data


def _without_waiting(reading: Coroutine[None, None, bytes]) -> bytes:
    """What it returns; an event loop for each input would take most of the time."""
    try:
        reading.send(None)
    except StopIteration as returned:
        content: bytes = returned.value
        return content
    raise RuntimeError("reading waits for something")


def _tensors(data: bytes) -> None:
    """The first two bytes are the header Inference-Header-Content-Length, or none if zero."""
    length = int.from_bytes(data[:2])
    _, tensors = messages.read(Message(data[2:], length or None))
    for inputs in split(tensors, _INPUTS):
        assert np.asarray(inputs["image"]).dtype == np.uint8
        assert 0 <= np.asarray(inputs["strength"]) <= 1
        assert np.isfinite(inputs["style"]).all()


def _inflated(data: bytes) -> None:
    assert len(inflated(data, "gzip" if len(data) % 2 else "deflate", _MOST)) <= _MOST


def _uploads() -> Iterator[bytes]:
    for kind, body in thumbnails().items():
        disposition = f'Content-Disposition: form-data; name="image"; filename="{kind}"'
        file = f"--x\r\n{disposition}\r\n\r\n".encode() + body[:500] + b"\r\n"
        yield file + b"--x--\r\n"
        yield b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n' + file + b"--x--\r\n"


def _requests() -> Iterator[bytes]:
    strength = {"name": "strength", "shape": [1, 1], "datatype": "FP32", "data": [0.5]}
    style = {"name": "style", "shape": [1, 2], "datatype": "FP32", "data": [-1.5, 2]}
    image = {"name": "image", "shape": [1, 2, 2, 3], "datatype": "UINT8"}
    inputs = [image | {"data": list(range(12))}, style, strength]
    yield bytes(2) + json.dumps({"id": "1", "inputs": inputs}).encode()
    inputs = [image | {"data": [[[[1, 2, 3]] * 2] * 2]}, style, strength]
    yield bytes(2) + json.dumps({"inputs": inputs, "outputs": [{"name": "output"}]}).encode()
    inputs = [image | {"parameters": {"binary_data_size": 12}}, style, strength]
    text = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    yield len(text).to_bytes(2) + text + bytes(range(12))


def _streams() -> Iterator[bytes]:
    for content in (b"", b"hello", bytes(_MOST), bytes(_MOST + 1)):
        yield gzip.compress(content)
        yield zlib.compress(content)


TARGETS: Mapping[str, Target] = {
    "pictures": Target(
        _picture,
        (UnsupportedImage, BrokenImage, ImageSizeOutOfRange),
        lambda: iter(thumbnails().values()),
    ),
    "multipart": Target(_upload, (MalformedRequest,), _uploads),
    "tensors": Target(_tensors, (MalformedRequest, BodyTooLarge), _requests),
    "codings": Target(_inflated, (MalformedRequest, BodyTooLarge), _streams),
}
