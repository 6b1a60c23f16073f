"""LPIPS, a perceptual distance between pictures, fitted to people's judgements (Zhang et al. 2018).

arXiv:1801.03924, section 3, in version 0.1 of its authors' release: a linear calibration of
AlexNet (Krizhevsky 2014, arXiv:1404.5997). 0 means equal, lower is better.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

SMALLEST = 31
"""Side of the smallest picture that leaves AlexNet's last layers a pixel."""

# The release's own rounding of the ImageNet statistics, of RGB in [-1, 1].
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)

_CHANNELS = (64, 192, 384, 256, 256)


class LPIPS(nn.Module):
    """The distance of two pictures, frozen.

    ``forward`` takes two uint8 RGB [H, W, 3], H and W from SMALLEST up. At each of AlexNet's five
    ReLUs the activations p and q of the two are divided by their norm over channels; the distance
    is the mean over positions of sum_c w_c (p_c - q_c)^2, summed over the five (the paper's
    equation 1, where the weights enter squared: w_c is that square).
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        """``weights``: tensors by name, as ``lpips_weights.load`` returns them."""
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
        )
        self.linear = nn.ModuleList(nn.Conv2d(c, 1, 1, bias=False) for c in _CHANNELS)
        self.load_state_dict(dict(weights))
        self.register_buffer("shift", torch.tensor(SHIFT).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)
        self.eval()

    def forward(self, image: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
        layers = zip(self.linear, self._activations(image), self._activations(truth), strict=True)
        distances = [linear((p - q).square()).mean() for linear, p, q in layers]
        return torch.stack(distances).sum().item()

    def _activations(self, pixels: NDArray[np.uint8]) -> Iterator[Tensor]:
        image = torch.from_numpy(pixels.copy()).to(self.shift.device).permute(2, 0, 1)[None]
        x = (image / 127.5 - 1 - self.shift) / self.scale
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                yield x / (x.norm(dim=1, keepdim=True) + 1e-10)
