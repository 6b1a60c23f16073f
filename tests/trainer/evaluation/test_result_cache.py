"""Results that survive a kill."""

from pathlib import Path

import numpy as np
import pytest

from trainer.errors import TrainerError
from trainer.evaluation.result_cache import ResultCache, digest, key_of


def test_what_was_put_is_found_by_another_cache_of_the_folder(tmp_path: Path) -> None:
    key = key_of("losses", {"size": 256})
    assert ResultCache(tmp_path).get(key) is None
    ResultCache(tmp_path).put(key, [0.1, 2.0])
    assert ResultCache(tmp_path).get(key) == [0.1, 2.0]


def test_what_depends_on_something_else_is_another_result(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path)
    cache.put(key_of("losses", {"weight": 1.0}), "first")
    assert cache.get(key_of("losses", {"weight": 2.0})) is None
    cache.put(key_of("losses", {"weight": 2.0}), "other")
    assert cache.get(key_of("losses", {"weight": 2.0})) == "other"
    assert cache.get(key_of("losses", {"weight": 1.0})) == "first"


def test_a_key_does_not_depend_on_the_order_of_what_it_depends_on() -> None:
    assert key_of("losses", {"a": 1, "b": 2}) == key_of("losses", {"b": 2, "a": 1})


def test_a_picture_is_kept_to_the_bit(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    cache = ResultCache(tmp_path)
    assert cache.get_picture("noise") is None
    cache.put_picture("noise", noise)
    again = cache.get_picture("noise")
    assert again is not None
    assert np.array_equal(again, noise)


def test_what_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path / "cache")
    with pytest.raises(TypeError):
        cache.put("losses", {1, 2})  # JSON has no sets
    assert not (tmp_path / "cache").exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match=r"lost\.jpg: No such file"):
        digest(tmp_path / "lost.jpg")
