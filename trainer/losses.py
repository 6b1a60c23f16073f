"""Loss functions of the paper, section 3.2."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F

from trainer.pretrained.vgg import VGG16, Tap
from trainer.recipe import StylizeLossRecipe

LATTICE_WINDOW = 6
"""Input pixels a side over which errors are averaged: the detail of fewer would not cancel."""


def gram(features: Tensor) -> Tensor:
    """Gram matrices of activations, equation 3: float [N, C, H, W] to float32 [N, C, C].

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
    """Mean squared difference of neighbouring pixels of float [N, C, H, W] in [0, 255].

    Measured in units of the full range, so in [0, 2]. Mahendran & Vedaldi 2014 with beta = 2.
    """
    image = image.float() / 255
    down = (image[..., 1:, :] - image[..., :-1, :]).square().mean()
    right = (image[..., :, 1:] - image[..., :, :-1]).square().mean()
    return down + right


def lattice(error: Tensor, factor: int) -> Tensor:
    """What repeats every ``factor`` pixels in the error of a network, mean squared.

    ``error`` is an upscaler's output less truth, or a style's output, for which there is no truth:
    [N, 3, factor H, factor W], with H and W >= LATTICE_WINDOW. What counts is its mean at each of
    the factor x factor places within a period, over windows of that many periods a side, less the
    mean over all places. Detail cancels there; a pattern printed into every period adds up. A
    feature loss alone rewards such a grid where it expects texture.
    """
    unshuffled = F.pixel_unshuffle(error.float(), factor)
    n, _, h, w = unshuffled.shape
    places = unshuffled.view(n, 3, factor**2, h, w)
    uneven = (places - places.mean(dim=2, keepdim=True)).flatten(1, 2)
    return F.avg_pool2d(uneven, LATTICE_WINDOW, stride=LATTICE_WINDOW // 2).square().mean()


def saturation(logits: Tensor, limit: float = 1.8) -> Tensor:
    """Mean squared excess of |logits| over ``limit``.

    Beyond it tanh is flat and its gradient dead: a pixel that overshoots would stay so for good.
    """
    return F.relu(logits.float().abs() - limit).square().mean()


@dataclass(frozen=True)
class LossTerms:
    """Weighted scalar terms; their sum is what is minimised."""

    content: Tensor
    style: Tensor
    total_variation: Tensor

    @property
    def total(self) -> Tensor:
        return self.content + self.style + self.total_variation

    def with_style_scaled(self, scale: float) -> "LossTerms":
        return replace(self, style=scale * self.style)


class PerceptualLoss(nn.Module):
    """Content, style and total variation loss against one style image.

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
        """Activations to stay near to: those of ``content``, RGB [N, 3, H, W] in [0, 255]."""
        target: Tensor = self.vgg(content, self.content_tap)[self.recipe.content_tap]
        return target

    def forward(self, output: Tensor, content_target: Tensor) -> LossTerms:
        """Terms for ``output``, RGB [N, 3, H, W] in [0, 255], each a mean over the batch."""
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
