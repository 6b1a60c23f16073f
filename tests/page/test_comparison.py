"""Before and after in one frame."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.support.visits import Visit, give, painted

RED = (220, 30, 20)


@pytest.fixture
def compared(visit: Visit, tmp_path: Path) -> Page:
    """A photograph that is red all over, and a painting of it, which is not."""
    Image.new("RGB", (96, 64), RED).save(tmp_path / "red.png")
    page = visit()
    give(page, tmp_path / "red.png")
    painted(page)
    return page


def sides(page: Page) -> tuple[str, str]:
    """What is seen in the left and in the right half of the frame."""
    screen = np.asarray(Image.open(BytesIO(page.locator("#frame").screenshot())).convert("RGB"))
    height, width = screen.shape[:2]
    seen = (screen[height // 4, width // 4], screen[height // 4, 3 * width // 4])
    return tuple("photograph" if tuple(pixel) == RED else "painting" for pixel in seen)


def test_half_is_photograph_and_half_is_painting(compared: Page) -> None:
    assert sides(compared) == ("photograph", "painting")


@pytest.mark.parametrize(
    ("key", "seen", "said"),
    [
        ("End", ("photograph", "photograph"), "photograph 100 %, result 0 %"),
        ("Home", ("painting", "painting"), "photograph 0 %, result 100 %"),
        ("ArrowRight", ("photograph", "painting"), "photograph 51 %, result 49 %"),
    ],
)
def test_the_line_between_is_moved_with_keys(
    compared: Page, key: str, seen: tuple[str, str], said: str
) -> None:
    slider = compared.get_by_role("slider", name="Compare")
    slider.press(key)
    expect(slider).to_have_attribute("aria-valuetext", said)
    assert sides(compared) == seen


def test_the_line_between_is_moved_from_anywhere_with_a_pointer(compared: Page) -> None:
    box = compared.locator("#frame").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    compared.mouse.move(box["x"] + 0.1 * box["width"], middle)
    compared.mouse.down()
    compared.mouse.move(box["x"] + 0.9 * box["width"], middle, steps=4)
    compared.mouse.up()
    assert sides(compared) == ("photograph", "photograph")


def test_it_stays_where_it_was_when_a_setting_changes(compared: Page) -> None:
    compared.get_by_role("slider", name="Compare").press("End")
    compared.get_by_role("switch", name="Keep the photograph’s colours").check()
    expect(compared.locator("#curl")).to_contain_text("preserve_color=true")
    assert compared.locator("#split").input_value() == "100"
