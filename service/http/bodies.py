"""Limits of reading request bodies: a timeout each, and memory for all together.

The timeout follows Apache's mod_reqtimeout: a body gets some seconds, and more as it arrives, so
that a large one over a slow line is not taken for an attack.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import ClientLeft, SlowBody, TooManyBodies

MIN_RATE = 16 << 10  # bytes a second: 128 kbit/s


class BodyReading:
    """Refuses bodies that arrive too slowly, and bounds the bytes that all hold in memory.

    A body gets ``seconds`` and one more for every MIN_RATE bytes of it. At most ``max_bytes`` are
    held at any moment, each body until its request is answered; a Content-Length does not count
    before its bytes arrive, since it costs a client nothing.
    """

    def __init__(self, app: ASGIApp, seconds: float, max_bytes: int) -> None:
        self.app = app
        self.seconds = seconds
        self.max_bytes = max_bytes
        self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        received, complete = 0, False
        deadline: float | None = None

        async def receive_in_time() -> Message:
            nonlocal received, complete, deadline
            if complete:  # what is waited for now is that the client leaves
                return await receive()
            if deadline is None:
                deadline = asyncio.get_running_loop().time() + self.seconds
            try:
                async with asyncio.timeout_at(deadline + received / MIN_RATE):
                    message = await receive()
            except TimeoutError:
                raise SlowBody(
                    f"Of the body {received:,} bytes came in time; it has {self.seconds:g} s, "
                    f"and one more for every {MIN_RATE:,} bytes."
                ) from None
            if message["type"] == "http.disconnect":
                raise ClientLeft("The client left before its body was whole.")
            complete = not message.get("more_body", False)
            size = len(message.get("body", b""))
            if self.held + size > self.max_bytes:
                raise TooManyBodies("Too many bodies are being read at once.", retry_after=1)
            received += size
            self.held += size
            return message

        try:
            await self.app(scope, receive_in_time, send)
        finally:
            self.held -= received
