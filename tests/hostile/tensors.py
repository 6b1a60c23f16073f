"""Requests for inference that lie about their tensors."""

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any

from tests.hostile.case import INFER, Case, upload

_SHAPE = [1, 16, 16, 3]
_IMAGE = {"name": "image", "shape": _SHAPE, "datatype": "UINT8", "data": [7] * 768}
_NUMBERS = [
    {"name": name, "shape": [1, 1], "datatype": "FP32", "data": [1.0]}
    for name in ("strength", "preserve_color")
]


def tensors() -> Iterator[Case]:
    def sent(name: str, body: bytes, *statuses: int, fields: tuple[str, ...] = ()) -> Case:
        kind = "application/json"
        return upload(name, lambda: body, *statuses, route=INFER, content_type=kind, fields=fields)

    def asked(name: str, *statuses: int, **changes: Any) -> Case:
        return sent(name, json.dumps({"inputs": [_IMAGE | changes, *_NUMBERS]}).encode(), *statuses)

    good = json.dumps({"inputs": [_IMAGE, *_NUMBERS]}).encode()
    yield sent("good", good, 200)
    for end in range(0, len(good), 100):
        yield sent(f"cut at {end} bytes", good[:end], 400)
    for text in (b"null", b"[]", b"{}", b"1", b'""', b"NaN", b"\xff\xfe", b"{" * 9, b"\0" * 9):
        yield sent(f"{text!r}", text, 400)
    yield sent("a million brackets", b"[" * 1_000_000, 400)
    yield sent("a million objects", b'{"a":' * 1_000_000, 400)
    yield sent("a number of a million digits", b'{"inputs":' + b"9" * 1_000_000 + b"}", 400)
    yield sent("two equal keys", b'{"inputs":[],' + good[1:], 200, 400)
    yield sent("over 8 MiB", b" " * (9 << 20) + good, 413)
    for shape in ([], [0], [1], [1, 16, 16], [1, 16, 16, 4], [2, 16, 16, 3], [-1, 16, 16, 3]):
        yield asked(f"shape {shape}", 400, shape=shape)
    for shape in ([2**31] * 4, [2**63, 1, 1, 3], [0, 16, 16, 3], [1] * 9, [1e9, 1, 1, 3], ["1"]):
        yield asked(f"shape {shape}", 400, shape=shape)
    yield asked("a row of no pixels", 422, shape=[1, 0, 16, 3], data=[])
    for level in (-1, 256, 1e400, None, True, "7", [7], {"a": 7}, 2**70, 0.5):
        yield asked(f"a level of {level}", 400, data=[level] * 768)
    for datatype in ("FP32", "BYTES", "INT64", "", None, 5):
        yield asked(f"datatype {datatype}", 400, datatype=datatype)
    for size in (-1, 0, 767, 769, 2**63, 2**70, "768", None, True):
        parameters = {"binary_data_size": size}
        statuses = (200,) if size is None else (400,)
        yield asked(f"{size} bytes to follow", *statuses, parameters=parameters)
    yield asked("shared memory", 400, parameters={"shared_memory_region": "x"})
    yield sent("a hundred inputs", json.dumps({"inputs": [_IMAGE] * 100}).encode(), 400)
    for length in ("-1", "x", "", "0", "1", str(len(good) + 1), "9" * 18, "9" * 19, "1" * 4000):
        fields = (f"Inference-Header-Content-Length: {length}",)
        yield sent(f"a JSON length of {length[:20]!r}", good, 400, fields=fields)
    gzipped, deflated = ("Content-Encoding: gzip",), ("Content-Encoding: deflate",)
    yield sent("a bomb in gzip", gzip.compress(bytes(1 << 26)), 413, fields=gzipped)
    yield sent("a bomb in deflate", zlib.compress(bytes(1 << 26)), 413, fields=deflated)
    twice = gzip.compress(gzip.compress(bytes(1 << 26)))
    yield sent("a bomb in a bomb", twice, 400, fields=gzipped)
    yield sent("no gzip", good, 400, fields=gzipped)
    yield sent("half of a gzip", gzip.compress(good)[:-20], 400, fields=gzipped)
    yield sent("two gzips", gzip.compress(good) * 2, 400, fields=gzipped)
    yield sent("brotli", good, 415, fields=("Content-Encoding: br",))
    yield sent("gzip twice", good, 415, fields=("Content-Encoding: gzip, gzip",))
