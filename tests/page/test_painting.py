"""From a photograph to a painting that can be kept."""

import shutil
import subprocess
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, expect

from tests.support.pictures import encoded
from tests.support.server import Server
from tests.support.visits import Visit, give, painted


def downloaded(page: Page) -> Path:
    """The file, under the name that the page gives it."""
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    path = Path(download.value.path())
    return path.rename(path.parent / download.value.suggested_filename)


def posted(page: Page) -> list[str]:
    """Paths and queries of what the page posts from here on."""
    paths: list[str] = []
    page.on(
        "request",
        lambda request: (
            paths.append(request.url.split("/", 3)[3]) if request.method == "POST" else None
        ),
    )
    return paths


def test_a_photograph_that_is_chosen_is_painted(visit: Visit, photo: Path) -> None:
    page = visit()
    give(page, photo)
    painted(page)
    size = page.locator("#after").evaluate("image => [image.naturalWidth, image.naturalHeight]")
    assert size == [144, 120]
    expect(page.locator("#details")).to_contain_text("144 × 120 pixels. Queue")


def test_the_sample_is_painted_too(visit: Visit) -> None:
    page = visit()
    page.get_by_role("button", name="Try this portrait").click()
    painted(page)
    expect(page.locator("#after")).to_be_visible()


def test_what_is_downloaded_is_what_the_api_answers(
    visit: Visit, server: Server, photo: Path
) -> None:
    page = visit()
    give(page, photo)
    painted(page)
    file = downloaded(page)
    answer = httpx.post(f"{server.url}/stylize/wave", files={"image": photo.read_bytes()})
    assert file.name == "photo-wave.png"
    assert file.read_bytes() == answer.content


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_command_gives_the_same_bytes_in_a_shell(
    visit: Visit, photo: Path, tmp_path: Path
) -> None:
    awkward = photo.rename(tmp_path / 'it\'s a "photo"; 2,5 $HOME.png')
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    give(page, awkward)
    page.get_by_role("slider", name="Strength").press("ArrowLeft")
    page.get_by_role("switch", name="Keep the photograph’s colours").check()
    expect(page.locator("#curl")).to_contain_text("strength=0.95&preserve_color=true")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    command = page.evaluate("navigator.clipboard.readText()")
    kept = downloaded(page)

    subprocess.run(["sh", "-c", f"{command} --silent"], cwd=tmp_path, check=True)

    assert (tmp_path / 'it\'s a "photo"; 2,5 $HOME-wave.png').read_bytes() == kept.read_bytes()


def test_changes_that_follow_each_other_are_asked_for_once(visit: Visit, photo: Path) -> None:
    page = visit()
    give(page, photo)
    painted(page)
    asked = posted(page)
    strength = page.get_by_role("slider", name="Strength")
    for _ in range(4):
        strength.press("ArrowLeft")
    expect(page.locator("#curl")).to_contain_text("strength=0.8'")
    assert asked == ["stylize/wave?strength=0.8"]


def test_a_change_takes_the_request_before_out_of_the_service(
    visit: Visit, server: Server, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    left = r'perceptual_requests_total\{model="wave",route="/stylize/\{style\}",status="499"\}'
    before = server.metric(left)
    (tmp_path / "large.jpg").write_bytes(encoded(np.tile(astronaut, (2, 2, 1)), "jpeg"))
    page = visit()
    give(page, tmp_path / "large.jpg")
    expect(page.locator("#said")).to_contain_text("The service has it")
    page.get_by_role("slider", name="Strength").press("ArrowLeft")
    server.until(lambda: server.metric(left) == before + 1)
    expect(page.locator("#curl")).to_contain_text("strength=0.95")


def test_a_large_photograph_is_painted_smaller_and_the_page_says_so(
    visit: Visit, tmp_path: Path
) -> None:
    Image.new("RGB", (1600, 100), "teal").save(tmp_path / "wide.png")
    page = visit()
    give(page, tmp_path / "wide.png")
    painted(page)
    expect(page.locator("#details")).to_contain_text("1080 × 68 pixels, from 1600 × 100")
    expect(page.locator("#curl")).to_contain_text("max_side=1080")


def test_what_is_more_than_the_service_paints_is_asked_for_as_it_says(
    visit: Visit, tmp_path: Path
) -> None:
    Image.new("RGB", (1100, 1000), "teal").save(tmp_path / "large.png")
    page = visit()
    page.get_by_label("Longer side").select_option("As it is")
    asked = posted(page)
    give(page, tmp_path / "large.png")
    expect(page.locator("#curl")).to_contain_text("max_side=")
    assert asked == ["stylize/wave", "stylize/wave?max_side=1073"]


def test_transparency_shows_over_a_checkerboard_and_is_kept(visit: Visit, tmp_path: Path) -> None:
    Image.new("RGBA", (64, 64), (200, 80, 40, 0)).save(tmp_path / "clear.png")
    page = visit()
    give(page, tmp_path / "clear.png")
    painted(page)
    assert "conic-gradient" in page.locator("#frame").evaluate(
        "frame => getComputedStyle(frame).backgroundImage"
    )
    assert Image.open(downloaded(page)).getpixel((32, 32))[3] == 0


def test_a_format_that_the_browser_cannot_show_is_painted_without_comparison(
    visit: Visit, photo: Path, tmp_path: Path
) -> None:
    Image.open(photo).save(tmp_path / "scan.tiff")
    page = visit()
    give(page, tmp_path / "scan.tiff")
    painted(page)
    expect(page.locator("#after")).to_be_visible()
    expect(page.locator("#split")).to_be_hidden()
    assert downloaded(page).name == "scan-wave.png"


@pytest.mark.parametrize(("factor", "size"), [(4, "128 × 96"), (8, "256 × 192")])
def test_a_small_picture_is_enlarged(
    visit: Visit, photo: Path, tmp_path: Path, factor: int, size: str
) -> None:
    Image.open(photo).resize((32, 24)).save(tmp_path / "small.png")
    page = visit()
    page.get_by_role("radio", name="Enlarge").check()
    page.get_by_role("radio", name=f"{factor} times").check()
    page.get_by_role("radio", name="Faithful").check()
    give(page, tmp_path / "small.png")
    expect(page.locator("#said")).to_contain_text("Enlarged in")
    expect(page.locator("#growth")).to_have_text(f"32 × 24 becomes {size} pixels.")
    expect(page.locator("#details")).to_contain_text(f"{size} pixels")
    expect(page.locator("#curl")).to_contain_text(f"upscale?factor={factor}&model=pixel")
    assert downloaded(page).name == f"small-x{factor}.png"


def test_a_large_picture_is_enlarged_only_when_the_visitor_says_so(
    visit: Visit, server: Server, tmp_path: Path
) -> None:
    Image.new("RGB", (4000, 3000)).save(tmp_path / "large.png")
    page = visit()
    page.get_by_role("radio", name="Enlarge").check()
    asked = posted(page)
    give(page, tmp_path / "large.png")
    button = page.get_by_role("button", name="Enlarge to 16000 × 12000")
    expect(button).to_be_visible()
    assert asked == []

    button.click()
    expect(page.get_by_role("alert")).to_contain_text("An image of 2364x1774 fits.")
