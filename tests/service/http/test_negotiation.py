"""Accept and Prefer headers."""

import pytest

from service.http.negotiation import accepted_format, wait_seconds
from service.problems import MalformedRequest


@pytest.mark.parametrize(
    ("accept", "format"),
    [
        (None, None),
        ("*/*", None),
        ("image/webp", "webp"),
        ("image/webp;q=0.4, image/jpeg;q=0.9", "jpeg"),
        ("IMAGE/PNG ; Q=0.5", "png"),
        ("image/avif,image/webp,image/*,*/*;q=0.8", None),
        ("image/avif, image/*;q=0.8", "avif"),
        ("image/jpeg;q=0", None),
        ("text/html, image/gif", None),
        ("image/png;q=high", None),
    ],
)
def test_the_heaviest_format_that_we_write_is_taken(accept: str | None, format: str | None) -> None:
    assert accepted_format(accept) == format


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (None, None),
        ("respond-async", None),
        ("wait=10", 10.0),
        ("respond-async, wait=2.5", 2.5),
        ('Wait="3"', 3.0),
        ("wait=0", 0.0),
    ],
)
def test_prefer_wait_is_in_seconds(prefer: str | None, seconds: float | None) -> None:
    assert wait_seconds(prefer) == seconds


@pytest.mark.parametrize("prefer", ["wait=", "wait=soon", "wait=-1", "wait=inf", "wait=nan"])
def test_a_wait_that_is_no_number_of_seconds_is_refused(prefer: str) -> None:
    with pytest.raises(MalformedRequest):
        wait_seconds(prefer)
