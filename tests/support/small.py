"""Small recipes and networks, so that training takes seconds, and helpers around them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from trainer.networks.served import ServedStyleNet
from trainer.networks.style import Architecture, Norm, StyleNet
from trainer.networks.upscale import Factor, PaperUpscaleNet, UpscaleNet
from trainer.recipe import (
    Recipe,
    StyleNetRecipe,
    StyleRecipe,
    StylizeLossRecipe,
    StylizeRecipe,
    StylizeScheduleRecipe,
    StylizeStage,
    UpscaleRecipe,
)
from trainer.training import checkpoint, loop
from trainer.weights_file import TrainedModel, Training

EVALUATION = {"photographs": 10, "network": {"total": 1.5e5}}
"""Figures as a card has them."""
CPU = torch.device("cpu")
LOSS = StylizeLossRecipe(
    content_tap="relu2_2",
    content_weight=1.0,
    style_weight=1e3,
    tv_weight=1.0,
    saturation_weight=1.0,
)


def stages(*steps: int) -> tuple[StylizeStage, ...]:
    """Stages of these numbers of steps, with two crops of 32 pixels a step."""
    return tuple(StylizeStage(steps=n, crop=32, batch=2) for n in steps)


def recipe(painting: Path, **schedule: Any) -> StylizeRecipe:
    """A recipe of a style network of width 4: four steps, or another ``schedule``."""
    schedule = {"stages": stages(4), "peak_learning_rate": 1e-2, **schedule}
    return StylizeRecipe(
        title="A small model",
        licence="CC0-1.0",
        data="three photographs",
        network=StyleNetRecipe(width=4),
        style=StyleRecipe(image=str(painting), short_side=64),
        loss=LOSS,
        schedule=StylizeScheduleRecipe(**schedule),
    )


FEATURE_LOSS = {"pixel": "l1", "pixel_weight": 0.1, "features": {"relu2_2": 1.0}}


def upscale_recipe(
    *, factor: Factor = 4, blocks: int = 1, crop: int = 32, steps: int = 4, **changes: Any
) -> UpscaleRecipe:
    """A recipe of an upscaler of width 4 with a pixel loss; ``changes`` replace its tables."""
    described = {
        "title": "A small upscaler",
        "licence": "CC0-1.0",
        "data": "three photographs",
        "objective": "pixel",
        "network": {
            "architecture": "sub-pixel",
            "factor": factor,
            "width": 4,
            "blocks": blocks,
        },
        "blur_sigma": 0.0,
        "loss": {"pixel": "l1", "pixel_weight": 1.0},
        "schedule": {
            "stages": [{"steps": steps, "crop": crop, "batch": 2}],
            "peak_learning_rate": 1e-2,
        },
    }
    return UpscaleRecipe.model_validate(described | changes)


def options(folder: Path, **changes: Any) -> loop.Options:
    """Options of a run on the CPU, without workers; previews and checkpoints only at its end."""
    defaults: dict[str, Any] = {
        "folder": folder,
        "device": CPU,
        "workers": 0,
        "preview_every": 1000,
        "checkpoint_every": 1000,
    }
    return loop.Options(**{**defaults, **changes})


def trained(
    wanted: Recipe,
    vgg: dict[str, Tensor],
    photographs: Sequence[Path],
    folder: Path,
    **changes: Any,
) -> checkpoint.Run:
    """A new run of the recipe, trained to its end; ``changes`` are of the options."""
    run = checkpoint.new_run(wanted, CPU)
    loop.train(run, vgg, photographs, options(folder, **changes))
    return run


def lively(
    width: int = 8,
    norm: Norm = "instance",
    seed: int = 0,
    architecture: Architecture = "paper",
) -> StyleNet:
    """A style network with random weights whose output covers the whole range of pixels."""
    torch.manual_seed(seed)
    network = StyleNet(width, norm, architecture)
    to_rgb = network.to_rgb[1]
    with torch.no_grad():
        to_rgb.weight.mul_(20)  # a new network's outputs are near grey
        phases = to_rgb.out_channels // 3
        to_rgb.bias.copy_(torch.tensor([-0.2, 0.0, 0.1]).repeat_interleave(phases))
    return network.eval()


def lively_upscaler(factor: Factor = 4, blocks: int = 2, seed: int = 0) -> UpscaleNet:
    """An upscaler with random weights whose output differs clearly from bicubic upsampling."""
    torch.manual_seed(seed)
    network = UpscaleNet(factor, width=8, blocks=blocks)
    with torch.no_grad():
        network.tail.weight.mul_(30)  # a new network hardly does
        for block in list(network.body)[:-1]:
            block.reduce.weight.mul_(10)
    return network.eval()


def measured(**losses: float) -> Training:
    """A record of training with these losses."""
    return Training(
        created="2016-03-27T01:04:27+00:00",
        device="cpu",
        steps=4,
        images=8,
        seconds=1.5,
        losses=losses,
    )


def model(painting: Path, network: StyleNet) -> TrainedModel:
    """The network as a trained style, with a recipe of its architecture."""
    followed = recipe(painting)
    sub_pixel = len(network.to_rgb) == 3
    width = network.to_rgb[1].in_channels // (2 if sub_pixel else 1)
    norm: Norm = "batch" if "features.0.2.running_mean" in network.state_dict() else "instance"
    architecture: Architecture = "sub-pixel" if sub_pixel else "paper"
    described = StyleNetRecipe(architecture=architecture, width=width, norm=norm)
    followed = followed.model_copy(update={"network": described})
    return TrainedModel(network, followed, measured(total=3.0, content=1.0, style=2.0))


def upscale_model(network: UpscaleNet | PaperUpscaleNet) -> TrainedModel:
    """The network as a trained upscaler, with a recipe of its architecture."""
    described = {
        "architecture": "paper" if isinstance(network, PaperUpscaleNet) else "sub-pixel",
        "factor": network.factor,
        "width": network.width,
        "blocks": network.blocks,
    }
    followed = upscale_recipe(network=described)
    return TrainedModel(network, followed, measured(total=3.0, pixel=3.0))


@torch.no_grad()
def painted(network: ServedStyleNet, photograph: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The stylisation of a photograph in full strength, both uint8 RGB [H, W, 3]."""
    image = torch.from_numpy(photograph)[None]
    output: NDArray[np.uint8] = network(image, torch.ones(1), torch.zeros(1))[0].numpy()
    return output


class Exported(NamedTuple):
    """A model, its folder in a store and its ONNX file's SHA-256."""

    model: TrainedModel
    folder: Path
    digest: str

    @property
    def onnx(self) -> Path:
        return self.folder / "1" / "model.onnx"


def equal(one: StyleNet, other: StyleNet) -> bool:
    """Whether two networks have the same weights, bit for bit."""
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(a == b and torch.equal(s, t) for (a, s), (b, t) in pairs)


def as_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    """uint8 [H, W, 3] to float RGB [1, 3, H, W] in [0, 255]."""
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float()


def save(pixels: NDArray[np.uint8], file: Path, **options: Any) -> Path:
    """Write an image file, uint8 [H, W] or [H, W, 3]; ``options`` are Pillow's."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file, **options)
    return file
