"""python -m tests.page.screenshot: docs/page.jpg, the page as the README shows it."""

import tempfile
from pathlib import Path

import skimage.data
from PIL import Image

from tests.support import chromium
from tests.support.checkout import ROOT
from tests.support.server import serving
from tests.support.visits import give, painted

ADDRESS = "http://perceptual.example"
SIZE = {"width": 1280, "height": 900}


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        serving() as server,
        chromium.started(f"--host-resolver-rules=MAP * 127.0.0.1:{server.port}") as browser,
    ):
        photo = Path(folder) / "astronaut.jpg"  # of NASA, in the public domain
        Image.fromarray(skimage.data.astronaut()).save(photo, quality=95)
        page = browser.new_page(viewport=SIZE)
        page.goto(ADDRESS)
        page.get_by_role("radio", name="The Starry Night").check()
        give(page, photo)
        painted(page)
        page.screenshot(path=ROOT / "docs" / "page.jpg", type="jpeg", quality=85)


if __name__ == "__main__":
    main()
