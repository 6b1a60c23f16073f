"""Figures and pictures in files, and in a page."""

from pathlib import Path

from PIL import Image

from trainer.reproduce.report import Report, table

PAGE = """\
# A page

<!-- speed -->
old
<!-- end of speed -->

Between.

<!-- sizes -->
<!-- end of sizes -->
"""


def test_a_table_aligns_figures_to_the_right() -> None:
    assert table(["size", "seconds"], [["256", "0.1"]]).splitlines() == [
        "| size | seconds |",
        "| --- | ---: |",
        "| 256 | 0.1 |",
    ]


def test_repeating_an_experiment_refreshes_its_place_in_the_page(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(PAGE)
    for text in ("first", "second"):
        Report(tmp_path, "speed").markdown(text, "and more")
    assert (tmp_path / "speed.md").read_text() == "second\n\nand more\n"
    assert page.read_text() == PAGE.replace("old", "\nsecond\n\nand more\n")


def test_a_page_without_a_place_stays_as_it_is(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(PAGE)
    Report(tmp_path, "objective").markdown("text")
    assert page.read_text() == PAGE


def test_a_picture_is_shown_by_its_name(tmp_path: Path) -> None:
    shown = Report(tmp_path / "new", "sizes").picture(Image.new("RGB", (3, 2)), "Two sizes")
    assert shown == "![Two sizes](sizes.png)"
    with Image.open(tmp_path / "new" / "sizes.png") as opened:
        assert opened.size == (3, 2)
