"""How the page looks: on a phone, at night, for those who do not see it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.support.server import Server, serving
from tests.support.visits import Visit, give, painted

PHONE = {
    "viewport": {"width": 375, "height": 812},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


@pytest.fixture(scope="module")
def gallery(model_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service of all styles and no upscaling."""
    store = tmp_path_factory.mktemp("gallery")
    for folder in model_store.iterdir():
        if not folder.name.startswith("upscale_"):
            (store / folder.name).symlink_to(folder)
    with serving("--model-store", str(store)) as server:
        yield server


def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled to sideways."""
    return bool(page.evaluate("document.scrollingElement.scrollWidth <= innerWidth"))


def faults(page: Page) -> list[str]:
    """What axe finds of the rules of WCAG 2.2, level AA."""
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    report = Axe().run(page, options={"runOnly": {"type": "tag", "values": tags}})
    return [
        f"{violation['id']}: {node['html']}"
        for violation in report.response["violations"]
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("width", [320, 375])
def test_a_phone_never_scrolls_sideways(
    visit: Visit, gallery: Server, photo: Path, width: int
) -> None:
    page = visit(gallery.url, **{**PHONE, "viewport": {"width": width, "height": 700}})
    assert fits(page)
    give(page, photo.rename(photo.with_name(f"{'long' * 40}.png")))
    painted(page)
    assert fits(page)
    photo.write_bytes(b"no image")
    give(page, photo)
    expect(page.get_by_role("alert")).to_be_visible()
    assert fits(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_and_use_it(visit: Visit, photo: Path, scheme: str) -> None:
    page = visit(color_scheme=scheme)
    assert faults(page) == []
    give(page, photo)
    painted(page)
    assert faults(page) == []
    page.get_by_role("radio", name="Enlarge").check()
    expect(page.locator("#said")).to_contain_text("Enlarged in")
    photo.write_bytes(b"no image")
    give(page, photo)
    expect(page.get_by_role("alert")).to_be_visible()
    assert faults(page) == []


def test_it_is_dark_where_the_visitor_wants_that(visit: Visit) -> None:
    wall = "getComputedStyle(document.documentElement).backgroundColor"
    light, dark = (visit(color_scheme=scheme).evaluate(wall) for scheme in ("light", "dark"))
    assert brightness(light) > 200
    assert brightness(dark) < 50


def brightness(color: str) -> float:
    levels = [int(level) for level in color.removeprefix("rgb(").removesuffix(")").split(",")]
    return sum(levels) / 3


def test_nothing_moves_where_the_visitor_does_not_want_that(visit: Visit) -> None:
    page = visit(reduced_motion="reduce")
    moving = page.evaluate(
        """[...document.querySelectorAll("*")].filter(element => {
            const style = getComputedStyle(element);
            return style.animationName !== "none" || parseFloat(style.transitionDuration) > 0;
        }).length"""
    )
    assert moving == 0


def test_every_style_is_offered_with_its_preview_and_label(
    visit: Visit, gallery: Server, photo: Path
) -> None:
    page = visit(gallery.url)
    assert page.get_by_role("group", name="Style").get_by_role("radio").count() == 6
    for preview in page.locator("#styles img").all():
        expect(preview).to_have_js_property("naturalWidth", 481)
    page.get_by_role("radio", name="The Starry Night").check()
    expect(page.locator("#label")).to_have_text("The Starry Nightafter Vincent van Gogh, 1889")
    give(page, photo)
    painted(page)
    expect(page.locator("#curl")).to_contain_text("/stylize/starry_night'")
