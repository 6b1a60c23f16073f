"""Decompression of request bodies (RFC 9110, section 8.4.1), up to a limit."""

import zlib
from collections.abc import Mapping

from service.problems import BodyTooLarge, MalformedRequest, UnsupportedCoding

_WINDOW_BITS: Mapping[str, int] = {
    "gzip": zlib.MAX_WBITS + 16,
    "x-gzip": zlib.MAX_WBITS + 16,  # RFC 9110, section 8.4.1.3: the same
    "deflate": zlib.MAX_WBITS,  # zlib's format, despite the name
}


def inflated(body: bytes, coding: str, max_bytes: int) -> bytes:
    """The decompressed body of a request with ``Content-Encoding: coding``; empty is none.

    Raises UnsupportedCoding, MalformedRequest, or BodyTooLarge as soon as it is larger than
    ``max_bytes``.
    """
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return body
    if coding not in _WINDOW_BITS:
        raise UnsupportedCoding(f"Content-Encoding {coding} is neither gzip nor deflate.")
    stream = zlib.decompressobj(_WINDOW_BITS[coding])
    try:
        content = stream.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise MalformedRequest(f"The body is not in {coding}: {error}.") from None
    if len(content) > max_bytes:
        raise BodyTooLarge(f"Inflated, the body is larger than the limit of {max_bytes:,} bytes.")
    if not stream.eof or stream.unused_data:
        raise MalformedRequest(f"The body is not one whole {coding} stream.")
    return content
