"""Pictures of how a run is doing: photographs above their stylisations, side by side."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from trainer.networks import StyleNet


@torch.no_grad()
def contact_sheet(network: StyleNet, photographs: Sequence[Tensor]) -> Tensor:
    """uint8 RGB [3, H, W] from float RGB photographs [1, 3, H, W] in [0, 255] of any sizes."""
    device = next(network.parameters()).device
    training = network.training
    network.eval()  # looking must not move the running statistics of batch norm
    columns = [
        torch.cat([photograph, network(photograph.to(device)).float().cpu()], dim=2)[0]
        for photograph in photographs
    ]
    network.train(training)
    height = max(column.shape[1] for column in columns)
    padded = [F.pad(column, (0, 0, 0, height - column.shape[1]), value=255) for column in columns]
    return torch.cat(padded, dim=2).clamp(0, 255).round().to(torch.uint8)
