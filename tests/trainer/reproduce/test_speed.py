"""Table 1."""

import itertools
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support import painters, small
from tests.support.tables import rows
from trainer import commands, weights_file
from trainer.__main__ import main
from trainer.export.graphs import to_onnx
from trainer.networks.painter import Painter
from trainer.networks.served_painter import ServedPainter
from trainer.reproduce import speed
from trainer.reproduce.speed import Timing

TIMING = Timing(size=256, network=0.5, exported=0.25, marks=[10.0, 12.0, 14.0])


def test_what_was_run_is_as_it_was_measured() -> None:
    assert [TIMING.seconds(n) for n in (1, 3)] == [10.0, 14.0]
    assert not TIMING.extrapolated(3)


def test_what_was_not_run_costs_what_iterations_cost_after_the_first() -> None:
    assert TIMING.seconds(103) == 14.0 + 100 * 2.0
    assert TIMING.extrapolated(103)


@pytest.fixture
def arguments(style: str, exported: small.Exported, photographs: tuple[Path, ...]) -> list[str]:
    return [
        *("reproduce", "speed", "--style", style, "--content", str(photographs[0])),
        *("--store", str(exported.folder.parent), "--out", "paper"),
    ]


def test_there_is_a_row_for_each_size_and_number_of_iterations(arguments: list[str]) -> None:
    assert main([*arguments, "--sizes", "32", "48", "--iterations", "1", "3"]) == 0
    found = rows(Path("paper/speed.csv"))
    expected = [("32", "1"), ("32", "3"), ("48", "1"), ("48", "3")]
    assert [(row["size"], row["iterations"]) for row in found] == expected
    assert all(float(row["optimised_s"]) > 0 for row in found)
    assert {row["extrapolated"] for row in found} == {"False"}


def test_what_the_budget_does_not_reach_is_extrapolated_and_marked(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = itertools.count()  # a second passes whenever the clock is looked at
    monkeypatch.setattr(speed, "time", SimpleNamespace(perf_counter=lambda: float(next(seconds))))
    options = ["--sizes", "32", "--iterations", "2", "100", "--seconds", "4"]
    assert main([*arguments, *options]) == 0
    found = rows(Path("paper/speed.csv"))
    assert [row["extrapolated"] for row in found] == ["False", "True"]
    assert [float(row["optimised_s"]) for row in found] == [2, 100]
    table = Path("paper/speed.md").read_text()
    assert "| 32x32 | 2 | 2.0 | 1.000 | 2 |" in table
    assert "| 32x32 | 100 | ≈ 100.0 | 1.000 | ≈ 100 |" in table
    assert "(4 at 32 pixels)" in table


def test_a_style_that_was_not_exported_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--store", "nowhere"]) == 2
    assert "nowhere holds no small; python -m trainer export" in capsys.readouterr().err


def test_a_style_of_a_painter_is_timed_by_the_network_that_all_share(
    arguments: list[str], painting: Path
) -> None:
    model = painters.model(painting)
    weights_file.save(commands.WEIGHTS / "painter.safetensors", model)
    assert isinstance(model.network, Painter)
    version = Path("store/painter/1")
    version.mkdir(parents=True)
    network = to_onnx(ServedPainter(model.network.body).eval(), {"title": "A small Painter"})
    (version / "model.onnx").write_bytes(network.SerializeToString())
    painted = ["--style", "painter/other", "--store", "store"]
    assert main([*arguments, *painted, "--sizes", "32", "--iterations", "1"]) == 0
    (row,) = rows(Path("paper/speed.csv"))
    assert float(row["exported_s"]) > 0
