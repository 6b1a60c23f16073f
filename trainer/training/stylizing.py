"""The losses of style transfer training (paper, figure 2 and equation 5), and distillation.

Distillation (Hinton et al. 2015, arXiv:1503.02531) trains a student network on what a larger one,
its teacher, paints: recipes call that ``imitation``.
"""

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
    """Content, style and TV loss of a style network's output, measured by a frozen VGG-16.

    With a ``teacher``, a share of the objective is the distillation loss in their place.
    """

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
        self.teacher = teacher
        if teacher is not None:
            teacher.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        vgg = VGG16(vgg_weights)
        vgg.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        painting = read_rgb(recipe.style.file, recipe.style.short_side)
        self.objective = PerceptualLoss(vgg, painting.to(device), recipe.loss)

    def __call__(self, images: Tensor, step: int) -> dict[str, Tensor]:
        """The losses of a batch of float RGB [N, 3, H, W] in [0, 255]: float32 scalars by name.

        All are weighted and means over the batch. ``total`` is minimised: ``saturation`` +
        ``lattice`` + (1 - d) (``content`` + ``style`` + ``total_variation``) + d ``imitation``,
        where d is the share of distillation at this step. A loss whose share is 0 is not computed,
        and 0; without a teacher there is no ``imitation``.
        """
        schedule, weights = self.recipe.schedule, self.recipe.loss
        logits = self.network.logits(images).float()  # [N, 3, H, W], before the tanh
        output = to_pixels(logits)  # [N, 3, H, W]
        excess = weights.saturation_weight * saturation(logits)
        grid = weights.lattice_weight * lattice(output, 2)
        content = style = total_variation = difference = torch.zeros_like(excess)
        total = excess + grid
        distillation = schedule.imitation(step)
        if distillation < 1:
            target = self.objective.content_target(images)
            scale = schedule.style_scale(step)
            terms = self.objective(output, target).with_style_scaled(scale)
            content, style, total_variation = terms.content, terms.style, terms.total_variation
            total = total + (1 - distillation) * terms.total
        if distillation > 0:
            difference = self._difference_from_teacher(output, images)
            total = total + distillation * difference
        losses = {
            "total": total,
            "content": content,
            "style": style,
            "total_variation": total_variation,
            "saturation": excess,
            "lattice": grid,
        }
        return losses if self.teacher is None else losses | {"imitation": difference}

    def _difference_from_teacher(self, output: Tensor, images: Tensor) -> Tensor:
        """Distillation loss: weighted mean squared difference from the teacher's pixels."""
        assert self.teacher is not None
        assert self.recipe.loss.imitation_weight is not None
        with torch.no_grad():
            painted = self.teacher(images).float()
        return self.recipe.loss.imitation_weight * F.mse_loss(output, painted)

    def shown(self, photograph: Tensor) -> Tensor:
        """The photograph above its stylisation, float RGB [1, 3, 2 H, W]."""
        return torch.cat([photograph, self.network(photograph).float()], dim=2)
