"""VGG-16, the frozen loss network of the perceptual losses.

Simonyan & Zisserman 2014 (arXiv:1409.1556), configuration D, ImageNet weights with torchvision's
tensor names and input normalisation, cut after relu5_3, the last layer that the paper looks at.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

Tap = Literal["relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_1", "relu5_3"]

# The index of each tap in torchvision's `vgg16().features`.
TAPS: Mapping[int, Tap] = {
    3: "relu1_2",
    8: "relu2_2",
    15: "relu3_3",
    22: "relu4_3",
    25: "relu5_1",
    29: "relu5_3",
}

# ImageNet statistics of RGB in [0, 1].
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)

_CHANNELS = (
    *(64, 64, "pool", 128, 128, "pool", 256, 256, 256, "pool"),
    *(512, 512, 512, "pool", 512, 512, 512),
)


def _layers() -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = 3
    for entry in _CHANNELS:
        if isinstance(entry, str):
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(channels, entry, 3, padding=1), nn.ReLU(inplace=True)]
            channels = entry
    return nn.Sequential(*layers)


class VGG16(nn.Module):
    """VGG-16 to relu5_3, frozen.

    ``forward`` takes float RGB [N, 3, H, W] in [0, 255] and returns the activations of the taps
    asked for, float [N, C, H/s, W/s], with (C, s) = (64, 1), (128, 2), (256, 4), (512, 8), and
    (512, 16) from relu5_1 on. Layers behind the last tap asked for are not run.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        """``weights``: tensors by torchvision name, as ``vgg_weights.load`` returns them."""
        super().__init__()
        self.features = _layers()
        self.load_state_dict(dict(weights))
        self.register_buffer("mean", 255 * torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(STD).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)
        self.eval()

    def forward(self, image: Tensor, taps: frozenset[Tap]) -> dict[Tap, Tensor]:
        activations: dict[Tap, Tensor] = {}
        x = (image - self.mean) / self.std
        for index, layer in enumerate(self.features):
            x = layer(x)
            tap = TAPS.get(index)
            if tap is not None and tap in taps:
                activations[tap] = x
                if len(activations) == len(taps):
                    break
        return activations
