"""Visits to the page in a browser."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

Visit = Callable[..., Page]
"""Opens the page."""


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
