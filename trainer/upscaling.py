"""What a step of super-resolution training minimises (paper, sections 3.2 and 4.2)."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from trainer.data import NativeCrop
from trainer.losses import total_variation
from trainer.recipe import UpscaleRecipe
from trainer.resampling import shrinking_matrix
from trainer.upscale_networks import PaperUpscaleNet, UpscaleNet
from trainer.vgg import VGG16


class Upscaling:
    """Photographs are shrunk, and the network is to give them back: by pixel and by feature."""

    losses: ClassVar[Sequence[str]] = ("total", "pixel", "feature", "total_variation")

    def __init__(
        self,
        network: UpscaleNet | PaperUpscaleNet,
        recipe: UpscaleRecipe,
        vgg_weights: Mapping[str, Tensor],
        device: torch.device,
    ) -> None:
        self.network = network
        self.recipe = recipe
        self.device = device
        self.cut = NativeCrop()
        self.tap = frozenset({recipe.loss.feature_tap})
        self.vgg: VGG16 | None = None
        if recipe.needs_vgg:
            self.vgg = VGG16(vgg_weights)
            self.vgg.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._matrix = cache(self._shrinking_matrix)

    def __call__(self, images: Tensor, step: int) -> Tensor:
        """The losses of a batch, float32 [4]: float RGB [N, 3, H, W] in [0, 255]."""
        loss = self.recipe.loss
        output = self.network(self.shrunk(images))
        difference = F.l1_loss if loss.pixel == "l1" else F.mse_loss
        pixel = loss.pixel_weight * difference(output, images)
        feature = torch.zeros_like(pixel)
        if self.vgg is not None:
            with torch.no_grad():
                target = self.vgg(images, self.tap)[loss.feature_tap].float()
            activations = self.vgg(output, self.tap)[loss.feature_tap].float()
            feature = loss.feature_weight * F.mse_loss(activations, target)
        smoothness = torch.zeros_like(pixel)
        if loss.tv_weight:
            smoothness = loss.tv_weight * total_variation(output)
        return torch.stack([pixel + feature + smoothness, pixel, feature, smoothness])

    @torch.no_grad()
    def shrunk(self, images: Tensor) -> Tensor:
        """The network's input, rounded to bytes as a user's is: [N, 3, H / factor, W / factor]."""
        height, width = images.shape[-2:]
        with torch.autocast(images.device.type, enabled=False):
            rows = self._matrix(height) @ images
            low = rows.clamp(0, 255).round() @ self._matrix(width).T
        return low.clamp(0, 255).round().contiguous(memory_format=torch.channels_last)

    def _shrinking_matrix(self, length: int) -> Tensor:
        matrix = shrinking_matrix(length, self.recipe.network.factor, self.recipe.blur_sigma)
        return torch.from_numpy(matrix).to(self.device)

    def shown(self, photograph: Tensor) -> Tensor:
        """The photograph above what the network makes of it shrunk, float RGB [1, 3, 2 H, W]."""
        factor = self.recipe.network.factor
        height, width = (side // factor * factor for side in photograph.shape[-2:])
        truth = photograph[..., :height, :width]
        return torch.cat([truth, self.network(self.shrunk(truth))], dim=2)
