"""The losses of super-resolution training (paper, sections 3.2 and 4.2)."""

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from trainer.images.resampling import shrinking_matrix
from trainer.losses import lattice
from trainer.networks.upscale import PaperUpscaleNet, UpscaleNet
from trainer.pretrained.vgg import VGG16
from trainer.recipe import UpscaleRecipe
from trainer.training.crops import NativeCrop


class Upscaling:
    """Pixel and feature loss of an upscaler's output, beside the photograph that was shrunk."""

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
        self.taps = frozenset(recipe.loss.features)
        self.vgg: VGG16 | None = None
        if recipe.needs_vgg:
            self.vgg = VGG16(vgg_weights)
            self.vgg.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._matrix = cache(self._shrinking_matrix)

    def __call__(self, images: Tensor, step: int) -> dict[str, Tensor]:
        """The losses of a batch of float RGB [N, 3, H, W] in [0, 255]: float32 scalars by name.

        All are weighted and means over the batch; ``total`` is their sum and is minimised. Those
        without a weight are not computed, and 0.
        """
        loss = self.recipe.loss
        output = self.network(self.shrunk(images))  # [N, 3, H, W]
        distance = F.l1_loss if loss.pixel == "l1" else F.mse_loss
        pixel = loss.pixel_weight * distance(output, images)
        feature = torch.zeros_like(pixel)
        if self.vgg is not None:
            seen, truth = (self._shifted(pixels, step) for pixels in (output, images))
            with torch.no_grad():
                targets = self.vgg(truth, self.taps)
            for tap, activations in self.vgg(seen, self.taps).items():
                difference = F.mse_loss(activations.float(), targets[tap].float())
                feature = feature + loss.features[tap] * difference
        grid = torch.zeros_like(pixel)
        if loss.lattice_weight:
            grid = loss.lattice_weight * lattice(output - images, self.recipe.network.factor)
        total = pixel + feature + grid
        return {"total": total, "pixel": pixel, "feature": feature, "lattice": grid}

    def _shifted(self, pixels: Tensor, step: int) -> Tensor:
        """Cut rows and columns off so that VGG's pooling has another phase each step.

        With one phase for good, the network learns which of each block of factor x factor pixels
        the pooling picks, and prints that as a grid over its pictures.
        """
        factor = self.recipe.network.factor
        return pixels[..., step % factor :, step // factor % factor :]

    @torch.no_grad()
    def shrunk(self, images: Tensor) -> Tensor:
        """Bicubic downsampling, rounded to bytes as a user's input is.

        Float RGB [N, 3, H, W] to [N, 3, H / factor, W / factor], both in [0, 255].
        """
        height, width = images.shape[-2:]
        with torch.autocast(images.device.type, enabled=False):
            rows = self._matrix(height) @ images
            low = rows.clamp(0, 255).round() @ self._matrix(width).T
        return low.clamp(0, 255).round().contiguous(memory_format=torch.channels_last)

    def _shrinking_matrix(self, length: int) -> Tensor:
        """float32 [length / factor, length], on the device."""
        matrix = shrinking_matrix(length, self.recipe.network.factor, self.recipe.blur_sigma)
        return torch.from_numpy(matrix).to(self.device)

    def shown(self, photograph: Tensor) -> Tensor:
        """The photograph above what the network makes of it shrunk, float RGB [1, 3, 2 H, W]."""
        factor = self.recipe.network.factor
        height, width = (side // factor * factor for side in photograph.shape[-2:])
        truth = photograph[..., :height, :width]
        return torch.cat([truth, self.network(self.shrunk(truth))], dim=2)
