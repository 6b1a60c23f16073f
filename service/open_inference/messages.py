"""Messages of the Open Inference Protocol v2: bytes to tensors and back, without HTTP.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
with Triton's binary tensor data extension:
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md

A message is a JSON object. A tensor's elements are either in it, as numbers, or follow it as
little-endian bytes, tensor after tensor; the length of the JSON object is then sent beside it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError
from pydantic_core import from_json, to_json

from service.problems import BodyTooLarge, MalformedRequest

EXTENSIONS = ["binary_tensor_data"]

Datatype = Literal["UINT8", "FP32"]
Tensor = NDArray[Any]

_DTYPES: Mapping[Datatype, np.dtype[Any]] = {"UINT8": np.dtype("u1"), "FP32": np.dtype("<f4")}
_DATATYPES = {dtype: datatype for datatype, dtype in _DTYPES.items()}

MAX_JSON_BYTES = 8 << 20
"""Largest JSON object, read or written. As Python's objects it takes up to 24 times its text."""
_JSON_VALUE_BYTES = 4  # a level of 255 with its comma


class _Message(BaseModel):
    model_config = ConfigDict(strict=True)


class _Parameters(BaseModel):
    # Others would ask for another answer (classes, shared memory), so are not passed over.
    model_config = ConfigDict(strict=True, extra="forbid")


class InputParameters(_Parameters):
    binary_data_size: NonNegativeInt | None = None
    """Bytes that follow the JSON object."""


class RequestInput(_Message):
    name: str
    shape: Annotated[list[NonNegativeInt], Field(max_length=8)]
    datatype: Datatype
    parameters: InputParameters = InputParameters()
    data: list[Any] | None = None
    """Row by row, nested or flat."""


class OutputParameters(_Parameters):
    binary_data: bool | None = None


class RequestOutput(_Message):
    name: str
    parameters: OutputParameters = OutputParameters()


class RequestParameters(_Message):
    binary_data_output: bool = False
    """For outputs that do not say themselves whether they are wanted as binary data."""


class InferRequest(_Message):
    id: str | None = None
    parameters: RequestParameters = RequestParameters()
    inputs: Annotated[list[RequestInput], Field(max_length=16)]
    outputs: Annotated[list[RequestOutput], Field(max_length=16)] = []
    """None are all."""

    def binary(self, output: str) -> bool:
        """Whether this output is wanted as binary data."""
        asked = (each.parameters.binary_data for each in self.outputs if each.name == output)
        said = next(asked, None)
        return self.parameters.binary_data_output if said is None else said


@dataclass(frozen=True)
class Message:
    """A request's or an answer's body."""

    body: bytes
    json_length: int | None
    """Bytes of the JSON object that the body begins with; None if there are no others."""


def read(message: Message) -> tuple[InferRequest, dict[str, Tensor]]:
    """The request and its input tensors by name; binary ones are views of the body.

    Raises MalformedRequest, or BodyTooLarge if the JSON object is over MAX_JSON_BYTES.
    """
    length = len(message.body) if message.json_length is None else message.json_length
    if length > len(message.body):
        raise MalformedRequest(
            f"The JSON object is said to have {length} bytes, the body has {len(message.body)}."
        )
    if length > MAX_JSON_BYTES:
        raise BodyTooLarge(
            f"The JSON object is larger than the limit of {MAX_JSON_BYTES:,} bytes; "
            "large tensors are sent as binary data."
        )
    request = _parsed(message.body[:length])
    binary = memoryview(message.body)[length:]
    tensors: dict[str, Tensor] = {}
    for each in request.inputs:
        if each.name in tensors:
            raise MalformedRequest(f"There are two inputs {each.name!r}.")
        size = each.parameters.binary_data_size
        if size is None:
            tensors[each.name] = _from_numbers(each)
        else:
            tensors[each.name] = _from_bytes(each, size, binary)
            binary = binary[size:]
    if binary:
        raise MalformedRequest(f"The body goes on for {len(binary)} bytes after its last tensor.")
    return request, tensors


def write(
    header: Mapping[str, Any], tensors: Mapping[str, Sequence[Tensor]], binary: Sequence[str]
) -> Message:
    """An answer with these outputs, in binary or else as numbers.

    An output is given as its rows, arrays of one shape that are stacked on the way. Raises
    BodyTooLarge if there were too many numbers.
    """
    described: list[dict[str, Any]] = []
    following: list[Tensor] = []
    for name, rows in tensors.items():
        shape = [len(rows), *rows[0].shape]
        output: dict[str, Any] = {
            "name": name,
            "datatype": _DATATYPES[rows[0].dtype],
            "shape": shape,
        }
        described.append(output)
        if name in binary:
            output["parameters"] = {"binary_data_size": sum(row.nbytes for row in rows)}
            following += rows
        else:
            check_fits_json(name, math.prod(shape))
            output["data"] = list(chain.from_iterable(row.ravel().tolist() for row in rows))
    text = to_json({**header, "outputs": described})
    if not binary:
        return Message(text, None)
    contents = (np.ascontiguousarray(row).data for row in following)
    return Message(b"".join([text, *contents]), len(text))


def check_fits_json(output: str, values: int) -> None:
    """Raises BodyTooLarge if an output of so many values is not answered as numbers."""
    most = MAX_JSON_BYTES // _JSON_VALUE_BYTES
    if values > most:
        raise BodyTooLarge(
            f"The output {output!r} has {values:,} values, of which at most {most:,} are answered "
            "as JSON; with binary_data it fits."
        )


def _parsed(text: bytes) -> InferRequest:
    try:
        return InferRequest.model_validate(from_json(text, allow_inf_nan=False))
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the request"
        raise MalformedRequest(f"{where}: {first['msg']}") from None
    except ValueError as error:
        raise MalformedRequest(f"The request is not JSON: {error}") from None


def _from_bytes(declared: RequestInput, size: int, binary: memoryview) -> Tensor:
    dtype = _DTYPES[declared.datatype]
    needed = math.prod(declared.shape) * dtype.itemsize
    if declared.data is not None:
        raise MalformedRequest(f"The input {declared.name!r} has both data and binary_data_size.")
    if size != needed:
        raise MalformedRequest(
            f"The input {declared.name!r} of {declared.datatype} {declared.shape} has "
            f"{needed} bytes; its binary_data_size is {size}."
        )
    if size > len(binary):
        raise MalformedRequest(
            f"The body ends after {len(binary)} of the {size} bytes of the input "
            f"{declared.name!r}; the header Inference-Header-Content-Length says where they begin."
        )
    return np.frombuffer(binary[:size], dtype).reshape(declared.shape)


def _from_numbers(declared: RequestInput) -> Tensor:
    if declared.data is None:
        raise MalformedRequest(f"The input {declared.name!r} has no data.")
    dtype = _DTYPES[declared.datatype]
    numbers = _flat(declared, declared.data)
    # Looked at before NumPy does: it would make one wide column of strings.
    if not set(map(type, numbers)) <= ({int} if dtype.kind == "u" else {int, float}):
        raise MalformedRequest(
            f"The data of the input {declared.name!r} are not all numbers of {declared.datatype}."
        )
    if dtype.kind == "u" and numbers and not 0 <= min(numbers) <= max(numbers) <= 255:
        raise MalformedRequest(f"The data of the input {declared.name!r} are not all in 0..255.")
    try:
        with np.errstate(over="ignore"):  # a number too large for FP32 is infinite
            return np.array(numbers, np.float64).astype(dtype).reshape(declared.shape)
    except OverflowError:
        raise MalformedRequest(
            f"The data of the input {declared.name!r} are not all numbers of FP32."
        ) from None


def _flat(declared: RequestInput, data: list[Any]) -> list[Any]:
    """The elements of an input, which are nested as its shape says or not at all."""
    mismatch = MalformedRequest(
        f"The data of the input {declared.name!r} do not have the shape {declared.shape}."
    )
    if data and isinstance(data[0], list):
        for length in declared.shape[1:]:
            if not all(type(row) is list and len(row) == length for row in data):
                raise mismatch
            data = list(chain.from_iterable(data))
    if len(data) != math.prod(declared.shape):
        raise mismatch
    return data
