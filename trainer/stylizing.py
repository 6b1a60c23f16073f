"""What a step of style transfer training minimises (paper, figure 2)."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from trainer import data
from trainer.data import Cut, resized_crop
from trainer.losses import PerceptualLoss, saturation
from trainer.networks import StyleNet, to_pixels
from trainer.recipe import StylizeRecipe
from trainer.vgg import VGG16


class Stylizing:
    """A frozen VGG-16 says how far the output is from the photograph's content and the style."""

    losses: ClassVar[Sequence[str]] = (
        "total",
        "content",
        "style",
        "total_variation",
        "saturation",
    )
    cut: Cut = staticmethod(resized_crop)

    def __init__(
        self,
        network: StyleNet,
        recipe: StylizeRecipe,
        vgg_weights: Mapping[str, Tensor],
        device: torch.device,
    ) -> None:
        self.network = network
        self.recipe = recipe
        vgg = VGG16(vgg_weights)
        vgg.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        painting = data.read_rgb(recipe.style.file, recipe.style.short_side)
        self.objective = PerceptualLoss(vgg, painting.to(device), recipe.loss)

    def __call__(self, images: Tensor, step: int) -> Tensor:
        """The losses of a batch, float32 [5]: float RGB [N, 3, H, W] in [0, 255]."""
        target = self.objective.content_target(images)
        logits = self.network.logits(images).float()
        terms = self.objective(to_pixels(logits), target).with_style_scaled(
            self.recipe.schedule.style_scale(step)
        )
        excess = self.recipe.loss.saturation_weight * saturation(logits)
        return torch.stack(
            [terms.total + excess, terms.content, terms.style, terms.total_variation, excess]
        )

    def shown(self, photograph: Tensor) -> Tensor:
        """The photograph above its stylisation, float RGB [1, 3, 2 H, W]."""
        return torch.cat([photograph, self.network(photograph).float()], dim=2)
