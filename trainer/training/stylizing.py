"""What a step of style transfer training minimises (paper, figure 2)."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from trainer.images.photographs import read_rgb
from trainer.losses import PerceptualLoss, lattice, saturation
from trainer.networks.style import StyleNet, to_pixels
from trainer.pretrained.vgg import VGG16
from trainer.recipe import StylizeRecipe
from trainer.training.crops import Cut, resized_crop


class Stylizing:
    """A frozen VGG-16 says how far the output is from the photograph's content and the style."""

    cut: Cut = staticmethod(resized_crop)

    def __init__(
        self,
        network: StyleNet,
        recipe: StylizeRecipe,
        vgg_weights: Mapping[str, Tensor],
        device: torch.device,
        teacher: StyleNet | None = None,
    ) -> None:
        self.network = network
        self.recipe = recipe
        self.losses = ["total", "content", "style", "total_variation", "saturation", "lattice"]
        self.teacher = teacher
        if teacher is not None:
            self.losses.append("imitation")
            teacher.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        vgg = VGG16(vgg_weights)
        vgg.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        painting = read_rgb(recipe.style.file, recipe.style.short_side)
        self.objective = PerceptualLoss(vgg, painting.to(device), recipe.loss)

    def __call__(self, images: Tensor, step: int) -> Tensor:
        """The losses of a batch of float RGB [N, 3, H, W] in [0, 255]: float32 [losses]."""
        schedule, weights = self.recipe.schedule, self.recipe.loss
        logits = self.network.logits(images).float()
        output = to_pixels(logits)
        excess = weights.saturation_weight * saturation(logits)
        grid = weights.lattice_weight * lattice(output, 2)
        imitation = schedule.imitation(step)
        content = style = total_variation = difference = torch.zeros_like(excess)
        total = excess + grid
        if imitation < 1:
            target = self.objective.content_target(images)
            scale = schedule.style_scale(step)
            terms = self.objective(output, target).with_style_scaled(scale)
            content, style, total_variation = terms.content, terms.style, terms.total_variation
            total = total + (1 - imitation) * terms.total
        if imitation > 0:
            difference = self._difference_from_teacher(output, images)
            total = total + imitation * difference
        losses = [total, content, style, total_variation, excess, grid, difference]
        return torch.stack(losses[: len(self.losses)])

    def _difference_from_teacher(self, output: Tensor, images: Tensor) -> Tensor:
        assert self.teacher is not None
        assert self.recipe.loss.imitation_weight is not None
        with torch.no_grad():
            painted = self.teacher(images).float()
        return self.recipe.loss.imitation_weight * F.mse_loss(output, painted)

    def shown(self, photograph: Tensor) -> Tensor:
        """The photograph above its stylisation, float RGB [1, 3, 2 H, W]."""
        return torch.cat([photograph, self.network(photograph).float()], dim=2)
