"""One hostile request: what is sent, and what may come back."""

from collections.abc import Callable
from dataclasses import dataclass

STYLIZE = "/stylize/{style}"
UPSCALE = "/upscale"
INFER = "/v2/models/{name}/infer"

_PATHS = {
    # Whatever decodes is shrunk, so that the network takes no part of the time.
    STYLIZE: "/stylize/wave?max_side=64&format=jpeg",
    UPSCALE: "/upscale?factor=4&format=jpeg",
    INFER: "/v2/models/wave/infer",
}

SILENCE = 0
"""In place of a status: the connection ends without an answer."""


@dataclass(frozen=True)
class Case:
    name: str
    route: str
    """As the OpenAPI description names it."""
    request: Callable[[], bytes]
    """All bytes of it; made when they are sent, as some are large."""
    statuses: frozenset[int]
    """Of the answers that are right."""
    seconds_a_byte: float = 0.0
    """Above 0, what follows the head is sent as slowly as that."""
    hangs_up: bool = False
    """Whether the client ends its side of the connection after the last byte."""


def upload(
    name: str,
    body: Callable[[], bytes],
    *statuses: int,
    route: str = STYLIZE,
    content_type: str = "image/jpeg",
    fields: tuple[str, ...] = (),
) -> Case:
    """A well-formed request with this body."""

    def request() -> bytes:
        content = body()
        return head(route, f"Content-Type: {content_type}", *fields, length=len(content)) + content

    return Case(name, route, request, frozenset(statuses))


def head(route: str, *fields: str, length: int | None = None) -> bytes:
    if length is not None:
        fields = (*fields, f"Content-Length: {length}")
    lines = [f"POST {_PATHS[route]} HTTP/1.1", "Host: x", "Connection: close", *fields]
    return "\r\n".join([*lines, "", ""]).encode()
