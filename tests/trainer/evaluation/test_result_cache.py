"""Results that survive a kill."""

from pathlib import Path

import numpy as np
import pytest

from trainer.errors import TrainerError
from trainer.evaluation.result_cache import Kept, digest


def test_what_is_kept_is_not_measured_again(tmp_path: Path) -> None:
    measured: list[str] = []

    def measure() -> list[float]:
        measured.append("once")
        return [0.1, 2.0]

    results = [Kept(tmp_path).numbers("losses", {"size": 256}, measure) for _ in range(2)]
    assert results == [[0.1, 2.0]] * 2
    assert measured == ["once"]


def test_what_depends_on_something_else_is_measured_anew(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.numbers("losses", {"weight": 1.0}, lambda: "first")
    assert kept.numbers("losses", {"weight": 2.0}, lambda: "other") == "other"
    assert kept.numbers("losses", {"weight": 1.0}, lambda: "never") == "first"


def test_a_picture_is_kept_to_the_bit(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    kept = Kept(tmp_path)
    made = kept.picture("noise", [], lambda: noise)
    again = kept.picture("noise", [], lambda: np.zeros_like(noise))
    assert np.array_equal(made, noise)
    assert np.array_equal(again, noise)


def test_what_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Kept(tmp_path / "kept").numbers("losses", [], fail)
    assert not (tmp_path / "kept").exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match=r"lost\.jpg: No such file"):
        digest(tmp_path / "lost.jpg")
