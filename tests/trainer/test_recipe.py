"""Recipes: what is needed to train a model again."""

import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trainer import recipe
from trainer.errors import TrainerError
from trainer.recipe import StylizeRecipe

SHIPPED = recipe.FOLDER


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the recipes, to write in."""
    copy = tmp_path / "recipes"
    shutil.copytree(SHIPPED, copy)
    monkeypatch.setattr(recipe, "FOLDER", copy)
    return copy


def leaves(table: Any, *path: str | int) -> Iterator[tuple[str | int, ...]]:
    """The path of every value in nested tables."""
    if isinstance(table, dict):
        for key, value in table.items():
            yield from leaves(value, *path, key)
    elif isinstance(table, list):
        for index, value in enumerate(table):
            yield from leaves(value, *path, index)
    else:
        yield path


def with_other_value(document: dict[str, Any], path: tuple[str | int, ...]) -> dict[str, Any]:
    """The document with another valid value at ``path``."""
    others = {
        "architecture": "paper",
        "norm": "batch",
        "content_tap": "relu1_2",
        "style_taps": "relu1_2",
    }
    copy = StylizeRecipe.model_validate(document).model_dump(mode="json", exclude_none=True)
    *tables, last = path
    table: Any = copy
    for key in tables:
        table = table[key]
    name = next(key for key in reversed(path) if isinstance(key, str))
    value = table[last]
    if name in others:
        table[last] = others[name] if value != others[name] else "relu2_2"
    elif isinstance(value, str):
        table[last] = value + " "
    else:
        table[last] = value / 2 or 0.5 if isinstance(value, float) else value + 4
    return copy


def test_the_shipped_recipe_is_complete() -> None:
    assert "wave" in recipe.names()
    shipped = recipe.load("wave")
    assert shipped.style.file.is_file()
    assert shipped.schedule.steps == sum(stage.steps for stage in shipped.schedule.stages)
    assert shipped.licence
    assert shipped.data


def test_digest_changes_with_any_value() -> None:
    original = recipe.load("wave_pupil")
    document = original.model_dump(mode="json", exclude_none=True)
    changed = [
        StylizeRecipe.model_validate(with_other_value(document, path))
        for path in leaves(document)
        if path != ("kind",)  # it has one value only
    ]
    assert len(changed) > 20
    assert len({original.digest, *(other.digest for other in changed)}) == 1 + len(changed)


def test_digest_is_the_same_however_a_number_is_written(folder: Path) -> None:
    before = recipe.load("wave").digest
    file = folder / "wave.toml"
    written = file.read_text()
    assert "content_weight = 1e5" in written
    file.write_text(written.replace("content_weight = 1e5", "content_weight = 100_000"))
    assert recipe.load("wave").digest == before


def test_recorded_figures_are_no_part_of_the_digest(folder: Path) -> None:
    before = recipe.load("wave")
    recipe.record("wave", {"recipe_digest": before.digest, "evaluation": {"photographs": 2}})
    assert recipe.load("wave") == before
    assert recipe.load("wave").digest == before.digest


def test_recording_keeps_comments_and_other_tables_as_they_were_written(folder: Path) -> None:
    file = folder / "wave.toml"
    shipped, _, _ = file.read_text().partition("\n[measured")
    original = f"# why these weights: see the paper\n{shipped}\n"
    file.write_text(original)
    recipe.record("wave", {"evaluation": {"network": {"total": 1.5e5}, "photographs": 10}})

    assert file.read_text().startswith(original)
    measured = tomllib.loads(file.read_text())["measured"]
    assert measured == {"evaluation": {"network": {"total": 1.5e5}, "photographs": 10}}
    assert {path.name for path in folder.iterdir()} == {path.name for path in SHIPPED.iterdir()}


@pytest.mark.usefixtures("folder")
def test_recording_again_replaces_what_was_recorded() -> None:
    trained = recipe.load("wave")
    for photographs in (10, 20):
        recipe.record(
            "wave", {"recipe_digest": trained.digest, "evaluation": {"photographs": photographs}}
        )
    assert recipe.evaluation_of("wave", trained) == {"photographs": 20}


@pytest.mark.usefixtures("folder")
def test_an_evaluation_is_of_the_recipe_that_it_was_recorded_for() -> None:
    trained = recipe.load("wave")
    recipe.record("wave", {"recipe_digest": trained.digest, "evaluation": {"photographs": 10}})
    assert recipe.evaluation_of("wave", trained.with_steps(7)) is None
    assert recipe.evaluation_of("nighthawks", trained) is None


def test_an_unknown_recipe_is_refused_with_the_known_ones() -> None:
    with pytest.raises(TrainerError, match=r"no recipe 'nighthawks'; there are: .*wave"):
        recipe.load("nighthawks")


@pytest.mark.parametrize(
    ("line", "written", "key"),
    [
        ("width = 16", "wdith = 32", "network.wdith"),
        ("width = 16", 'width = "wide"', "network.width"),
        ("tv_weight = 1e4", "tv_weight = -1e4", "loss.tv_weight"),
        ("seed = 1", "seed = 1\nmomentum = 0.9", "schedule.momentum"),
        ("crop = 128", "crop = 130", "schedule.stages.0.crop"),
        ('content_tap = "relu2_2"', 'content_tap = "relu9_9"', "loss.content_tap"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_its_file(
    folder: Path, line: str, written: str, key: str
) -> None:
    file = folder / "wave.toml"
    assert line in file.read_text()
    file.write_text(file.read_text().replace(line, written))
    with pytest.raises(TrainerError) as refusal:
        recipe.load("wave")
    message = str(refusal.value)
    assert str(file) in message
    assert key in message


def test_a_file_that_is_not_toml_is_named_with_the_line(folder: Path) -> None:
    (folder / "broken.toml").write_text('title = "no end\n')
    with pytest.raises(TrainerError, match=r"broken\.toml: .*line 1"):
        recipe.load("broken")


def test_another_painting_is_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    changed = recipe.load("wave").with_style_image(Path("sunflowers.jpg"))
    assert changed.style.file == tmp_path / "sunflowers.jpg"
    assert changed.digest != recipe.load("wave").digest


def test_another_painting_is_learnt_from_the_losses_alone() -> None:
    shipped = recipe.load("wave_pupil")
    assert isinstance(shipped, StylizeRecipe)
    assert shipped.schedule.imitation(0) == 1

    changed = shipped.with_style_image(Path("sunflowers.jpg"))

    assert changed.teacher is None
    assert {changed.schedule.imitation(step) for step in range(changed.schedule.steps)} == {0}
