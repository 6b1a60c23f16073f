"""A style's losses beside those of optimising each photograph directly (figure 5).

In the paper one forward pass reaches about what 50 to 100 iterations of optimisation reach. All
losses are computed in float32: of optimisation after each iteration of L-BFGS, of the network from
the bytes that it serves.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from trainer.evaluation import gatys
from trainer.evaluation.descents import Comparison, Descent, Losses
from trainer.evaluation.gatys import FROM_NOISE, FROM_PHOTOGRAPH, Protocol
from trainer.evaluation.result_cache import ResultCache, digest, key_of
from trainer.evaluation.served_style import ServedStyle
from trainer.evaluation.trained_styles import SingleStyle, TrainedStyle
from trainer.images.photographs import read_rgb
from trainer.losses import Loss, LossTerms, Objective, PerceptualLoss
from trainer.perceptual import WholePictureObjective
from trainer.pretrained.vgg import VGG16

PROTOCOLS = (FROM_NOISE, FROM_PHOTOGRAPH)


@dataclass(frozen=True, eq=False)
class Style:
    """A trained style, and the objective that its network was trained to minimise."""

    served: ServedStyle
    objective: Objective
    minimised: Mapping[str, Any]
    """What the losses of optimisation depend on, as JSON; the network is not part of it."""
    device: torch.device
    """Where network and objective are."""

    @classmethod
    def of(cls, style: TrainedStyle, vgg: VGG16, device: torch.device) -> "Style":
        """Raises TrainerError if the painting cannot be read."""
        painting = read_rgb(style.file, style.short_side).to(device)
        vgg = vgg.to(device)
        objective: Objective
        if isinstance(style, SingleStyle):
            objective = PerceptualLoss(vgg, painting, style.recipe.loss)
            terms = {"content_tap", "style_taps", "content_weight", "style_weight", "tv_weight"}
            weights = style.recipe.loss.model_dump(mode="json", include=terms)
        else:
            own = style.painting.style_weight
            objective = WholePictureObjective(vgg, painting, style.recipe.loss, own)
            terms = {"content_weight", "style_weight", "tv_weight"}
            weights = {**style.recipe.loss.model_dump(mode="json", include=terms), "own": own}
        minimised = {
            "loss": weights,
            "painting": digest(style.file),
            "short_side": style.short_side,
        }
        return cls(style.served().to(device), objective, minimised, device)


def measure(
    style: Style,
    photographs: Sequence[Path],
    iterations: Mapping[int, int],
    cache: ResultCache,
) -> list[Comparison]:
    """Losses on the centre crops of photographs, one result for each size in ``iterations``.

    ``iterations``: of L-BFGS from the photograph, by size in pixels; from noise there are up to
    five times as many, as is usual, but no more than it takes to match the network, roughly.
    Optimisation takes hours, so its losses are taken from the cache where it has them; the
    network's are always computed.
    """
    full_float32 = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
    with full_float32, _progress(iterations, len(photographs)) as bar:
        return [_of_size(style, photographs, *each, cache, bar) for each in iterations.items()]


def result_cache(runs: Path, style: str) -> ResultCache:
    """The cache of a style's optimisation, shared by all commands that need it.

    And by networks: it goes by what is painted, not by whose style that is.
    """
    return ResultCache(runs / "descents" / style.rpartition("/")[2])


def _of_size(
    style: Style,
    photographs: Sequence[Path],
    size: int,
    iterations: int,
    cache: ResultCache,
    bar: "tqdm[None]",
) -> Comparison:
    untouched: list[Losses] = []
    network: list[Losses] = []
    for file in photographs:
        image = centre_crop(file, size).to(style.device)
        loss = style.objective.toward(image)
        untouched.append(measured(loss, image))
        network.append(measured(loss, style.served.paint(image)))
    optimized = []
    for protocol in PROTOCOLS:
        lengths = _lengths(protocol, iterations)
        while lengths:
            length = lengths.pop(0)
            losses = [
                _descent(style, file, size, protocol, length, cache, bar) for file in photographs
            ]
            descent = Descent(protocol, losses)
            if descent.matched_at(network) is not None:
                break
        bar.total -= len(photographs) * size * size * sum(lengths)
        optimized.append(descent)
    return Comparison(size, untouched, network, optimized)


def _lengths(protocol: Protocol, iterations: int) -> list[int]:
    """How many iterations are tried, one after the other, until the network is matched."""
    longest = iterations * protocol.iterations // FROM_PHOTOGRAPH.iterations
    if protocol is FROM_PHOTOGRAPH:
        return [longest]
    return [length for length in (longest // 3, longest) if length]


@contextmanager
def _progress(iterations: Mapping[int, int], photographs: int) -> Iterator["tqdm[None]"]:
    """A progress bar in pixels: an iteration's time is about proportional to them."""
    total = photographs * sum(
        size * size * sum(_lengths(protocol, count))
        for size, count in iterations.items()
        for protocol in PROTOCOLS
    )
    shown = "{desc}{percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]"
    with tqdm(total=total, bar_format=shown) as bar:
        yield bar


def _descent(
    style: Style,
    file: Path,
    size: int,
    protocol: Protocol,
    iterations: int,
    cache: ResultCache,
    bar: "tqdm[None]",
) -> list[Losses]:
    """Losses after each iteration of optimising the centre of a photograph."""
    bar.set_description(f"{size} px, {file.stem}, {protocol.name}")
    work = size * size
    depends_on = {
        **style.minimised,
        "photograph": digest(file),
        "protocol": protocol.name,
        "iterations": iterations,
    }
    key = key_of(f"{size}_{file.stem}", depends_on)
    kept = cache.get(key)
    if kept is not None:
        bar.total -= iterations * work  # or the time left would count what takes none
        return [Losses(**losses) for losses in kept]
    found: list[Losses] = []

    def record(_: int, __: Tensor, terms: LossTerms) -> None:
        found.append(Losses.of(terms))
        bar.update(work)

    image = centre_crop(file, size).to(style.device)
    gatys.optimize(style.objective.toward(image), image, iterations, protocol, record)
    cache.put(key, [asdict(losses) for losses in found])
    return found


@torch.no_grad()
def measured(loss: Loss, image: Tensor) -> Losses:
    """Losses of an image, RGB [1, 3, H, W] in [0, 255]."""
    return Losses.of(loss(image))


def centre_crop(file: Path, size: int) -> Tensor:
    """The central square of a photograph, float RGB [1, 3, size, size] in [0, 255]."""
    image = read_rgb(file, size)
    top = (image.shape[2] - size) // 2
    left = (image.shape[3] - size) // 2
    return image[:, :, top : top + size, left : left + size].contiguous()
