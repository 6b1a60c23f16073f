"""The page's files over HTTP; what they do in a browser is tests/page's."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from service.app import create_app
from service.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(model_store: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Of an app whose models are not loaded: the page is there at once."""
    app = create_app(Settings(model_store=model_store))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as opened:
        yield opened


async def test_the_page_may_load_and_call_this_service_only(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert page.headers["x-content-type-options"] == "nosniff"


async def test_every_file_that_the_page_names_is_there(client: httpx.AsyncClient) -> None:
    waiting = {"/"}
    seen: dict[str, str] = {}
    while waiting:
        path = waiting.pop()
        answer = await client.get(path)
        assert answer.status_code == 200, path
        seen[path] = answer.headers["content-type"].partition(";")[0]
        if seen[path] == "image/jpeg":
            continue
        names = re.findall(r'"(?:\./|page/)([a-z-]+\.(?:css|js|svg|jpg))"', answer.text)
        waiting |= {f"/page/{name}" for name in names} - seen.keys()
    assert {"text/html", "text/css", "text/javascript", "image/svg+xml", "image/jpeg"} == {
        *seen.values()
    }


async def test_a_browser_that_has_a_file_is_told_so(client: httpx.AsyncClient) -> None:
    first = await client.get("/page/main.js")
    assert first.headers["cache-control"] == "no-cache"
    again = await client.get("/page/main.js", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""
    other = await client.get("/page/base.css", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


@pytest.mark.parametrize("path", ["/", "/page/main.js"])
async def test_head_answers_as_get_does(client: httpx.AsyncClient, path: str) -> None:
    head, get = await client.head(path), await client.get(path)
    assert head.status_code == 200
    for name in ("content-type", "content-length", "etag", "content-security-policy"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize("name", ["nothing.js", "../app.py", "%2e%2e%2fapp.py", "..%5capp.py", "."])
async def test_nothing_else_is_a_file_of_the_page(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.get(f"/page/{name}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
