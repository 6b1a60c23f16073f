"""Networks as they are exported: bytes in, bytes out, pre- and postprocessing inside."""

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.networks.canvas import MARGIN, Canvas, SampleInputs
from trainer.networks.rewrites import PhasesConvNorm, on_phases
from trainer.networks.style import ConvNorm, StyleNet
from trainer.networks.upscale import PaperUpscaleNet, UpscaleNet, with_batch_norm_folded


class ServedStyleNet(Canvas):
    """A style network as it is exported.

    ``image`` uint8 [N, H, W, 3] sRGB; ``strength`` and ``preserve_color`` float32 [N] as in
    ``Canvas.finished``. Returns uint8 [N, H, W, 3].
    """

    sample_inputs: ClassVar[SampleInputs] = {"strength": (), "preserve_color": ()}

    def __init__(self, network: StyleNet) -> None:
        super().__init__()
        upsampling = [n for n, layers in enumerate(network.features) if _upsamples(layers)]
        self.earlier = network.features[: upsampling[0]]
        self.upsampling = nn.ModuleList(_rewritten(network.features[n]) for n in upsampling)
        to_rgb = network.to_rgb[1]
        assert isinstance(to_rgb, nn.Conv2d)
        self.to_rgb = on_phases(to_rgb)
        self.interleave = nn.Sequential(nn.PixelShuffle(2), *list(network.to_rgb)[2:])

    def forward(self, image: Tensor, strength: Tensor, preserve_color: Tensor) -> Tensor:
        content = image.permute(0, 3, 1, 2).float()  # [N, 3, H, W] in [0, 255]
        phases = self.earlier(self.prepared(content).to(self.to_rgb.weight.dtype))
        for n, layers in enumerate(self.upsampling):
            phases = layers(phases if n == 0 else F.pixel_shuffle(phases, 2))
        logits = self.interleave(self.to_rgb(phases))
        cut = MARGIN - 4  # to_rgb left out the 4 pixels that it would have padded
        return self.finished(content, logits, strength, preserve_color, cut)


def _upsamples(layers: nn.Module) -> bool:
    return isinstance(layers, ConvNorm) and isinstance(layers[0], nn.Upsample)


def _rewritten(layers: nn.Module) -> PhasesConvNorm:
    assert isinstance(layers, ConvNorm)
    _, _, convolution, norm, _ = layers
    assert isinstance(convolution, nn.Conv2d)
    return PhasesConvNorm(convolution, norm)


class ServedUpscaleNet(nn.Module):
    """An upscaler as it is exported: uint8 [N, H, W, 3] sRGB to [N, factor H, factor W, 3]."""

    sample_inputs: ClassVar[SampleInputs] = {}

    def __init__(self, network: UpscaleNet | PaperUpscaleNet) -> None:
        super().__init__()
        self.network = with_batch_norm_folded(network)

    def forward(self, image: Tensor) -> Tensor:
        enlarged: Tensor = self.network(image.permute(0, 3, 1, 2).float())
        return enlarged.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1)

    @torch.no_grad()
    def enlarge(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """One picture, uint8 [H, W, 3] to [factor H, factor W, 3]."""
        enlarged: NDArray[np.uint8] = self(torch.from_numpy(pixels[None]))[0].numpy()
        return enlarged
