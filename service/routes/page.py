"""GET /: a page to try the models on. Its files are in service/page."""

import mimetypes
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from starlette.staticfiles import StaticFiles

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
_HEADERS = {
    "Cache-Control": "no-cache",  # revalidated each time: replicas may differ in version
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
}
_FILES = StaticFiles(packages=[("service", "page")])
mimetypes.add_type("text/javascript", ".js")  # Python 3.11 has application/javascript


@router.api_route("/", methods=["GET", "HEAD"])
async def page(request: Request) -> Response:
    """The page."""
    return await file(request, "index.html")


@router.api_route("/page/{name}", methods=["GET", "HEAD"])
async def file(request: Request, name: Annotated[str, Path()]) -> Response:
    """A script, style or picture of the page."""
    response = await _FILES.get_response(name, request.scope)
    response.headers.update(_HEADERS)
    return response
