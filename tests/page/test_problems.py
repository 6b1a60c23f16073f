"""What goes wrong is said in words, and what passes by itself is waited for."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.support.server import Server, serving
from tests.support.visits import Visit, give, painted

KEY = "a key of the test"
A_MINUTE = 20  # requests: one in three seconds


@pytest.fixture(scope="module")
def closed(wave_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service that asks for a key, which may be used so often."""
    keys = tmp_path_factory.mktemp("keys") / "keys.toml"
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    keys.write_text(
        f'[[key]]\nname = "test"\nsha256 = "{digest}"\nrequests_per_minute = {A_MINUTE}\n'
    )
    keys.chmod(0o600)
    with serving("--api-keys", str(keys), "--model-store", str(wave_store)) as server:
        yield server


def test_what_is_not_an_image_is_refused_in_the_words_of_the_service(
    visit: Visit, tmp_path: Path, photo: Path
) -> None:
    (tmp_path / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    page = visit()
    give(page, tmp_path / "photo.heic")
    problem = page.get_by_role("alert")
    expect(problem).to_contain_text("Unsupported image")
    expect(problem).to_contain_text("Send a JPEG, PNG, WebP, AVIF, GIF, TIFF or BMP image.")
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()

    give(page, photo)  # and the next one is painted
    painted(page)
    expect(problem).to_be_hidden()


def test_a_body_over_the_limit_is_refused_with_the_limit(visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "huge.jpg").write_bytes(bytes(33 << 20))
    page = visit()
    give(page, tmp_path / "huge.jpg")
    expect(page.get_by_role("alert")).to_contain_text("larger than the limit of 33,554,432 bytes")


def test_a_service_that_is_gone_is_said_to_be_and_asked_again_on_request(
    visit: Visit, photo: Path
) -> None:
    page = visit()
    page.context.set_offline(True)
    give(page, photo)
    expect(page.get_by_role("alert")).to_contain_text("No answer")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    painted(page)


def test_a_key_is_asked_for_and_kept_in_the_page_only(
    visit: Visit, closed: Server, photo: Path
) -> None:
    page = visit(closed.url)
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    give(page, photo)
    dialog = page.get_by_role("dialog", name="This service asks for an API key")
    field = dialog.get_by_label("API key", exact=True)
    field.fill("another key")
    field.press("Enter")
    expect(dialog).to_contain_text("This API key is not known.")
    field.fill(KEY)
    dialog.get_by_role("button", name="Continue").click()
    painted(page)
    expect(dialog).to_be_hidden()

    expect(page.locator("#curl")).to_contain_text('-H "Authorization: Bearer $KEY"')
    assert KEY not in page.content()
    kept = page.evaluate("({...localStorage, ...sessionStorage, ...{cookie: document.cookie}})")
    assert kept == {"cookie": ""}
    assert not [address for address in addresses if "key" in address]


def test_without_a_key_the_problem_stays(visit: Visit, closed: Server, photo: Path) -> None:
    page = visit(closed.url)
    give(page, photo)
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert")).to_contain_text("Send an API key")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


def test_a_refusal_for_now_is_waited_for_and_asked_again(
    visit: Visit, closed: Server, photo: Path
) -> None:
    page = visit(closed.url)
    give(page, photo)
    page.get_by_role("dialog").get_by_label("API key", exact=True).fill(KEY)
    use_up(closed)
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("Trying again by itself")
    expect(page.locator("#count")).to_have_text(" in 1 s")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    painted(page)


def test_waiting_ends_when_the_visitor_says_so(visit: Visit, closed: Server, photo: Path) -> None:
    page = visit(closed.url)
    give(page, photo)
    page.get_by_role("dialog").get_by_label("API key", exact=True).fill(KEY)
    use_up(closed)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#said")).to_have_text("Stopped.")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


def use_up(server: Server) -> None:
    """What the key may do this minute."""
    with httpx.Client(headers={"X-API-Key": KEY}) as client:
        while client.post(f"{server.url}/stylize/none").status_code != 429:
            pass
