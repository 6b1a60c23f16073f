"""Every error the service can answer, drawn once, as RFC 9457 problem details.

Problem
├── MalformedRequest      400
├── Unauthorized          401  WWW-Authenticate
├── UnknownModel          404
├── SlowBody              408
├── BodyTooLarge          413
├── UnsupportedImage      415
├── UnsupportedCoding     415
├── BrokenImage           422
├── ImageSizeOutOfRange   422
├── QueueFull             429  Retry-After
├── DeadlineUnreachable   429  Retry-After
├── LimitExceeded         429  Retry-After
├── HeadTooLarge          431
├── ClientLeft            499  logged, nobody reads it
├── NotReady              503  Retry-After
│   └── Draining          503  Retry-After
├── OutOfMemory           503  Retry-After
├── TooManyBodies         503  Retry-After
├── TooManyConnections    503  Retry-After
└── DeadlinePassed        504
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"

SCHEMA = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "error": {"type": "string"},
        "max_side": {"type": "integer"},
    },
    "required": ["type", "title", "status", "detail", "error"],
}


class Problem(Exception):
    """``detail`` is one sentence for the person who sent the request."""

    status: ClassVar[int]
    title: ClassVar[str]
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(
        self, detail: str, *, retry_after: int | None = None, max_side: int | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after
        """Whole seconds after which trying again is worthwhile."""
        self.max_side = max_side
        """The largest value of that parameter with which the image would be taken."""

    @property
    def type(self) -> str:
        return "/problems/" + self.title.lower().replace(" ", "-")

    @property
    def reason(self) -> str:
        """For the metrics."""
        return self.title.lower().replace(" ", "_")


class MalformedRequest(Problem):
    status, title = 400, "Malformed request"


class Unauthorized(Problem):
    status, title = 401, "Unauthorized"
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": 'Bearer realm="perceptual"'}


class UnknownModel(Problem):
    status, title = 404, "Unknown model"


class SlowBody(Problem):
    status, title = 408, "Slow body"
    headers: ClassVar[Mapping[str, str]] = {"Connection": "close"}  # RFC 9110, section 15.5.9


class BodyTooLarge(Problem):
    status, title = 413, "Body too large"


class UnsupportedImage(Problem):
    status, title = 415, "Unsupported image"


class UnsupportedCoding(Problem):
    status, title = 415, "Unsupported content coding"


class BrokenImage(Problem):
    status, title = 422, "Broken image"


class ImageSizeOutOfRange(Problem):
    status, title = 422, "Image size out of range"


class QueueFull(Problem):
    status, title = 429, "Queue full"


class DeadlineUnreachable(Problem):
    status, title = 429, "Deadline unreachable"


class LimitExceeded(Problem):
    status, title = 429, "Limit exceeded"


class HeadTooLarge(Problem):
    status, title = 431, "Head too large"


class ClientLeft(Problem):
    status, title = 499, "Client left"


class NotReady(Problem):
    status, title = 503, "Not ready"


class Draining(NotReady):
    title = "Draining"


class OutOfMemory(Problem):
    status, title = 503, "Out of memory"


class TooManyBodies(Problem):
    status, title = 503, "Too many bodies"
    headers: ClassVar[Mapping[str, str]] = {"Connection": "close"}  # the rest is not wanted


class TooManyConnections(Problem):
    status, title = 503, "Too many connections"


class DeadlinePassed(Problem):
    status, title = 504, "Deadline passed"


def documented(*kinds: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses for these problems."""
    responses: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        same = responses.get(kind.status)
        description = f"{same['description']}, or {kind.title.lower()}" if same else kind.title
        content = {MEDIA_TYPE: {"schema": SCHEMA}}
        responses[kind.status] = {"description": description, "content": content}
    return responses


def install(app: FastAPI) -> None:
    """Make the app answer every error as application/problem+json."""

    async def answer_problem(_: Request, problem: Exception) -> Response:
        assert isinstance(problem, Problem)
        return response(problem)

    async def answer_invalid(_: Request, invalid: Exception) -> Response:
        assert isinstance(invalid, RequestValidationError)
        detail = "; ".join(
            f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in invalid.errors()
        )
        malformed = MalformedRequest(detail)
        return _response(malformed.status, malformed.title, detail, malformed.type)

    async def answer_http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        phrase = HTTPStatus(error.status_code).phrase
        return _response(error.status_code, phrase, error.detail, headers=error.headers)

    describe = app.openapi

    def describe_as_answered() -> dict[str, Any]:
        """Without the 422 that FastAPI adds to routes with parameters: they are answered 400."""
        described = describe()
        for route in described["paths"].values():
            for operation in route.values():
                invalid = operation["responses"].get("422")
                if invalid is not None and MEDIA_TYPE not in invalid["content"]:
                    del operation["responses"]["422"]
        for name in ("HTTPValidationError", "ValidationError"):
            described.get("components", {}).get("schemas", {}).pop(name, None)
        return described

    app.openapi = describe_as_answered  # type: ignore[method-assign]
    app.add_exception_handler(Problem, answer_problem)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(HTTPException, answer_http)


def response(problem: Problem) -> Response:
    return _response(
        problem.status,
        problem.title,
        problem.detail,
        problem.type,
        problem.retry_after,
        problem.headers,
        problem.max_side,
    )


def internal_error() -> Response:
    """The answer to an exception that nobody foresaw."""
    return _response(500, "Internal Server Error", "The service failed; its log says where.")


def _response(
    status: int,
    title: str,
    detail: str,
    type: str = "about:blank",
    retry_after: int | None = None,
    headers: Mapping[str, str] | None = None,
    max_side: int | None = None,
) -> Response:
    document: dict[str, str | int] = {
        "type": type,
        "title": title,
        "status": status,
        "detail": detail,
        "error": detail,  # where clients of the Open Inference Protocol look for it
    }
    if max_side is not None:
        document["max_side"] = max_side
    sent = dict(headers or {})
    if retry_after is not None:
        sent["Retry-After"] = str(retry_after)
    return JSONResponse(document, status, sent, media_type=MEDIA_TYPE)
