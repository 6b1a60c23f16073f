"""Relative perceptual errors at two scales: what the Painter minimises and is measured by.

The Gram matrices of deep layers are a thousand times smaller than those of shallow ones, so a plain
sum hardly asks for large structure. Each layer's error is divided by the target's own square, and
style is compared at full size, for the brush, and at half size, for the composition.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.losses import Loss, LossTerms, gram, total_variation
from trainer.painter_recipe import PainterLossRecipe
from trainer.pretrained.vgg import VGG16, Tap

STYLE_TAPS: tuple[Tap, ...] = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
CONTENT_TAP: Tap = "relu3_3"
CONTENT_ENERGY = 13.8
"""Mean square of relu3_3 over 128x128 squares of photographs."""
_ALL_TAPS = frozenset(STYLE_TAPS)


def halved(image: Tensor) -> Tensor:
    """Half the size, each pixel a mean of four."""
    return F.avg_pool2d(image, 2)


def relative_error(found: Tensor, wanted: Tensor) -> Tensor:
    """|found - wanted|² / |wanted|² of each sample, float32 [N]."""
    difference = (found.float() - wanted.float()).flatten(1).square().sum(dim=1)
    return difference / wanted.float().flatten(1).square().sum(dim=1)


def symmetric_error(found: Tensor, wanted: Tensor) -> Tensor:
    """2 |found - wanted|² / (|found|² + |wanted|²) of each sample, float32 [N].

    Near the target the relative error; far from it no more than 4, however large ``found`` is. By
    the relative error, a grey picture, at 1, is better than most wrong ones, and a network that
    has to begin somewhere ends there.
    """
    found, wanted = found.float().flatten(1), wanted.float().flatten(1)
    squares = found.square().sum(dim=1) + wanted.square().sum(dim=1)
    return 2 * (found - wanted).square().sum(dim=1) / squares


class TwoScaleStyle(nn.Module):
    """Content and style errors against any of several paintings.

    ``paintings``: float RGB [1, 3, H, W] in [0, 255] each, at the size whose strokes are wanted; a
    painting at two sizes is two of them.
    """

    def __init__(self, vgg: VGG16, paintings: Sequence[Tensor]) -> None:
        super().__init__()
        self.vgg = vgg
        grams = [self._grams(painting) for painting in paintings]
        self.targets: dict[Tap, Tensor] = {
            tap: torch.stack([of[tap] for of in grams]) for tap in STYLE_TAPS
        }
        """Gram matrices at full and at half size, float32 [paintings, 2, C, C]."""

    @torch.no_grad()
    def _grams(self, image: Tensor) -> dict[Tap, Tensor]:
        """Gram matrices at full and at half size, float32 [2, C, C], of RGB [1, 3, H, W]."""
        full, half = self.vgg(image, _ALL_TAPS), self.vgg(halved(image), _ALL_TAPS)
        return {tap: torch.cat([gram(full[tap]), gram(half[tap])]) for tap in STYLE_TAPS}

    def forward(
        self, output: Tensor, content: Tensor, paintings: Tensor, corner: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """Content errors, and style errors as a mean over scales of sums over layers, float32 [N].

        ``output`` and ``content`` are square, RGB [N, 3, 2 S, 2 S] in [0, 255]; ``paintings``
        int64 [N] says which painting each output is compared with. At full size only the S x S
        square with its top left ``corner`` (row, column) is seen, at half size everything.
        """
        n, side = len(output), output.shape[-1] // 2
        top, left = corner
        square = (..., slice(top, top + side), slice(left, left + side))
        found = self.vgg(torch.cat([output[square], halved(output)]), _ALL_TAPS)
        wanted = self.content_target(content[square]).float()
        # Measured by its own energy alone, a flat sky could not be given a single stroke.
        energy = wanted.square().mean(dim=(1, 2, 3)).clamp(min=CONTENT_ENERGY)
        difference = found[CONTENT_TAP][:n].float() - wanted
        content_error = difference.square().mean(dim=(1, 2, 3)) / energy
        style_error = torch.zeros_like(content_error)
        for tap in STYLE_TAPS:
            target = self.targets[tap][paintings].transpose(0, 1).flatten(0, 1)
            style_error += symmetric_error(gram(found[tap]), target).view(2, n).mean(dim=0)
        return content_error, style_error

    @torch.no_grad()
    def content_target(self, content: Tensor) -> Tensor:
        """Activations of photographs [N, 3, H, W] that ``errors`` compares with."""
        target: Tensor = self.vgg(content, frozenset({CONTENT_TAP}))[CONTENT_TAP]
        return target

    def errors(
        self, picture: Tensor, content_target: Tensor, painting: int
    ) -> tuple[Tensor, Tensor]:
        """Relative content error, and style error as a mean over layers and scales: scalars.

        Of a whole picture, RGB [1, 3, H, W] in [0, 255].
        """
        found = self.vgg(picture, _ALL_TAPS)
        half = self.vgg(halved(picture), _ALL_TAPS)
        errors = [
            relative_error(gram(of[tap]), self.targets[tap][painting, scale][None])
            for scale, of in enumerate((found, half))
            for tap in STYLE_TAPS
        ]
        content_error = relative_error(found[CONTENT_TAP], content_target)
        return content_error.squeeze(), torch.stack(errors).mean()

    @torch.no_grad()
    def measure(self, picture: Tensor, content: Tensor, painting: int) -> tuple[float, float]:
        """The ``errors`` of a picture of the photograph ``content``, as numbers."""
        content_error, style_error = self.errors(picture, self.content_target(content), painting)
        return content_error.item(), style_error.item()


class WholePictureObjective:
    """What a Painter's training minimises for one style, of whole pictures and without its aids.

    Errors are relative, not bounded: by the bound, training can begin at random weights.
    ``style_weight`` is the painting's own, which multiplies the loss's.
    """

    def __init__(
        self, vgg: VGG16, painting: Tensor, weights: PainterLossRecipe, style_weight: float
    ) -> None:
        self.style = TwoScaleStyle(vgg, [painting])
        self.weights = weights
        # In training, layers are summed.
        self.style_weight = weights.style_weight * style_weight * len(STYLE_TAPS)

    def toward(self, content: Tensor) -> Loss:
        target = self.style.content_target(content)

        def terms(picture: Tensor) -> LossTerms:
            content_error, style_error = self.style.errors(picture, target, 0)
            return LossTerms(
                content=self.weights.content_weight * content_error,
                style=self.style_weight * style_error,
                total_variation=self.weights.tv_weight * total_variation(picture),
            )

        return terms
