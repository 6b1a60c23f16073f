"""OpenTelemetry traces: spans of a request and its stages.

FastAPI makes the server span itself, takes its parent from the W3C ``traceparent`` header, and
exports to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names; this adds the stages of an image
below it. Without that variable or without the extra ``tracing`` nothing is recorded, and the calls
here do nothing. Semantics of the variables:
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

import asyncio
import time
from collections.abc import Awaitable
from contextlib import AbstractContextManager
from importlib.metadata import version
from typing import TypeVar

from fastapi.telemetry import TelemetryConfig
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode, Tracer, format_trace_id
from starlette.datastructures import Headers
from starlette.types import Scope

from service.scheduling.scheduler import Completed

Result = TypeVar("Result")

_VERSION = version("perceptual")
_UNTRACED = ("/livez", "/readyz", "/metrics")  # asked for every few seconds, and of no request

TELEMETRY: TelemetryConfig = {
    "auto_configure": True,  # from the environment; off where that names no endpoint
    "metrics": False,  # Prometheus has them
    "logs": False,
    "operation_spans": False,
    "exclude": lambda scope: scope["path"] in _UNTRACED,
}
"""What FastAPI needs to know."""


def _tracer() -> Tracer:
    return trace.get_tracer("perceptual", _VERSION)


def trace_id(scope: Scope) -> str | None:
    """The trace that a request belongs to, whether it is recorded here or by others only."""
    span = trace.get_current_span()
    if not span.get_span_context().is_valid:
        span = trace.get_current_span(propagate.extract(Headers(scope=scope), Context()))
    context = span.get_span_context()
    return format_trace_id(context.trace_id) if context.is_valid else None


def describe(**attributes: str | int) -> None:
    """Set attributes on the span of the current request."""
    span = trace.get_current_span()
    span.set_attributes({f"perceptual.{name}": value for name, value in attributes.items()})


def stage(name: str) -> AbstractContextManager[Span]:
    """A span of what happens inside the context; an exception marks it as failed."""
    return _tracer().start_as_current_span(name)


async def on_device(work: Awaitable[Completed[Result]]) -> Completed[Result]:
    """Awaits the work in a span ``queue``, until its first batch starts, then one ``inference``.

    An image in tiles is in inference from its first batch to its last. Work without a result is in
    queue throughout, since it is not known whether it ran.
    """
    loop = asyncio.get_running_loop()
    began, offset = time.time_ns(), loop.time()
    queue = _tracer().start_span("queue", start_time=began)
    try:
        completed = await work
    except BaseException as error:
        queue.record_exception(error)
        queue.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
        queue.end()
        raise
    started = began + round(1e9 * (completed.started - offset))
    queue.end(started)
    inference = _tracer().start_span("inference", start_time=started)
    inference.set_attribute("perceptual.batch_size", completed.batch_size)
    inference.end()
    return completed
