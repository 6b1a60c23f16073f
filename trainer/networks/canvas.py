"""What surrounds a style network at serving: margin, grain, strength and the colours kept."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.networks.grain import Grain
from trainer.networks.style import PIXEL_CENTRE, to_pixels

# VGG pads with zeros, so the loss hardly sees the outermost pixels and a network paints them as it
# likes: a frame. Served networks paint a reflected margin around the picture and cut it off.
MARGIN = 8


SampleInputs = Mapping[str, tuple[int, ...]]
"""What a network takes beside images, by name: the shape of each for one image, in float32."""


class Canvas(nn.Module):
    """A served style network's way with the photograph before it and the picture after it."""

    luma: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.grain = Grain()
        # BT.601: the luma of RGB, in all three channels.
        self.register_buffer("luma", torch.tensor([0.299, 0.587, 0.114]).expand(3, 3).clone())

    def prepared(self, content: Tensor) -> Tensor:
        """What the network sees of float [N, 3, H, W] in [0, 255]: with grain and margin, about 0.

        Float [N, 3, H + 2 MARGIN, W + 2 MARGIN]. Without grain it would leave flat areas without
        strokes.
        """
        framed = F.pad(content, (MARGIN, MARGIN, MARGIN, MARGIN), mode="reflect")
        centred: Tensor = (self.grain(framed) - PIXEL_CENTRE) / PIXEL_CENTRE
        return centred

    def finished(
        self, content: Tensor, logits: Tensor, strength: Tensor, preserve_color: Tensor, cut: int
    ) -> Tensor:
        """The picture, uint8 [N, H, W, 3], of float ``content`` [N, 3, H, W] in [0, 255].

        ``logits`` float [N, 3, > H + cut, > W + cut], of which so many pixels are cut off at the
        top and left. ``strength`` float32 [N] in [0, 1], 0 gives the content back;
        ``preserve_color`` float32 [N] in {0, 1}, 1 keeps its chroma under the painted luma (Gatys
        et al. 2016, arXiv:1606.05897, section 3.2).
        """
        height, width = content.shape[-2:]
        logits = logits.float()[..., cut : cut + height, cut : cut + width]
        change = to_pixels(logits).clamp(0, 255) - content
        # Luma is linear: its change in all three channels leaves Cb and Cr as they were.
        identity = torch.eye(3, device=self.luma.device)
        kept = torch.lerp(identity, self.luma, preserve_color[:, None, None])
        change = (strength[:, None, None] * kept) @ change.flatten(2)
        blended = content + change.reshape(content.shape)
        return blended.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1)
