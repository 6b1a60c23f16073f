"""Networks as they are exported: bytes in, bytes out, pre- and postprocessing inside."""

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.networks.grain import Grain
from trainer.networks.rewrites import PhasesConvNorm, on_phases
from trainer.networks.style import PIXEL_CENTRE, ConvNorm, StyleNet, to_pixels
from trainer.networks.upscale import PaperUpscaleNet, UpscaleNet, with_batch_norm_folded

# VGG pads with zeros, so the loss hardly sees the outermost pixels and a network paints them as it
# likes: a frame. Served networks paint a reflected margin around the picture and cut it off.
MARGIN = 8


class ServedStyleNet(nn.Module):
    """A style network as it is exported.

    ``image`` uint8 [N, H, W, 3] sRGB; ``strength`` float32 [N] in [0, 1], 0 gives the input back;
    ``preserve_color`` float32 [N] in {0, 1}, 1 keeps the input's chroma under the stylised luma
    (Gatys et al. 2016, arXiv:1606.05897, section 3.2). Returns uint8 [N, H, W, 3].

    The network sees the photograph under a little noise (``grain``), or it would leave flat areas
    without strokes.
    """

    sample_inputs: ClassVar[tuple[str, ...]] = ("strength", "preserve_color")
    luma: Tensor

    def __init__(self, network: StyleNet) -> None:
        super().__init__()
        self.grain = Grain()
        upsampling = [n for n, layers in enumerate(network.features) if _upsamples(layers)]
        self.earlier = network.features[: upsampling[0]]
        self.upsampling = nn.ModuleList(_rewritten(network.features[n]) for n in upsampling)
        to_rgb = network.to_rgb[1]
        assert isinstance(to_rgb, nn.Conv2d)
        self.to_rgb = on_phases(to_rgb)
        self.interleave = nn.Sequential(nn.PixelShuffle(2), *list(network.to_rgb)[2:])
        # BT.601: the luma of RGB, in all three channels.
        self.register_buffer("luma", torch.tensor([0.299, 0.587, 0.114]).expand(3, 3).clone())

    def forward(self, image: Tensor, strength: Tensor, preserve_color: Tensor) -> Tensor:
        content = image.permute(0, 3, 1, 2).float()  # [N, 3, H, W] in [0, 255]
        height, width = content.shape[-2:]
        framed = F.pad(content, (MARGIN, MARGIN, MARGIN, MARGIN), mode="reflect")
        centred = (self.grain(framed) - PIXEL_CENTRE) / PIXEL_CENTRE
        phases = self.earlier(centred.to(self.to_rgb.weight.dtype))
        for n, layers in enumerate(self.upsampling):
            phases = layers(phases if n == 0 else F.pixel_shuffle(phases, 2))
        logits = self.interleave(self.to_rgb(phases)).float()  # [N, 3, H + 2 cut, W + 2 cut]
        cut = MARGIN - 4  # to_rgb left out the 4 pixels that it would have padded
        logits = logits[..., cut : cut + height, cut : cut + width]
        change = to_pixels(logits).clamp(0, 255) - content
        # Luma is linear: its change in all three channels leaves Cb and Cr as they were.
        identity = torch.eye(3, device=self.luma.device)
        kept = torch.lerp(identity, self.luma, preserve_color[:, None, None])
        change = (strength[:, None, None] * kept) @ change.flatten(2)
        blended = content + change.reshape(content.shape)
        return blended.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1)


def _upsamples(layers: nn.Module) -> bool:
    return isinstance(layers, ConvNorm) and isinstance(layers[0], nn.Upsample)


def _rewritten(layers: nn.Module) -> PhasesConvNorm:
    assert isinstance(layers, ConvNorm)
    _, _, convolution, norm, _ = layers
    assert isinstance(convolution, nn.Conv2d)
    return PhasesConvNorm(convolution, norm)


class ServedUpscaleNet(nn.Module):
    """An upscaler as it is exported: uint8 [N, H, W, 3] sRGB to [N, factor H, factor W, 3]."""

    sample_inputs: ClassVar[tuple[str, ...]] = ()

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
