"""The ways by which a photograph comes to the page."""

from base64 import b64encode
from pathlib import Path

from playwright.sync_api import JSHandle, Page, expect

from tests.support.visits import Visit, painted

_TRANSFER = """encoded => {
  const bytes = Uint8Array.from(atob(encoded), character => character.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], "photo.png", { type: "image/png" }));
  return transfer;
}"""


def transfer(page: Page, photo: Path) -> JSHandle:
    """What the browser gives with a drop or a paste of the file."""
    return page.evaluate_handle(_TRANSFER, b64encode(photo.read_bytes()).decode())


def paste(page: Page, data: JSHandle) -> None:
    event = "new ClipboardEvent('paste', {clipboardData: data, bubbles: true})"
    page.evaluate(f"data => document.body.dispatchEvent({event})", data)


def test_a_photograph_that_is_dropped_anywhere_is_painted(visit: Visit, photo: Path) -> None:
    page = visit()
    data = {"dataTransfer": transfer(page, photo)}
    page.dispatch_event("header", "dragenter", data)
    expect(page.locator("#drop-here")).to_be_visible()
    page.dispatch_event("header", "drop", data)
    expect(page.locator("#drop-here")).to_be_hidden()
    painted(page)


def test_a_drag_that_leaves_leaves_nothing(visit: Visit, photo: Path) -> None:
    page = visit()
    data = {"dataTransfer": transfer(page, photo)}
    page.dispatch_event("header", "dragenter", data)
    page.dispatch_event("main", "dragenter", data)
    page.dispatch_event("header", "dragleave", data)
    expect(page.locator("#drop-here")).to_be_visible()
    page.dispatch_event("main", "dragleave", data)
    expect(page.locator("#drop-here")).to_be_hidden()


def test_a_photograph_that_is_pasted_is_painted(visit: Visit, photo: Path) -> None:
    page = visit()
    paste(page, transfer(page, photo))
    painted(page)


def test_a_text_that_is_pasted_is_told_apart(visit: Visit) -> None:
    page = visit()
    paste(page, page.evaluate_handle("new DataTransfer()"))
    expect(page.get_by_role("alert")).to_contain_text("not a link to one or a text")


def test_the_same_file_can_be_chosen_again(visit: Visit, photo: Path) -> None:
    page = visit()
    for _ in range(2):
        with page.expect_file_chooser() as choosing:
            page.get_by_role("button", name="photograph").first.locator("visible=true").click()
        choosing.value.set_files(photo)
        painted(page)


def test_it_goes_without_a_pointer(visit: Visit) -> None:
    page = visit()
    for _ in range(3):  # the API's description, the button that opens the files, the sample
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    painted(page)
    page.locator("body").press("Tab")
    reached = "document.activeElement.id"
    for _ in range(20):
        if page.evaluate(reached) == "split":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    assert page.locator("#split").input_value() == "49"
