"""The page in a real browser, before a real service."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect

from tests.support import chromium
from tests.support.pictures import encoded
from tests.support.server import Server, serving
from tests.support.visits import Visit, watch

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


@pytest.fixture
def photo(tmp_path: Path, photograph: NDArray[np.uint8]) -> Path:
    """144 x 120 pixels."""
    file = tmp_path / "photo.png"
    file.write_bytes(encoded(photograph))
    return file
