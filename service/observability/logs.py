"""Log lines: text for people or one JSON object a line, with the IDs of their request."""

import json
import logging
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

Format = Literal["text", "json"]


@dataclass(frozen=True)
class RequestContext:
    """The request that is being answered."""

    request_id: str
    trace_id: str | None
    """Of its W3C trace context, 32 hex digits."""


request_context: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)
"""Set while a request is answered; every line that is logged meanwhile gets its IDs."""


def configure(level: str, format: Format) -> None:
    """Send all logs of this process to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if format == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler])


class TextFormatter(logging.Formatter):
    """2026-01-31 12:00:00,000 INFO service.access: POST /upscale 200 31 ms [request-id trace-id]"""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        line = super().formatMessage(record)
        request = request_context.get()
        if request is None:
            return line
        return f"{line} [{' '.join(filter(None, (request.request_id, request.trace_id)))}]"


class JsonFormatter(logging.Formatter):
    """One object a line; a record's ``fields`` attribute (``extra``) becomes fields of its own."""

    def format(self, record: logging.LogRecord) -> str:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        request = request_context.get()
        if request is not None:
            line |= {"request_id": request.request_id, "trace_id": request.trace_id}
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({name: value for name, value in line.items() if value is not None})
