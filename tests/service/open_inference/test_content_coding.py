"""Compressed request bodies."""

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.open_inference.content_coding import inflated
from service.problems import BodyTooLarge, MalformedRequest, UnsupportedCoding

ENCODERS = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}


@given(body=st.binary(), coding=st.sampled_from([*ENCODERS]), limit=st.integers(0, 100))
def test_a_body_is_inflated_if_it_is_within_the_limit(body: bytes, coding: str, limit: int) -> None:
    compressed = ENCODERS[coding](body)
    if len(body) <= limit:
        assert inflated(compressed, coding, limit) == body
    else:
        with pytest.raises(BodyTooLarge):
            inflated(compressed, coding, limit)


@pytest.mark.parametrize("coding", ["", "identity", " Identity "])
def test_a_body_without_coding_stays_as_it_is(coding: str) -> None:
    assert inflated(b"body", coding, 100) == b"body"


def test_a_coding_may_be_spelled_in_capitals() -> None:
    assert inflated(gzip.compress(b"body"), "GZIP", 100) == b"body"


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "identity, gzip"])
def test_another_coding_is_named_with_those_there_are(coding: str) -> None:
    with pytest.raises(UnsupportedCoding, match="neither gzip nor deflate"):
        inflated(b"", coding, 100)


@given(body=st.binary(), coding=st.sampled_from([*ENCODERS]))
def test_bytes_in_no_coding_are_malformed(body: bytes, coding: str) -> None:
    with pytest.raises(MalformedRequest):
        inflated(body, coding, 10**6)


@given(cut=st.integers(1, 20))
def test_a_truncated_stream_is_malformed(cut: int) -> None:
    with pytest.raises(MalformedRequest):
        inflated(gzip.compress(b"body" * 10)[:-cut], "gzip", 100)


def test_a_stream_with_something_after_it_is_malformed() -> None:
    with pytest.raises(MalformedRequest, match="one whole gzip stream"):
        inflated(gzip.compress(b"body") + b"more", "gzip", 100)


def test_a_bomb_takes_no_more_memory_than_the_limit() -> None:
    bomb, limit = gzip.compress(bytes(50 << 20)), 1 << 20
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge):
            inflated(bomb, "gzip", limit)
        assert tracemalloc.get_traced_memory()[1] < 4 * limit
    finally:
        tracemalloc.stop()
