"""Reading a Painter and its styles from the model store."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from service.models import catalog
from service.models.catalog import BrokenStore
from service.problems import UnknownModel
from tests.support.painter_store import STYLES, write_painter, write_style
from tests.support.upscalers import write_upscaler


@pytest.fixture
def store(painter_store: Path, tmp_path: Path) -> Path:
    """A copy, to change."""
    return Path(shutil.copytree(painter_store, tmp_path / "store"))


@pytest.fixture
def version(store: Path) -> Path:
    return store / "painter" / "1"


def test_the_styles_of_a_painter_are_its_model_s(store: Path) -> None:
    read = catalog.read(store)
    assert read.styles.keys() == STYLES.keys()
    assert {style.model for style in read.styles.values()} == {read.get("painter")}


def test_a_style_has_its_rows_card_and_preview(version: Path, store: Path) -> None:
    style = catalog.read(store).style("dusk")
    assert style.rows is not None
    assert np.array_equal(style.rows.array, np.array(STYLES["dusk"], np.float32))
    assert style.card.title == "Dusk"
    assert style.preview == version / "styles" / "dusk" / "preview.jpg"


def test_a_style_is_described_by_its_card_its_network_and_what_can_be_asked_of_it(
    store: Path,
) -> None:
    described = catalog.read(store).style("dusk").described()
    assert (described["name"], described["model"]) == ("dusk", "painter")
    assert described["kind"] == "stylize"
    assert (described["blends"], described["strokes"]) == (True, [0.5, 2.0])
    assert described["painter"] == "Nobody"


def test_a_card_cannot_say_otherwise_than_the_store(version: Path, store: Path) -> None:
    card = version / "styles" / "dusk" / "card.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "strokes": [256, 384, 640]}))
    assert catalog.read(store).style("dusk").described()["strokes"] == [0.5, 2.0]


def test_a_network_of_one_style_is_that_style_and_neither_blends_nor_has_strokes(
    wave_store: Path,
) -> None:
    read = catalog.read(wave_store)
    assert (read.style("wave").model, read.style("wave").rows) == (read.get("wave"), None)
    described = read.style("wave").described()
    assert (described["model"], described["blends"], described["strokes"]) == (
        "wave",
        False,
        [1, 1],
    )


def test_styles_and_upscalers_are_listed_and_the_painter_is_not(store: Path) -> None:
    write_upscaler(store / "upscale_x4_pixel", 4, "pixel", seed=0)
    assert list(catalog.read(store).listed) == [*STYLES, "upscale_x4_pixel"]


def test_a_painter_without_styles_lists_nothing(tmp_path: Path) -> None:
    write_painter(tmp_path / "painter")
    read = catalog.read(tmp_path)
    assert not read.listed
    assert list(read.models) == ["painter"]


@pytest.mark.parametrize("name", ["painter", "vawe"])
def test_an_unknown_style_is_named_with_those_there_are(store: Path, name: str) -> None:
    with pytest.raises(UnknownModel, match=f"no style '{name}'; there are: dusk, meadow, negative"):
        catalog.read(store).style(name)


def test_a_folder_with_a_dot_is_no_style(version: Path, store: Path) -> None:
    (version / "styles" / ".new").mkdir()
    assert catalog.read(store).styles.keys() == STYLES.keys()


def test_a_style_without_a_preview_has_none(version: Path, store: Path) -> None:
    (version / "styles" / "dusk" / "preview.jpg").unlink()
    assert catalog.read(store).style("dusk").preview is None


def forget_the_rows(style: Path) -> None:
    (style / "rows.npz").unlink()


def forget_the_card(style: Path) -> None:
    (style / "card.json").unlink()


def write_an_even_number_of_rows(style: Path) -> None:
    np.savez(style / "rows.npz", rows=np.zeros((2, 6), np.float32))


def write_what_is_no_number(style: Path) -> None:
    np.savez(style / "rows.npz", rows=np.full((1, 6), np.nan, np.float32))


def pickle_the_rows(style: Path) -> None:
    np.savez(style / "rows.npz", rows=np.array([[None]], object))


def cut_the_rows_short(style: Path) -> None:
    file = style / "rows.npz"
    file.write_bytes(file.read_bytes()[:100])


def break_the_card(style: Path) -> None:
    (style / "card.json").write_text("{")


def call_it_an_upscaler(style: Path) -> None:
    card = {"kind": "upscale", "title": "", "licence": "", "created": ""}
    (style / "card.json").write_text(json.dumps(card))


@pytest.mark.parametrize(
    ("spoil", "file"),
    [
        (forget_the_rows, "rows.npz"),
        (write_an_even_number_of_rows, "rows.npz"),
        (write_what_is_no_number, "rows.npz"),
        (pickle_the_rows, "rows.npz"),
        (cut_the_rows_short, "rows.npz"),
        (forget_the_card, "card.json"),
        (break_the_card, "card.json"),
        (call_it_an_upscaler, "card.json"),
    ],
)
def test_a_style_that_is_not_whole_is_refused_naming_the_file(
    version: Path, store: Path, spoil: Callable[[Path], None], file: str
) -> None:
    spoil(version / "styles" / "meadow")
    with pytest.raises(BrokenStore, match=f"styles/meadow/{file}"):
        catalog.read(store)


def test_a_style_with_the_name_of_a_network_of_its_own_is_refused(
    version: Path, store: Path, wave_store: Path
) -> None:
    shutil.copytree(wave_store / "wave", store / "wave")
    write_style(version, "wave", STYLES["dusk"])
    with pytest.raises(BrokenStore, match=r"painter/1.*'wave'"):
        catalog.read(store)


def test_a_style_with_the_name_of_another_painter_s_is_refused(store: Path) -> None:
    other = write_painter(store / "other")
    write_style(other, "dusk", STYLES["meadow"])
    with pytest.raises(BrokenStore, match="'dusk'"):
        catalog.read(store)
