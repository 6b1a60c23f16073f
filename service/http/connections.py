"""Per-connection limits: count, header size, header and write timeouts.

Uvicorn limits neither the time that a request's headers or the rest of a refused body may take, nor
the size of headers and trailers, nor how slowly a client reads an answer. Its
``limit_concurrency`` keeps connections open for ever that never send headers, and once there are as
many it answers all others 503. So the limits are here, in the protocol.
"""

import asyncio
import socket
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.http.bodies import MIN_RATE
from service.http.problem_details import response
from service.problems import HeadTooLarge, MalformedRequest, Problem, TooManyConnections

MAX_HEAD_BYTES = 64 << 10
"""Largest request line with headers, or trailers; give or take one read from the socket."""

_MOST_IN_KERNEL = 64 << 10
# Unsent bytes that a socket takes. By default Linux takes megabytes, and more only once a third of
# them have left: over a slow line that looks as if nothing was moving.


def bounded(max_connections: int, seconds: float) -> type[HttpToolsProtocol]:
    """Uvicorn's protocol class with these limits."""

    class Limited(BoundedProtocol):
        pass

    Limited.max_connections, Limited.seconds = max_connections, seconds
    return Limited


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 for at most ``max_connections``, with timeouts on what the client has to do.

    A request's headers have ``seconds`` to arrive, from the connection or from the end of the
    answer before. So has the rest of a body that was answered early, and an answer to be read; that
    gets more time while it is read at MIN_RATE. In between the application has the request.
    """

    max_connections: ClassVar[int]
    seconds: ClassVar[float]

    _check: asyncio.TimerHandle | None = None
    _unsent = 0  # bytes, when last looked at
    _unparsed = 0  # bytes since the end of a head, of a piece of a body, or of a message

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _MOST_IN_KERNEL)
        if len(self.connections) > self.max_connections:
            self._refuse(TooManyConnections("Too many connections are open.", retry_after=1))
        else:
            self._allow_time()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unparsed += len(data)
        super().data_received(data)
        if self._unparsed > MAX_HEAD_BYTES and not self.transport.is_closing():
            if self.cycle is None or self.cycle.response_complete:
                self._refuse(HeadTooLarge(f"At most {MAX_HEAD_BYTES:,} bytes of headers are read."))
            else:  # trailers of a request that is being answered
                self.transport.abort()

    def on_headers_complete(self) -> None:
        self._unparsed = 0
        self._stop_clock()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unparsed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unparsed = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete:  # else the next one has begun
            self._allow_time()

    def send_400_response(self, msg: str) -> None:
        self._refuse(MalformedRequest("What was sent is not a request of HTTP/1.1."))

    def _allow_time(self) -> None:
        self._stop_clock()
        self._unsent = self.transport.get_write_buffer_size()
        self._check = self.loop.call_later(self.seconds, self._abort_if_idle)

    def _stop_clock(self) -> None:
        if self._check is not None:
            self._check.cancel()

    def _abort_if_idle(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        if unsent and self._unsent - unsent >= self.seconds * MIN_RATE:
            self._allow_time()
        else:
            self.transport.abort()

    def _refuse(self, problem: Problem) -> None:
        self.logger.warning("a connection was refused: %s", problem.detail)
        answer = response(problem)
        head = [f"HTTP/1.1 {answer.status_code} {problem.title}".encode(), b"Connection: close"]
        head += [name + b": " + value for name, value in answer.raw_headers]
        self.transport.write(b"\r\n".join([*head, b"", bytes(answer.body)]))
        self.transport.close()
