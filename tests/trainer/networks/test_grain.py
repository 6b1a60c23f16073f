"""The noise that served styles see on top of a photograph."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from trainer.networks.grain import Grain

sides = st.integers(1, 300)


def grain(height: int, width: int) -> Tensor:
    noise: Tensor = Grain()(torch.zeros(1, 3, height, width))
    return noise


@settings(deadline=None)
@given(height=sides, width=sides)
def test_a_place_has_the_same_noise_whatever_the_size(height: int, width: int) -> None:
    assert torch.equal(grain(height, width), grain(300, 300)[..., :height, :width])


def test_it_is_about_one_level_and_of_no_colour() -> None:
    noise = grain(500, 700)
    assert abs(noise.mean()) < 0.05
    assert abs(noise.std() - 1) < 0.05
    assert noise.abs().max() <= 2.5
    assert torch.equal(noise[:, :1].expand(-1, 3, -1, -1), noise)


def test_it_does_not_repeat_as_its_tiles_do() -> None:
    noise = grain(400, 400)[0, 0]
    for shift in range(1, 200):
        shifted = (noise[shift:] * noise[:-shift]).mean() / noise.var()
        assert shifted < 0.6
