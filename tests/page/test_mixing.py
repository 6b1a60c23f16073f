"""A second style and stroke sizes, for the styles that have them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.painter_store import write_store
from tests.support.server import Server, serving
from tests.support.visits import Visit, give, painted


@pytest.fixture(scope="module")
def mixer(wave_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Of a Painter with three styles, one of them without stroke sizes, and a network of one."""
    store = write_store(tmp_path_factory.mktemp("mixer"))
    shutil.copytree(wave_store / "wave", store / "wave")
    with serving("--model-store", str(store)) as server:
        yield server


@pytest.fixture
def page(visit: Visit, mixer: Server) -> Page:
    """With the first style chosen."""
    opened = visit(mixer.url)
    expect(opened.get_by_role("radio", name="Dusk")).to_be_checked()
    return opened


def seconds(page: Page) -> list[str]:
    """What the style can be mixed with."""
    return page.get_by_label("Mixed with").locator("option").all_text_contents()


def test_a_mixture_is_painted_as_the_api_does(page: Page, mixer: Server, photo: Path) -> None:
    give(page, photo)
    painted(page)
    page.get_by_label("Mixed with").select_option("Meadow")
    share = page.get_by_role("slider", name="How much of it")
    share.press("ArrowLeft")
    expect(page.locator("#share-said")).to_have_text("45 %")
    expect(page.locator("#curl")).to_contain_text("/stylize/dusk?blend=meadow:0.45'")

    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "photo-dusk-meadow.png"
    url = f"{mixer.url}/stylize/dusk?blend=meadow:0.45"
    answer = httpx.post(url, files={"image": photo.read_bytes()})
    assert Path(download.value.path()).read_bytes() == answer.content


def test_strokes_are_sized_by_doublings_and_halvings(page: Page, photo: Path) -> None:
    give(page, photo)
    strokes = page.get_by_role("slider", name="Strokes")
    expect(page.locator("#stroke-said")).to_have_text("as painted")
    strokes.press("ArrowRight")
    expect(page.locator("#curl")).to_contain_text("/stylize/dusk?stroke=1.07'")
    strokes.press("End")
    expect(page.locator("#stroke-said")).to_have_text("2 times")
    expect(page.locator("#curl")).to_contain_text("/stylize/dusk?stroke=2'")
    strokes.press("Home")
    expect(page.locator("#curl")).to_contain_text("/stylize/dusk?stroke=0.5'")


def test_a_style_is_mixed_with_others_of_its_network_only(page: Page) -> None:
    assert seconds(page) == ["Nothing", "Meadow", "Negative"]


def test_how_much_is_asked_once_there_is_a_second_style(page: Page) -> None:
    share = page.get_by_role("slider", name="How much of it")
    expect(share).to_be_hidden()
    page.get_by_label("Mixed with").select_option("Meadow")
    expect(share).to_be_visible()


def test_a_network_of_one_style_offers_neither_and_is_asked_for_neither(
    page: Page, photo: Path
) -> None:
    page.get_by_label("Mixed with").select_option("Meadow")
    page.get_by_role("slider", name="Strokes").press("End")
    page.get_by_role("radio", name="Great Wave").check()
    expect(page.get_by_label("Mixed with")).to_be_hidden()
    expect(page.get_by_role("slider", name="Strokes")).to_be_hidden()
    give(page, photo)
    expect(page.locator("#curl")).to_contain_text("/stylize/wave'")


def test_a_style_of_one_stroke_size_has_no_slider_for_it(page: Page) -> None:
    page.get_by_role("radio", name="Negative").check()
    expect(page.get_by_role("slider", name="Strokes")).to_be_hidden()
    expect(page.get_by_label("Mixed with")).to_be_visible()


def test_the_second_style_stays_until_it_becomes_the_first(page: Page, photo: Path) -> None:
    page.get_by_label("Mixed with").select_option("Meadow")
    page.get_by_role("radio", name="Negative").check()
    expect(page.get_by_label("Mixed with")).to_have_value("meadow")
    page.get_by_role("radio", name="Meadow").check()
    expect(page.get_by_label("Mixed with")).to_have_value("")
    give(page, photo)
    expect(page.locator("#curl")).to_contain_text("/stylize/meadow'")
