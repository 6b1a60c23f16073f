"""What a step of training a Painter minimises: each photograph is painted by a row of its own."""

from collections.abc import Mapping
from itertools import islice

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from trainer.images.photographs import read_rgb
from trainer.losses import lattice, saturation, total_variation
from trainer.networks.painter import Painter
from trainer.networks.style import to_pixels
from trainer.painter_recipe import PainterRecipe
from trainer.perceptual import TwoScaleStyle
from trainer.pretrained.vgg import VGG16
from trainer.training.crops import Cut, resized_crop
from trainer.training.scenes import Movement, lit, with_grain

LATTICE = 8
"""Pixels: the period of what the strides and the sub-pixel convolution could print."""
SHOWN_ROWS = 6


class Painting:
    """A frozen VGG-16 says how far the output is from the photograph and from its painting."""

    cut: Cut = staticmethod(resized_crop)

    def __init__(
        self,
        network: Painter,
        recipe: PainterRecipe,
        vgg_weights: Mapping[str, Tensor],
        device: torch.device,
    ) -> None:
        self.network = network
        self.recipe = recipe
        vgg = VGG16(vgg_weights)
        vgg.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        paintings = [read_rgb(of.file, side).to(device) for of, side in recipe.rows]
        self.objective = TwoScaleStyle(vgg, paintings)
        weights = [painting.style_weight for painting, _ in recipe.rows]
        self.style_weights = torch.tensor(weights, device=device)

    def __call__(self, images: Tensor, step: int) -> dict[str, Tensor]:
        """The losses of a batch of float RGB [N, 3, H, W] in [0, 255], by name: float32 scalars."""
        weights = self.recipe.loss
        stage = self.recipe.schedule.stage(step)
        n, _, side, _ = images.shape
        random = np.random.default_rng((self.recipe.schedule.seed, 2, step))
        trained = self.recipe.trained_rows(stage)
        rows = torch.from_numpy(random.choice(trained, n, replace=len(trained) < n))
        rows = rows.to(images.device)
        images = lit(images, random) if stage.steady else images
        # The first photograph is painted twice, once moved: its picture should move with it.
        movement = Movement.random(random)
        seen, painted = images, rows
        if stage.steady:
            seen, painted = torch.cat([images, movement(images[:1])]), torch.cat([rows, rows[:1]])
        table = self.network.common_rows if stage.one_stroke else self.network.rows
        logits = self.network.body.logits(with_grain(seen, random), table[painted]).float()
        output = to_pixels(logits)
        output, moved = output[:n], output[n:]

        top, left = random.integers(side // 2 + 1, size=2)
        drawing = self.recipe.schedule.drawing(step)
        content = style = torch.zeros_like(logits[:n, 0, 0, 0])
        if drawing < 1:
            content, style = self.objective(output, images, rows, (int(top), int(left)))
        unsteadiness = torch.zeros_like(content[0])
        if stage.steady:
            unsteadiness = movement.error(output[:1], moved)
        style_scale = self.recipe.schedule.style_scale(step) * self.style_weights[rows]
        terms = {
            "drawing": drawing * weights.drawing_weight * F.mse_loss(output / 255, images / 255),
            "content": (1 - drawing) * weights.content_weight * content.mean(),
            "style": (1 - drawing) * weights.style_weight * (style_scale * style).mean(),
            "total_variation": weights.tv_weight * total_variation(output),
            "saturation": weights.saturation_weight * saturation(logits),
            "lattice": weights.lattice_weight * lattice(output, LATTICE),
            "consistency": weights.consistency_weight * unsteadiness,
        }
        return {"total": torch.stack(list(terms.values())).sum(), **terms}

    def shown(self, photograph: Tensor) -> Tensor:
        """The photograph above what some rows make of it, float RGB [1, 3, k H, W]."""
        every = max(1, len(self.style_weights) // SHOWN_ROWS)
        rows = range(every // 2, len(self.style_weights), every)
        painted = [
            self.network(photograph, torch.tensor([row], device=photograph.device)).float()
            for row in islice(rows, SHOWN_ROWS)
        ]
        return torch.cat([photograph, *painted], dim=2)
