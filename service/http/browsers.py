"""CORS and security response headers."""

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PAGES = ("/docs", "/redoc", "/docs/oauth2-redirect")  # load scripts and styles from elsewhere
_REQUEST_HEADERS = (
    *("Authorization", "X-API-Key", "X-Request-ID"),
    *("If-None-Match", "Prefer", "traceparent", "tracestate"),
)
_RESPONSE_HEADERS = (
    *("X-Model", "X-Model-Digest", "X-Execution-Provider", "X-Batch-Size", "X-Request-ID"),
    *("ETag", "Server-Timing", "Content-Disposition", "Preference-Applied", "Retry-After"),
)


def install(app: FastAPI, cors_origins: Sequence[str]) -> None:
    """Add security headers to every answer, and CORS for pages of ``cors_origins``."""
    app.add_middleware(SafeEmbedding, "cross-origin" if cors_origins else "same-origin")
    if cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=cors_origins,
            allow_methods=("GET", "POST"),
            allow_headers=_REQUEST_HEADERS,
            expose_headers=_RESPONSE_HEADERS,
        )


class SafeEmbedding:
    """Adds headers by which a browser neither sniffs, runs nor embeds an answer."""

    def __init__(self, app: ASGIApp, resource_policy: str) -> None:
        self.app = app
        self.resource_policy = resource_policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        page = scope["path"] in _PAGES
        # Opened as a document, an image or a JSON text runs nothing and loads nothing.
        policy = "frame-ancestors 'none'" if page else "default-src 'none'; sandbox"

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Content-Security-Policy", policy)  # routes/page.py has its own
                headers["Cross-Origin-Resource-Policy"] = self.resource_policy
            await send(message)

        await self.app(scope, receive, send_safely)
