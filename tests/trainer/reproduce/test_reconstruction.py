"""Figures 3 and 4."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from tests.support.tables import rows
from trainer.__main__ import main
from trainer.evaluation.result_cache import ResultCache
from trainer.pretrained.vgg import VGG16
from trainer.reproduce import reconstruction
from trainer.reproduce.report import Report

LAYERS = {
    "content": ["relu2_2", "relu3_3", "relu4_3", "relu5_1", "relu5_3"],
    "style": ["relu1_2", "relu2_2", "relu3_3", "relu4_3"],
}


@pytest.mark.parametrize("name", LAYERS)
def test_each_layer_of_the_papers_figure_is_reconstructed(
    name: str, photographs: tuple[Path, ...]
) -> None:
    arguments = ["--image", str(photographs[0]), "--size", "32", "--iterations", "2"]
    assert main(["reproduce", name, *arguments, "--out", "paper"]) == 0
    assert [row["layer"] for row in rows(Path(f"paper/{name}.csv"))] == LAYERS[name]
    with Image.open(f"paper/{name}.png") as opened:
        original = np.asarray(opened)[:32, :32]
    assert original.std() > 10
    text = Path(f"paper/{name}.md").read_text()
    assert f"]({name}.png)" in text
    assert all(f"| {layer} |" in text for layer in LAYERS[name])


def test_layers_that_were_reconstructed_are_kept(
    photographs: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["reproduce", "style", "--image", str(photographs[0]), "--out", "paper"]
    arguments += ["--size", "32", "--iterations", "1"]
    assert main(arguments) == 0
    first = Path("paper/style.png").read_bytes()
    monkeypatch.delattr(reconstruction, "descend")
    assert main(arguments) == 0
    assert Path("paper/style.png").read_bytes() == first


def test_a_low_layer_knows_the_picture(
    tmp_path: Path, photographs: tuple[Path, ...], real_vgg: dict[str, Tensor]
) -> None:
    low = reconstruction.Reconstruction("content", ("relu1_2",), lambda x: x)
    report = Report(tmp_path, "low")
    reconstruction.run(low, VGG16(real_vgg), photographs[0], 48, 30, ResultCache(tmp_path), report)
    (row,) = rows(tmp_path / "low.csv")
    assert float(row["relative_error"]) < 0.05
    assert float(row["ssim"]) > 0.8
