"""Style transfer by optimising the pixels themselves: the slow method that the networks replace.

Gatys, Ecker & Bethge 2016, "Image Style Transfer Using Convolutional Neural Networks", minimising
the same objective as our networks do; section 4.1 of Johnson et al. compares with it.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from trainer.losses import LossTerms, PerceptualLoss


def optimize(
    objective: PerceptualLoss,
    content: Tensor,
    iterations: int,
    on_iteration: Callable[[int, Tensor, LossTerms], None] | None = None,
) -> Tensor:
    """Run L-BFGS from the photograph itself.

    ``content``: float RGB [1, 3, H, W] in [0, 255]; the result has its shape and range.
    ``on_iteration`` receives the number of iterations done, the clamped image and its loss terms.
    """
    target = objective.content_target(content)
    pixels = (
        (content / 255).clone(memory_format=torch.contiguous_format).requires_grad_()
    )  # near unit scale, as L-BFGS likes it
    optimizer = torch.optim.LBFGS(
        [pixels],
        max_iter=1,
        max_eval=25,
        history_size=20,
        tolerance_grad=0,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        total: Tensor = objective(pixels * 255, target).total
        total.backward()  # type: ignore[no-untyped-call]
        return total

    for iteration in range(1, iterations + 1):
        optimizer.step(closure)  # type: ignore[no-untyped-call]
        if on_iteration is not None:
            with torch.no_grad():
                image = clamped(pixels)
                on_iteration(iteration, image, objective(image, target))
    return clamped(pixels)


def clamped(pixels: Tensor) -> Tensor:
    return (pixels.detach() * 255).clamp(0, 255)
