"""A real browser without a window: the Chromium that is installed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

INSTALLED = shutil.which("chromium") or shutil.which("google-chrome")

_OPTIONS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)


@contextmanager
def started(*options: str) -> Iterator[Browser]:
    """With a fresh profile, which is gone afterwards."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=INSTALLED, args=[*_OPTIONS, *options])
        try:
            yield browser
        finally:
            browser.close()
