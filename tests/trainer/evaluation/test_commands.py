"""The command evaluate, of a Painter's style."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from tests.support import painters
from trainer import commands, recipe, weights_file
from trainer.__main__ import main
from trainer.pretrained import vgg_weights


@pytest.fixture
def recorded(
    tmp_path: Path,
    painting: Path,
    random_vgg: dict[str, Tensor],
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, Mapping[str, Any]]:
    """What was recorded, by recipe; a trained Painter lies in an empty folder."""
    written: dict[str, Mapping[str, Any]] = {}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(commands, "WEIGHTS", tmp_path / "weights")
    monkeypatch.setattr(vgg_weights, "load", lambda _: random_vgg)
    monkeypatch.setattr(recipe, "evaluation_of", lambda *_: {"one": {"photographs": 3}})
    monkeypatch.setattr(recipe, "record", written.__setitem__)
    weights_file.save(tmp_path / "weights" / "painter.safetensors", painters.model(painting))
    return written


def test_a_style_of_a_painter_is_compared_by_both_protocols_and_recorded_beside_the_others(
    recorded: dict[str, Mapping[str, Any]],
    photographs: tuple[Path, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    evaluate = ["evaluate", "--style", "painter/other", "--data", str(photographs[0].parent)]
    assert main([*evaluate, "--photographs", "1", "--size", "32", "--record"]) == 0
    *_, theirs, ours = capsys.readouterr().out.splitlines()
    assert theirs.endswith("iterations from noise, the authors' protocol")
    assert ours.endswith("iterations from the photograph, our protocol")
    evaluation = recorded["painter"]["evaluation"]
    assert evaluation["one"] == {"photographs": 3}
    assert set(evaluation["other"]) == {
        *("photographs", "size", "untouched", "network", "from_noise", "from_the_photograph"),
    }


def test_a_painter_is_evaluated_style_by_style(
    recorded: dict[str, Mapping[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "--style", "painter", "--data", "."]) == 2
    error = capsys.readouterr().err
    assert error == "trainer: painter has 2 styles; choose one: painter/PAINTING\n"
    assert recorded == {}
