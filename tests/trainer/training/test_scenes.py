"""Light, grain and movement."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.support import small
from trainer.networks.grain import Grain
from trainer.training.scenes import Movement, lit, with_grain

STILL = Movement(right=0, down=0, zoom=1, light=1)


def test_some_images_are_lit_otherwise_and_some_are_clipped() -> None:
    images = torch.rand(64, 3, 8, 8) * 255
    changed = lit(images, np.random.default_rng(0))
    same = (changed == images).flatten(1).all(dim=1)
    assert 16 < same.sum() < 48
    assert changed.min() == 0
    assert changed.max() == 255


def test_the_grain_is_as_strong_as_at_serving() -> None:
    grey = torch.full((1, 3, 256, 256), 127.0)
    served = (Grain()(grey) - grey).std()
    trained = (with_grain(grey, np.random.default_rng(0)) - grey).std()
    assert trained == pytest.approx(served.item(), rel=0.05)


def test_what_does_not_move_stays_as_it_is(photograph: NDArray[np.uint8]) -> None:
    image = small.as_tensor(photograph[:64, :64])
    torch.testing.assert_close(STILL(image), image, rtol=0, atol=0.01)
    assert STILL.error(image, image) == pytest.approx(0, abs=1e-9)


def test_pixels_are_shifted_to_the_right_and_down(photograph: NDArray[np.uint8]) -> None:
    image = small.as_tensor(photograph[:64, :64])
    moved = Movement(right=3, down=2, zoom=1, light=1)(image)
    torch.testing.assert_close(moved[..., 2:, 3:], image[..., :-2, :-3], rtol=0, atol=0.01)


def test_a_picture_that_moves_along_has_no_error(photograph: NDArray[np.uint8]) -> None:
    image = small.as_tensor(photograph[:96, :96])
    movement = Movement(right=4, down=-5, zoom=1.02, light=0.97)
    stays, moves = movement.error(image, image), movement.error(image, movement(image))
    assert moves == pytest.approx(0, abs=1e-9)
    assert stays > 1e-4
