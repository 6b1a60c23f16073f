"""Bodies that are framed wrongly, lie about their length, or trickle in."""

from collections.abc import Iterator

from tests.hostile.case import SILENCE, STYLIZE, UPSCALE, Case, head, upload
from tests.hostile.pictures import photographs

_BOUNDARY = "frontier"
_MULTIPART = f"multipart/form-data; boundary={_BOUNDARY}"
_END = f"--{_BOUNDARY}--\r\n".encode()
_MOST = 32 << 20  # max_body_bytes


def part(
    name: str, content: bytes, filename: str | None = "a.png", kind: str = "image/png"
) -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"\r\nContent-Type: {kind}'
    return f"--{_BOUNDARY}\r\n{disposition}\r\n\r\n".encode() + content + b"\r\n"


def multipart(name: str, parts: bytes, *statuses: int, end: bytes = _END) -> Case:
    return upload(name, lambda: parts + end, *statuses, content_type=_MULTIPART)


def multiparts() -> Iterator[Case]:
    good = photographs()["jpeg"]
    image, field = part("image", good), part("other", b"x", filename=None)
    yield multipart("without the field", part("photo", good), 400)
    yield multipart("with two fields", image + image, 400)
    yield multipart("no part at all", b"", 400)
    yield multipart("the field as text", part("image", b"x", filename=None), 400)
    yield multipart("an empty file", part("image", b""), 415)
    yield multipart("a file without a name", part("image", good, filename=""), 200, 400)
    yield multipart("10,000 files", part("image", b"x") * 10_000, 400)
    yield multipart("10,000 fields", field * 10_000, 400)
    yield multipart("10,000 fields after the image", image + field * 10_000, 400)
    yield multipart("a name of 1 MiB", part("i" * (1 << 20), good), 400)
    yield multipart("a field of 8 MiB", part("other", bytes(8 << 20), filename=None), 400)
    yield multipart("no last boundary", image, 400, end=b"")
    yield multipart("bytes after the last boundary", image, 200, 400, end=_END + bytes(1 << 20))
    yield multipart("1 MiB of line breaks before the first", b"\r\n" * (1 << 19) + image, 200, 400)
    yield multipart("near boundaries", part("image", b"\r\n--frontie" * (1 << 20)), 415)
    yield multipart("parts in parts", part("image", image + _END), 400, 415)
    headers = b"--frontier\r\n" + b"A: b\r\n" * 100_000 + b"\r\n"
    yield multipart("a part of 100,000 headers", headers, 400)
    yield multipart("a part without headers", b"--frontier\r\n\r\n" + good + b"\r\n", 400)
    yield multipart("an encoded word", part("=?utf-8?q?image?=", good), 400)
    for boundary in ("", "other", '"', "x" * 50_000, "=;=", "\u00fc"):
        body, content_type = image + _END, f"multipart/form-data; boundary={boundary}"
        name = f"boundary {boundary[:10]!r}"
        yield upload(name, lambda b=body: b, 400, content_type=content_type)
    for end in range(0, 200, 8):
        yield multipart(f"cut at {end} bytes", image[:end], 400, end=b"")


def lies() -> Iterator[Case]:
    """About a body's length."""
    good = photographs()["jpeg"]
    kind = "Content-Type: image/jpeg"

    def framed(name: str, *statuses: int, fields: tuple[str, ...], body: bytes = good) -> Case:
        request = head(STYLIZE, kind, *fields) + body
        ends = SILENCE in statuses  # else the service would wait for the rest
        return Case(name, STYLIZE, lambda: request, frozenset(statuses), hangs_up=ends)

    for length in (len(good) + 1, len(good) + 100_000, _MOST):
        yield framed(f"{length} bytes announced", SILENCE, fields=(f"Content-Length: {length}",))
    for length in (0, 1, 100, len(good) // 2):
        fields = (f"Content-Length: {length}",)
        yield framed(f"only {length} bytes announced", 415, 422, fields=fields)
    for length in (_MOST + 1, 10**12, 2**63 - 1):
        yield framed(f"{length} bytes announced", 413, fields=(f"Content-Length: {length}",))
    for length in ("-1", "x", "", "1.0", "0x10", "1e3", "+5", str(2**64), "9" * 4000, "5, 5"):
        fields = (f"Content-Length: {length}",)
        yield framed(f"a length of {length[:24]!r}", 400, fields=fields)
    both = ("Content-Length: 5", "Content-Length: 6")
    yield framed("two lengths", 400, fields=both)
    chunked = "Transfer-Encoding: chunked"
    yield framed("a length and chunks", 400, fields=("Content-Length: 5", chunked))
    yield framed("no length at all", 415, fields=())
    yield framed("an unknown coding", 400, 501, fields=("Transfer-Encoding: gzip",))
    sizes = (b"x", b"-1", b"", b"0x10", b"f" * 17, b"5;" + b"a" * 200_000)
    for size in sizes:
        body = size + b"\r\nhello\r\n0\r\n\r\n"
        yield framed(f"a chunk of {size[:20]!r}", 400, 415, 431, fields=(chunked,), body=body)
    yield framed("a chunk that is longer", 400, fields=(chunked,), body=b"2\r\nhello\r\n0\r\n\r\n")
    yield framed("chunks without end", SILENCE, fields=(chunked,), body=b"5\r\nhello\r\n")
    many = b"1\r\n\xff\r\n" * 200_000 + b"0\r\n\r\n"
    yield framed("200,000 chunks of a byte", 415, fields=(chunked,), body=many)
    endless = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
    yield framed("chunks past the limit", 413, fields=(chunked,), body=endless * 33)


def slow() -> Iterator[Case]:
    """The driver's server gives a body two seconds."""
    body = bytes(1000)
    framings = {
        "a body": ("Content-Type: image/jpeg", "Content-Length: 1000"),
        "a multipart body": (f"Content-Type: {_MULTIPART}", "Content-Length: 1000"),
        "chunks": ("Content-Type: image/jpeg", "Transfer-Encoding: chunked"),
    }
    for name, fields in framings.items():
        content = b"3e8\r\n" + body if name == "chunks" else part("image", body)
        for route in (STYLIZE, UPSCALE):
            request = head(route, *fields) + content
            yield Case(f"{name} to {route}", route, lambda r=request: r, frozenset({408}), 0.05)
