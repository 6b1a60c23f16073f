"""Perceptual losses of the paper, section 3.2: content, style and TV loss; and two penalties."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F

from trainer.pretrained.vgg import VGG16, Tap
from trainer.recipe import StylizeLossRecipe

LATTICE_WINDOW = 6
"""Periods a side over which errors are averaged: in smaller windows, detail would not cancel."""


def gram(features: Tensor) -> Tensor:
    """Gram matrices of activations (equation 3): float [N, C, H, W] to float32 [N, C, C].

    Divided by C*H*W, so that images of different sizes compare.
    """
    n, c, h, w = features.shape
    with torch.autocast(features.device.type, enabled=False):  # sums of H*W terms need float32
        # Channels last, as the activations lie in memory.
        flat = features.float().permute(0, 2, 3, 1).reshape(n, h * w, c)
        products: Tensor = _Gram.apply(flat)  # type: ignore[no-untyped-call]
        return products / (c * h * w)


class _Gram(torch.autograd.Function):
    """Products of all pairs of channels, summed over places: [N, HW, C] to [N, C, C].

    By itself, autograd takes twice the products for the gradient, in two orders in memory.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, flat: Tensor) -> Tensor:
        ctx.save_for_backward(flat)
        return flat.transpose(1, 2) @ flat

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (flat,) = ctx.saved_tensors
        both: Tensor = flat @ (gradient + gradient.transpose(1, 2))
        return both


def total_variation(image: Tensor) -> Tensor:
    """TV loss: mean squared difference of neighbouring pixels, float [N, C, H, W] in [0, 255].

    In units of the full range, so in [0, 2]. Mahendran & Vedaldi 2014 (arXiv:1412.0035), beta = 2.
    """
    image = image.float() / 255
    down = (image[..., 1:, :] - image[..., :-1, :]).square().mean()
    right = (image[..., :, 1:] - image[..., :, :-1]).square().mean()
    return down + right


def lattice(error: Tensor, factor: int) -> Tensor:
    """Checkerboard penalty: the mean square of what repeats every ``factor`` pixels in an error.

    ``error`` is an upscaler's output minus the truth, or a style's output, which has no truth:
    [N, 3, factor H, factor W], with H and W >= LATTICE_WINDOW. For each of the factor x factor
    phases its mean over windows of LATTICE_WINDOW periods a side is taken, minus the mean over all
    phases. Detail cancels out there, and a pattern printed into every period adds up. A feature
    loss alone rewards such a grid where it expects texture.
    """
    unshuffled = F.pixel_unshuffle(error.float(), factor)
    n, _, h, w = unshuffled.shape
    phases = unshuffled.view(n, 3, factor**2, h, w)
    uneven = (phases - phases.mean(dim=2, keepdim=True)).flatten(1, 2)
    return F.avg_pool2d(uneven, LATTICE_WINDOW, stride=LATTICE_WINDOW // 2).square().mean()


def saturation(logits: Tensor, limit: float = 1.8) -> Tensor:
    """Saturation penalty: mean squared excess of |logits| over ``limit``, float of any shape.

    Beyond it the tanh is flat and its gradient vanishes: a pixel that overshoots would stay there.
    """
    return F.relu(logits.float().abs() - limit).square().mean()


@dataclass(frozen=True)
class LossTerms:
    """Weighted content, style and TV loss, scalars; their sum is minimised."""

    content: Tensor
    style: Tensor
    total_variation: Tensor

    @property
    def total(self) -> Tensor:
        return self.content + self.style + self.total_variation

    def with_style_scaled(self, scale: float) -> "LossTerms":
        return replace(self, style=scale * self.style)


Loss = Callable[[Tensor], LossTerms]
"""Of a picture, float RGB [1, 3, H, W] in [0, 255]."""


class Objective(Protocol):
    """What pictures in a style minimise, be they a network's or optimised."""

    def toward(self, content: Tensor) -> Loss:
        """The loss of pictures of this photograph, float RGB [1, 3, H, W] in [0, 255]."""


class PerceptualLoss(nn.Module):
    """Content, style and TV loss of images beside one style image (equations 2 to 4).

    ``style_image``: float RGB [1, 3, H, W] in [0, 255], at the size whose strokes are wanted.
    """

    def __init__(self, vgg: VGG16, style_image: Tensor, recipe: StylizeLossRecipe) -> None:
        super().__init__()
        self.vgg = vgg
        self.recipe = recipe
        self.content_tap = frozenset({recipe.content_tap})
        self.style_taps = frozenset(recipe.style_taps)
        with torch.no_grad():
            self.style_grams: Mapping[Tap, Tensor] = {
                tap: gram(activations)
                for tap, activations in vgg(style_image, self.style_taps).items()
            }

    @torch.no_grad()
    def content_target(self, content: Tensor) -> Tensor:
        """Content target: activations [N, C, h, w] of ``content``, RGB [N, 3, H, W] in [0, 255]."""
        target: Tensor = self.vgg(content, self.content_tap)[self.recipe.content_tap]
        return target

    def toward(self, content: Tensor) -> Loss:
        target = self.content_target(content)
        return lambda output: self(output, target)

    def forward(self, output: Tensor, content_target: Tensor) -> LossTerms:
        """Losses of ``output``, RGB [N, 3, H, W] in [0, 255], each a mean over the batch."""
        activations = self.vgg(output, self.content_tap | self.style_taps)
        content = F.mse_loss(activations[self.recipe.content_tap].float(), content_target.float())
        style = torch.stack(
            [
                F.mse_loss(gram(activations[tap]), target.expand(len(output), -1, -1))
                for tap, target in self.style_grams.items()
            ]
        ).sum()
        return LossTerms(
            content=self.recipe.content_weight * content,
            style=self.recipe.style_weight * style,
            total_variation=self.recipe.tv_weight * total_variation(output),
        )
