"""Style transfer by optimising pixels with L-BFGS: the slow method that the networks replace.

Gatys, Ecker & Bethge 2016, "Image Style Transfer Using Convolutional Neural Networks", minimising
the same objective as our networks do; section 4.1 of Johnson et al. compares with it.
"""

from collections.abc import Callable, Iterator
from itertools import islice

import torch
from torch import Tensor

from trainer.losses import LossTerms, PerceptualLoss


def optimize(
    objective: PerceptualLoss,
    content: Tensor,
    iterations: int,
    on_iteration: Callable[[int, Tensor, LossTerms], None] | None = None,
) -> Tensor:
    """Minimise the perceptual loss from the photograph on; returns the image.

    ``content``: float RGB [1, 3, H, W] in [0, 255]; the result has its shape and range.
    ``on_iteration`` receives the number of iterations done, the clamped image and its loss terms.
    """
    target = objective.content_target(content)
    result = content
    images = descend(lambda image: objective(image, target).total, content / 255)
    for iteration, result in enumerate(islice(images, iterations), 1):
        if on_iteration is not None:
            with torch.no_grad():
                on_iteration(iteration, result, objective(result, target))
    return result


def drawn(pixels: Tensor) -> Tensor:
    """Pixels in [0, 1] to [0, 255]: L-BFGS works best with variables of about one."""
    return pixels * 255


def descend(
    loss: Callable[[Tensor], Tensor],
    start: Tensor,
    image_of: Callable[[Tensor], Tensor] = drawn,
) -> Iterator[Tensor]:
    """The image after each iteration of L-BFGS, clamped to [0, 255], without end.

    The variables are ``start`` [1, 3, H, W]; ``image_of`` makes an image of them, float RGB of the
    same shape, not necessarily in [0, 255], and ``loss`` a scalar of the image.
    """
    moved = start.clone(memory_format=torch.contiguous_format).requires_grad_()
    optimizer = torch.optim.LBFGS(
        [moved],
        max_iter=1,
        max_eval=25,
        history_size=20,
        tolerance_grad=0,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    # A step evaluates first the point where the last line search ended. Cached, that saves half of
    # all evaluations, each a forward and a backward pass of VGG.
    last: tuple[Tensor, Tensor, Tensor] | None = None  # point, loss, gradient

    def closure() -> Tensor:
        nonlocal last
        if last is not None and torch.equal(last[0], moved):
            _, value, moved.grad = last
            return value
        moved.grad = None
        value = loss(image_of(moved))
        value.backward()  # type: ignore[no-untyped-call]
        assert moved.grad is not None
        last = moved.detach().clone(), value.detach(), moved.grad
        return value

    while True:
        optimizer.step(closure)  # type: ignore[no-untyped-call]
        yield image_of(moved.detach()).clamp(0, 255)
