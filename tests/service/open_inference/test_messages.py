"""Messages of the Open Inference Protocol, with NVIDIA's client at the other end."""

import json
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from service.open_inference.messages import MAX_JSON_BYTES, Message, read, write
from service.problems import BodyTooLarge, MalformedRequest

Array = NDArray[np.generic]

DATATYPES = {"uint8": "UINT8", "float32": "FP32"}

SHAPES = arrays.array_shapes(min_dims=1, max_dims=5, min_side=0, max_side=5)
TENSORS = st.one_of(
    arrays.arrays(np.uint8, SHAPES),
    arrays.arrays(np.float32, SHAPES, elements=st.floats(width=32, allow_nan=False)),
)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def declared(**changed: Any) -> dict[str, Any]:
    return {"name": "image", "datatype": "UINT8", "shape": [2, 2], "data": [1, 2, 3, 4], **changed}


def message(*inputs: Any, after: bytes = b"") -> Message:
    text = json.dumps({"inputs": inputs}).encode()
    return Message(text + after, len(text))


def binary(size: Any, **changed: Any) -> dict[str, Any]:
    return declared(data=None, parameters={"binary_data_size": size}, **changed)


@given(tensors=st.dictionaries(NAMES, st.tuples(TENSORS, st.booleans()), min_size=1, max_size=4))
def test_any_tensors_that_the_client_writes_are_read(
    tensors: dict[str, tuple[Array, bool]],
) -> None:
    inputs = []
    for name, (array, as_binary) in tensors.items():
        described = triton.InferInput(name, list(array.shape), DATATYPES[array.dtype.name])
        # Numbers of JSON are finite.
        finite = bool(np.isfinite(array).all())
        inputs.append(described.set_data_from_numpy(array, as_binary or not finite))
    body, length = triton.InferenceServerClient.generate_request_body(inputs)

    _, received = read(Message(body, length))
    assert received.keys() == tensors.keys()
    for name, (array, _) in tensors.items():
        assert received[name].dtype == array.dtype
        assert np.array_equal(received[name], array)


@given(
    rows=st.integers(1, 3).flatmap(
        lambda count: arrays.arrays(np.uint8, SHAPES.map(lambda shape: (count, *shape)))
    ),
    as_binary=st.booleans(),
)
def test_any_output_that_is_written_the_client_reads(rows: Array, as_binary: bool) -> None:
    written = write({"model_name": "wave"}, {"output": list(rows)}, ["output"] * as_binary)
    result = triton.InferenceServerClient.parse_response_body(
        written.body, header_length=written.json_length
    )
    assert np.array_equal(result.as_numpy("output"), rows)


@given(body=st.binary(), length=st.none() | st.integers(0, 100))
def test_a_body_of_any_bytes_is_malformed(body: bytes, length: int | None) -> None:
    with pytest.raises(MalformedRequest):
        read(Message(body, length))


@given(
    field=st.sampled_from(["name", "datatype", "shape", "data", "parameters"]),
    value=JSON,
    after=st.binary(max_size=8),
)
def test_whatever_a_field_is_the_input_is_read_or_malformed(
    field: str, value: object, after: bytes
) -> None:
    sent = message(declared(**{field: value}), after=after)
    with suppress(MalformedRequest):  # and nothing else
        _, received = read(sent)
        for tensor in received.values():
            assert tensor.dtype in (np.uint8, np.float32)


@given(request=JSON)
def test_any_json_in_place_of_a_request_is_malformed(request: object) -> None:
    with pytest.raises(MalformedRequest):
        read(Message(json.dumps(request).encode(), None))


@pytest.mark.parametrize("data", [[1, 2, 3, 4], [[1, 2], [3, 4]]])
def test_data_are_flat_or_nested(data: object) -> None:
    _, tensors = read(message(declared(data=data)))
    assert tensors["image"].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (Message(b"", None), "not JSON"),
        (Message(b"[" * 10_000, None), "not JSON"),
        (Message(b"{}", None), "inputs"),
        (Message(b'{"inputs": []}', 99), "said to have 99 bytes, the body has 14"),
        (message(declared(datatype="BYTES")), "inputs.0.datatype"),
        (message(declared(shape=[2, -2])), "inputs.0.shape.1"),
        (message(declared(shape=[2, 2.5])), "inputs.0.shape.1"),
        (message(declared(shape=[2, 3])), "do not have the shape [2, 3]"),
        (message(declared(shape=[2**62] * 8)), "do not have the shape"),
        (message(declared(data=[[1, 2], [3]])), "do not have the shape [2, 2]"),
        (message(declared(data=[[1, 2], 3, 4])), "do not have the shape [2, 2]"),
        (message(declared(data=[[[1], [2]], [[3], [4]]])), "not all numbers of UINT8"),
        (message(declared(data=[1, 2, 3, 256])), "not all in 0..255"),
        (message(declared(data=[1, 2, 3, -1])), "not all in 0..255"),
        (message(declared(data=[1, 2, 3, 10**40])), "not all in 0..255"),
        (message(declared(data=[1, 2, 3, 4.5])), "not all numbers of UINT8"),
        (message(declared(data=[1, 2, 3, True])), "not all numbers of UINT8"),
        (message(declared(data=[1, 2, 3, "4"])), "not all numbers of UINT8"),
        (message(declared(datatype="FP32", data=[1, 2, 3, 10**400])), "not all numbers of FP32"),
        (message(declared(data=None)), "has no data"),
        (message(declared(), declared()), "two inputs 'image'"),
        (message(declared(), after=b"12"), "goes on for 2 bytes"),
        (message(binary(4), after=b"123"), "ends after 3 of the 4 bytes"),
        (message(binary(4)), "Inference-Header-Content-Length"),
        (message(binary(3), after=b"123"), "has 4 bytes; its binary_data_size is 3"),
        (message(binary(-4)), "binary_data_size"),
        (message({**binary(4), "data": [1]}, after=b"1234"), "both data and binary_data_size"),
        (message(binary(2**62, shape=[2**62]), after=b"1"), "ends after 1 of"),
        (message(declared(parameters={"shared_memory_region": "r"})), "shared_memory_region"),
    ],
)
def test_what_is_wrong_with_a_message_is_said(sent: Message, said: str) -> None:
    with pytest.raises(MalformedRequest) as raised:
        read(sent)
    assert said in raised.value.detail


def test_a_number_too_large_for_fp32_is_infinite() -> None:
    _, tensors = read(message(declared(datatype="FP32", shape=[1], data=[1e300])))
    assert np.isinf(tensors["image"]).all()


def test_a_json_object_over_the_limit_is_too_large_before_it_is_parsed() -> None:
    with pytest.raises(BodyTooLarge, match="binary data"):
        read(Message(b"[" * (MAX_JSON_BYTES + 1), None))


def test_an_output_of_too_many_numbers_is_too_large_for_json_but_not_for_binary() -> None:
    rows = [np.zeros(MAX_JSON_BYTES // 4 + 1, np.uint8)]
    with pytest.raises(BodyTooLarge, match="with binary_data it fits"):
        write({}, {"output": rows}, [])
    assert len(write({}, {"output": rows}, ["output"]).body) > len(rows[0])
