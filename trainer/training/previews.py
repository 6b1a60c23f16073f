"""Previews of a run: photographs and the network's output, side by side on a contact sheet."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@torch.no_grad()
def contact_sheet(
    network: nn.Module, shown: Callable[[Tensor], Tensor], photographs: Sequence[Tensor]
) -> Tensor:
    """A contact sheet, uint8 RGB [3, H, W], of float RGB photographs [1, 3, H, W] in [0, 255].

    Their sizes may differ. ``shown`` makes a photograph's column with ``network``, float RGB
    [1, 3, H, W].
    """
    device = next(network.parameters()).device
    training = network.training
    network.eval()  # a preview must not change batch norm's running statistics
    columns = [shown(photograph.to(device)).float().cpu()[0] for photograph in photographs]
    network.train(training)
    height = max(column.shape[1] for column in columns)
    padded = [F.pad(column, (0, 0, 0, height - column.shape[1]), value=255) for column in columns]
    return torch.cat(padded, dim=2).clamp(0, 255).round().to(torch.uint8)
