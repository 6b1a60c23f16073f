"""The page in a real browser, before a real service."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect

from tests.page import chromium
from tests.service.conftest import encoded
from tests.service.test_server import Server, serving

Visit = Callable[..., Page]

expect.set_options(timeout=20_000)


@pytest.fixture(scope="package")
def server(model_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Of one style and the upscalers, which paints a quarter of what it does by default."""
    store = tmp_path_factory.mktemp("store")
    for folder in (model_store / "wave", *model_store.glob("upscale_*")):
        (store / folder.name).symlink_to(folder)
    options = ("--model-store", str(store), "--max-stylize-pixels", str(1 << 20))
    with serving(*options) as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if chromium.INSTALLED is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with chromium.started() as running:
        yield running


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Visit]:
    """Opens the page. What it may never do, on any visit, fails the test at its end."""
    complaints: list[str] = []
    with ExitStack() as visits:

        def open_page(url: str = server.url, **options: Any) -> Page:
            context = visits.enter_context(browser.new_context(**options))
            page = context.new_page()
            watch(page, url, complaints)
            page.goto(url)
            expect(page.locator("#label")).not_to_be_empty()
            return page

        yield open_page
    assert complaints == []


def watch(page: Page, url: str, complaints: list[str]) -> None:
    """Notes errors of scripts, breaches of the policy, missing files, requests to others."""

    def refused(text: str) -> bool:  # which the browser reports of our problems too
        return text.startswith("Failed to load resource")

    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type in ("error", "warning") and not refused(message.text)
            else None
        ),
    )
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((f"{url}/", "blob:", "data:"))
            else complaints.append(f"{request.url} is somewhere else")
        ),
    )
    page.on(
        "response",
        lambda answer: (
            complaints.append(f"{answer.url}: {answer.status}")
            if answer.status >= 400 and answer.request.method != "POST"
            else None
        ),
    )


def give(page: Page, file: Path | str) -> None:
    page.locator("#file").set_input_files(file)


def painted(page: Page) -> None:
    """Waits until the answer is on the screen."""
    expect(page.locator("#said")).to_contain_text("Painted in")


@pytest.fixture
def photo(tmp_path: Path, photograph: NDArray[np.uint8]) -> Path:
    """144 x 120 pixels."""
    file = tmp_path / "photo.png"
    file.write_bytes(encoded(photograph))
    return file
