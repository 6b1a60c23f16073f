"""Figure 5."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from torch import Tensor

from tests.support import painters, small
from tests.support.tables import rows
from trainer import commands, weights_file
from trainer.__main__ import main
from trainer.evaluation import gatys
from trainer.evaluation.gatys import FROM_PHOTOGRAPH, Protocol

Optimise = Callable[..., object]


@pytest.fixture
def arguments(style: str, photographs: tuple[Path, ...]) -> list[str]:
    return [
        *("reproduce", "objective", "--style", style, "--data", str(photographs[0].parent)),
        *("--photographs", "2", "--iterations", "3", "--out", "paper"),
    ]


@pytest.fixture
def optimised(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes that were optimised, one entry a photograph: by our protocol only."""
    sizes: list[int] = []
    optimize: Optimise = gatys.optimize

    def heard(loss: object, content: Tensor, n: int, protocol: Protocol, on: object) -> object:
        if protocol is FROM_PHOTOGRAPH:
            sizes.append(content.shape[-1])
        return optimize(loss, content, n, protocol, on)

    monkeypatch.setattr(gatys, "optimize", heard)
    return sizes


def test_every_iteration_is_recorded_beside_the_network(arguments: list[str]) -> None:
    assert main([*arguments, "--sizes", "32", "48"]) == 0
    found = rows(Path("paper/objective_small.csv"))
    ours = "optimised from the photograph"
    methods = [("photograph", ""), ("network", ""), *((ours, n) for n in "123")]
    assert [
        (row["size"], row["method"], row["iteration"])
        for row in found
        if row["method"] != "optimised from noise"
    ] == [(size, *method) for size in ("32", "48") for method in methods]
    for size in ("32", "48"):
        theirs = [row["method"] for row in found if row["size"] == size]
        assert theirs.count("optimised from noise") in (5, 15)
    assert {row["photographs"] for row in found} == {"2"}
    of_size = [row for row in found if row["size"] == "48"]
    untouched = float(of_size[0]["total"])
    optimised = [float(row["total"]) for row in of_size if row["method"] == ours]
    assert untouched > optimised[0] > optimised[1] > optimised[2]
    assert "| 48x48 |" in Path("paper/objective_small.md").read_text()
    with Image.open("paper/objective_small.png") as opened:
        assert opened.width > 2 * 300


def test_a_size_may_have_iterations_of_its_own(arguments: list[str]) -> None:
    assert main([*arguments, "--sizes", "32", "48", "--iterations", "11", "2"]) == 0
    found = rows(Path("paper/objective_small.csv"))
    ours = "optimised from the photograph"
    optimised = [row["size"] for row in found if row["method"] == ours]
    assert optimised == ["32"] * 11 + ["48"] * 2
    assert "not run" in Path("paper/objective_small.md").read_text()


def test_iterations_for_more_sizes_than_there_are_is_a_mistake(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--sizes", "32", "--iterations", "3", "2"]) == 2
    assert "--iterations" in capsys.readouterr().err


def test_what_was_optimised_is_kept_for_the_next_time(
    arguments: list[str], optimised: list[int]
) -> None:
    assert main([*arguments, "--sizes", "32"]) == 0
    first = Path("paper/objective_small.csv").read_bytes()
    assert main([*arguments, "--sizes", "32"]) == 0
    assert Path("paper/objective_small.csv").read_bytes() == first
    assert main([*arguments, "--sizes", "32", "48"]) == 0
    assert optimised == [32, 32, 48, 48]


def test_evaluating_the_style_keeps_and_takes_the_same(
    arguments: list[str],
    optimised: list[int],
    photographs: tuple[Path, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    same = ["--photographs", "1", "--iterations", "100"]
    assert main([*arguments, "--sizes", "32", *same]) == 0
    evaluate = ["evaluate", "--style", "small", "--data", str(photographs[0].parent)]
    assert main([*evaluate, "--photographs", "2", "--size", "32"]) == 0
    assert optimised == [32, 32]
    output = capsys.readouterr().out
    assert "optimised from the photograph, 100 iterations" in output
    assert "iterations from noise, the authors' protocol" in output


def test_a_network_trained_anew_is_compared_with_what_was_kept(
    arguments: list[str], optimised: list[int], painting: Path
) -> None:
    assert main([*arguments, "--sizes", "32"]) == 0
    before = rows(Path("paper/objective_small.csv"))
    anew = small.model(painting, small.lively(width=8, seed=1))
    weights_file.save(commands.WEIGHTS / "small.safetensors", anew)
    assert main([*arguments, "--sizes", "32"]) == 0
    after = rows(Path("paper/objective_small.csv"))
    assert optimised == [32, 32]
    changed = [row["method"] for row, was in zip(after, before, strict=True) if row != was]
    assert changed == ["network"]


def test_a_style_of_a_painter_is_compared_by_its_own_objective(
    arguments: list[str], painting: Path
) -> None:
    weights_file.save(commands.WEIGHTS / "painter.safetensors", painters.model(painting))
    assert main([*arguments, "--style", "painter/one", "--sizes", "32"]) == 0
    found = rows(Path("paper/objective_painter_one.csv"))
    untouched, network = (float(row["total"]) for row in found[:2])
    assert 0 < untouched < 100
    assert network != untouched
    assert "from noise" in Path("paper/objective_painter_one.md").read_text()


def test_an_upscaler_is_not_a_style(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    model = small.upscale_model(small.lively_upscaler())
    weights_file.save(commands.WEIGHTS / "upscaler.safetensors", model)
    assert main([*arguments, "--style", "upscaler"]) == 2
    assert "upscaler is not a style" in capsys.readouterr().err
