"""Middleware of every request: request ID, access log, metrics, and a limit on its body."""

import asyncio
import logging
import re
import time
import uuid
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http.problem_details import internal_error, response
from service.observability import tracing
from service.observability.logs import RequestContext, request_context
from service.observability.metrics import Metrics
from service.problems import BodyTooLarge, Draining, Problem

log = logging.getLogger("service.access")

_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")


class RequestLog:
    """Echoes the client's X-Request-ID, or makes one, and logs and counts the answer."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked = Headers(scope=scope).get("x-request-id", "")
        request_id = asked if _REQUEST_ID.fullmatch(asked) else str(uuid.uuid4())
        context = request_context.set(RequestContext(request_id, tracing.trace_id(scope)))
        started = time.perf_counter()
        status, answered = 500, False

        async def send_identified(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status, answered = message["status"], True
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        try:
            await self.app(scope, receive, send_identified)
        except asyncio.CancelledError:
            # Uvicorn cancels what did not finish within drain_seconds. It would answer 500; after
            # 503 a load balancer retries on another replica.
            if answered:
                raise
            out_of_time = Draining("The service shut down before the answer.", retry_after=1)
            await response(out_of_time)(scope, receive, send_identified)
        except Exception:
            log.exception("the request failed")
            if answered:
                raise
            await internal_error()(scope, receive, send_identified)
        finally:
            seconds = time.perf_counter() - started
            # The router puts the matched route here; an unmatched path must not become a label.
            route = getattr(scope.get("route"), "path", "unmatched")
            # Set once the catalog knows the model: nor must a name that a client made up.
            state = scope.get("state", {})
            model = state.get("model", "")
            self.metrics.requests.labels(route, model, status).inc()
            self.metrics.request_seconds.labels(route).observe(seconds)
            path = quote(scope["path"])  # decoded, it may hold a line break
            fields = {
                "method": scope["method"],
                "path": path,
                "route": route,
                "status": status,
                "duration_ms": round(1000 * seconds, 1),
                "model": model or None,
                "client": getattr(state.get("client"), "name", None),
            }
            line = "%s %s %d %.0f ms"
            log.info(line, scope["method"], path, status, 1000 * seconds, extra={"fields": fields})
            request_context.reset(context)


class BodyLimit:
    """Refuses a body as soon as it is known to be larger than ``max_bytes``."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        left = self.max_bytes

        async def receive_bounded() -> Message:
            nonlocal left
            if announced.isdecimal() and int(announced) > self.max_bytes:
                raise self.problem()
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise self.problem()
            return message

        await self.app(scope, receive_bounded, send)

    def problem(self) -> Problem:
        return BodyTooLarge(f"The body is larger than the limit of {self.max_bytes:,} bytes.")
