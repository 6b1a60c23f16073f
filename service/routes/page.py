"""GET /: a page to try the models on. What it is made of lies in service/page."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request, Response

router = APIRouter(include_in_schema=False)

# Scripts, styles and requests are the page's own; pictures are also those that the visitor gave.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "jpg": "image/jpeg",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True)
class _File:
    body: bytes
    media_type: str

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:32]}"'


def _read() -> Mapping[str, _File]:
    """Every file of the page by its name, so that no part of a URL becomes a path."""
    files = {}
    for entry in resources.files("service").joinpath("page").iterdir():
        suffix = entry.name.rpartition(".")[2]
        if suffix in _MEDIA_TYPES:
            files[entry.name] = _File(entry.read_bytes(), _MEDIA_TYPES[suffix])
    return files


_FILES = _read()


@router.api_route("/", methods=["GET", "HEAD"])
async def page(request: Request) -> Response:
    """The page."""
    return _answer(request, _FILES["index.html"])


@router.api_route("/page/{name}", methods=["GET", "HEAD"])
async def file(request: Request, name: Annotated[str, Path()]) -> Response:
    """A script, style or picture of the page."""
    if name not in _FILES:
        raise HTTPException(404, f"The page has no file {name!r}.")
    return _answer(request, _FILES[name])


def _answer(request: Request, found: _File) -> Response:
    headers = {
        "Cache-Control": "no-cache",  # kept, but asked about: replicas may differ in version
        "Content-Security-Policy": _POLICY,
        "ETag": found.etag,
        "Referrer-Policy": "no-referrer",
    }
    if found.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(found.body, media_type=found.media_type, headers=headers)
