"""Gradients far beyond the usual ones are shortened."""

import pytest
import torch
from torch import nn

from trainer.training.loop import CLIP_FACTOR, clip_gradient


@pytest.fixture
def optimizer() -> torch.optim.Adam:
    """Adam after twenty gradients of norm 2 on eight parameters in two tensors."""
    parameters = [nn.Parameter(torch.zeros(5)), nn.Parameter(torch.zeros(3))]
    adam = torch.optim.Adam(parameters, lr=0.1)
    for _ in range(20):
        follow(adam, norm=2.0)
    return adam


def follow(optimizer: torch.optim.Optimizer, norm: float) -> None:
    parameters = optimizer.param_groups[0]["params"]
    for parameter in parameters:
        parameter.grad = torch.full_like(parameter, norm / 8**0.5)
    clip_gradient(optimizer)
    optimizer.step()


def gradient_norm(optimizer: torch.optim.Optimizer) -> float:
    gradients = [parameter.grad for parameter in optimizer.param_groups[0]["params"]]
    return float(torch.cat(gradients).norm())


def test_the_first_gradient_is_taken_as_it_is() -> None:
    adam = torch.optim.Adam([nn.Parameter(torch.zeros(8))])
    follow(adam, norm=1e9)
    assert gradient_norm(adam) == pytest.approx(1e9)


def test_a_gradient_within_the_bound_is_taken_as_it_is(optimizer: torch.optim.Adam) -> None:
    follow(optimizer, norm=0.9 * CLIP_FACTOR * 2)
    assert gradient_norm(optimizer) == pytest.approx(0.9 * CLIP_FACTOR * 2)


def test_a_gradient_beyond_it_is_shortened_to_the_bound(optimizer: torch.optim.Adam) -> None:
    follow(optimizer, norm=2000.0)
    assert gradient_norm(optimizer) == pytest.approx(CLIP_FACTOR * 2, rel=1e-3)


def test_after_a_huge_one_adam_goes_on_at_its_pace(optimizer: torch.optim.Adam) -> None:
    (first, _) = optimizer.param_groups[0]["params"]
    follow(optimizer, norm=2e6)
    before = first.detach().clone()
    for _ in range(10):
        follow(optimizer, norm=2.0)
    steps = (before - first.detach()) / (10 * 0.1)  # in learning rates
    assert (steps > 0.7).all()
    assert (steps < 2.0).all()
