"""Errors as application/problem+json responses (RFC 9457), and their OpenAPI documentation."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from service.problems import (
    MalformedRequest,
    Problem,
    SlowBody,
    TooManyBodies,
    Unauthorized,
)

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

_HEADERS: Mapping[type[Problem], Mapping[str, str]] = {
    Unauthorized: {"WWW-Authenticate": 'Bearer realm="perceptual"'},
    SlowBody: {"Connection": "close"},  # RFC 9110, section 15.5.9
    TooManyBodies: {"Connection": "close"},  # what is left of the body is not read
}


def documented(*problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses for these problems."""
    responses: dict[int | str, dict[str, Any]] = {}
    for problem in problems:
        same = responses.get(problem.status)
        description = (
            f"{same['description']}, or {problem.title.lower()}" if same else problem.title
        )
        content = {MEDIA_TYPE: {"schema": SCHEMA}}
        responses[problem.status] = {"description": description, "content": content}
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
        _HEADERS.get(type(problem)),
        problem.max_side,
    )


def internal_error() -> Response:
    """The answer to an unforeseen exception."""
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
