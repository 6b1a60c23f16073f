"""A bound on the gradient, taken from what Adam remembers of earlier ones."""

import torch
from torch import nn

MOST = 5.0
"""Times the root mean square of the norms of about the last thousand gradients."""


def clip_gradient(optimizer: torch.optim.Optimizer) -> None:
    """Shorten a gradient that is far longer than recent ones; Adam with one group of parameters.

    A photograph that the network makes noise of can have a thousand times the usual gradient. Adam
    would leap, and then creep for the thousand steps that it remembers.
    """
    (group,) = optimizer.param_groups
    states = [optimizer.state[parameter] for parameter in group["params"]]
    if not all(states):
        return  # the first step
    remembered = 1 - group["betas"][1] ** states[0]["step"].item()
    square = torch.stack([state["exp_avg_sq"].sum() for state in states]).sum() / remembered
    nn.utils.clip_grad_norm_(group["params"], MOST * square.sqrt().item())
