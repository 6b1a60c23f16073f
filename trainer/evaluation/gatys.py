"""Style transfer by optimising pixels with L-BFGS: the slow method that the networks replace.

Gatys, Ecker & Bethge 2016, "Image Style Transfer Using Convolutional Neural Networks", minimising
the same objective as our networks do; section 4.1 of Johnson et al. compares with it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from trainer.losses import Loss, LossTerms
from trainer.pretrained.vgg import MEAN

FIRST_LOSS = 1e6
"""What the loss of noise is scaled to. PyTorch's L-BFGS ignores curvatures below 1e-10, as relative
errors have after its first step; but for that, no scale would matter."""
SEED = 0
"""Of the noise."""

Scalar = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Protocol:
    """One way to optimise: where it starts, and how it searches."""

    name: str
    whose: str
    iterations: int
    """How many are usual."""
    images: Callable[[Scalar, Tensor], Iterator[Tensor]]
    """Of a loss and a photograph, float RGB [1, 3, H, W] in [0, 255]: the image after each
    iteration, of the same shape and range, without end."""


def optimize(
    loss: Loss,
    content: Tensor,
    iterations: int,
    protocol: Protocol,
    on_iteration: Callable[[int, Tensor, LossTerms], None] | None = None,
) -> Tensor:
    """Minimise the loss of pictures of a photograph; returns the image.

    ``content``: float RGB [1, 3, H, W] in [0, 255]; the result has its shape and range.
    ``on_iteration`` receives the number of iterations done, the clamped image and its loss terms.
    """
    result = content
    images = protocol.images(lambda image: loss(image).total, content)
    for iteration, result in enumerate(islice(images, iterations), 1):
        if on_iteration is not None:
            with torch.no_grad():
                on_iteration(iteration, result, loss(result))
    return result


def drawn(pixels: Tensor) -> Tensor:
    """Pixels in [0, 1] to [0, 255]: L-BFGS works best with variables of about one."""
    return pixels * 255


def descend(
    loss: Scalar, start: Tensor, image_of: Callable[[Tensor], Tensor] = drawn
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


def descend_from_noise(loss: Scalar, content: Tensor) -> Iterator[Tensor]:
    """As the paper's authors optimise in their release (slow_neural_style.lua).

    Noise of one level of 255 around the mean colour; L-BFGS without a line search, of which an
    iteration takes one evaluation; only what is shown is clipped.
    """
    mean = 255 * torch.tensor(MEAN, device=content.device).view(1, 3, 1, 1)
    noise = torch.randn(content.shape, generator=torch.Generator().manual_seed(SEED))
    # The mean is no part of the variables: beside it, the first tiny step would be rounded off.
    moved = noise.to(content.device).requires_grad_()
    with torch.no_grad():
        scale = FIRST_LOSS / loss(moved + mean)
    optimizer = torch.optim.LBFGS(
        [moved], lr=1, max_iter=1, history_size=100, tolerance_grad=0, tolerance_change=0
    )

    def closure() -> Tensor:
        moved.grad = None
        value = scale * loss(moved + mean)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    while True:
        optimizer.step(closure)  # type: ignore[no-untyped-call]
        yield (moved.detach() + mean).clamp(0, 255)


def descend_from_photograph(loss: Scalar, content: Tensor) -> Iterator[Tensor]:
    """With a strong Wolfe line search: a harder yardstick for a network."""
    return descend(loss, content / 255)


FROM_NOISE = Protocol("from noise", "the authors'", 500, descend_from_noise)
FROM_PHOTOGRAPH = Protocol("from the photograph", "our", 100, descend_from_photograph)
