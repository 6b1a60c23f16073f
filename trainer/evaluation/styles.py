"""A style network's losses beside those of optimising each photograph directly (figure 5).

In the paper one forward pass reaches about what 50 to 100 iterations of optimisation reach. All
losses are computed in float32: of optimisation after each iteration of L-BFGS, of the network from
the bytes that it serves.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import stdev
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from trainer.errors import TrainerError
from trainer.evaluation import gatys
from trainer.evaluation.result_cache import ResultCache, digest, key_of
from trainer.images.photographs import read_rgb
from trainer.losses import LossTerms, PerceptualLoss
from trainer.networks.served import ServedStyleNet
from trainer.networks.style import StyleNet
from trainer.pretrained.vgg import VGG16
from trainer.recipe import StylizeRecipe
from trainer.weights_file import TrainedModel

MILESTONES = (10, 50, 100)
"""Iterations of optimisation that are reported."""


@dataclass(frozen=True)
class Style:
    """A trained style network, and the perceptual loss that it was trained to minimise."""

    recipe: StylizeRecipe
    network: ServedStyleNet
    objective: PerceptualLoss
    device: torch.device
    """Where network and objective are."""

    @classmethod
    def of(
        cls, recipe: StylizeRecipe, network: ServedStyleNet, vgg: VGG16, device: torch.device
    ) -> "Style":
        painting = read_rgb(recipe.style.file, recipe.style.short_side).to(device)
        objective = PerceptualLoss(vgg.to(device), painting, recipe.loss)
        return cls(recipe, network.to(device), objective, device)


@dataclass(frozen=True)
class Losses:
    """Weighted losses of one photograph, or means over several."""

    content: float
    style: float
    total: float

    @classmethod
    def of(cls, terms: LossTerms) -> "Losses":
        return cls(terms.content.item(), terms.style.item(), terms.total.item())


@dataclass(frozen=True)
class Descents:
    """Losses of photographs at one size, each sequence in the order of the photographs."""

    size: int
    """Side of the square centre crops, pixels."""
    untouched: Sequence[Losses]
    network: Sequence[Losses]
    optimized: Sequence[Sequence[Losses]]
    """A sequence for each photograph: its losses after each iteration, from the first."""

    def by_iteration(self) -> list[Losses]:
        """Means over photographs after each iteration of optimisation, from the first."""
        return [mean(losses) for losses in zip(*self.optimized, strict=True)]

    def at_milestones(self) -> dict[int, Losses]:
        """Means over photographs after each of MILESTONES that was reached."""
        by_iteration = self.by_iteration()
        return {n: by_iteration[n - 1] for n in MILESTONES if n <= len(by_iteration)}

    @property
    def matched_at(self) -> int | None:
        """The first iteration, from 1, whose mean total is no worse than the network's, if any."""
        network = mean(self.network).total
        numbered = enumerate(self.by_iteration(), 1)
        return next((n for n, losses in numbered if losses.total <= network), None)

    @property
    def equals(self) -> str:
        """``matched_at`` as text: a number, or "more than" all that were run."""
        longest = len(self.by_iteration())
        return f"more than {longest}" if self.matched_at is None else str(self.matched_at)

    def figures(self) -> dict[str, Any]:
        """Means as plain numbers, rounded to four digits."""

        def rounded(losses: Losses) -> dict[str, float]:
            return {name: float(f"{value:.4g}") for name, value in asdict(losses).items()}

        matched = {} if self.matched_at is None else {"matched_at_iteration": self.matched_at}
        return {
            "photographs": len(self.network),
            "size": self.size,
            "untouched": rounded(mean(self.untouched)),
            "network": rounded(mean(self.network)),
            **{f"optimized_{n}": rounded(losses) for n, losses in self.at_milestones().items()},
            **matched,
        }

    def table(self) -> str:
        """Means as text, a row for each method."""
        rows = {"photograph": mean(self.untouched), "network": mean(self.network)}
        rows |= {f"optimised, {n} iterations": at for n, at in self.at_milestones().items()}
        lines = [f"{'':28}{'content':>12}{'style':>12}{'total':>12}"]
        lines += [
            f"{name:28}{row.content:12.4g}{row.style:12.4g}{row.total:12.4g}"
            for name, row in rows.items()
        ]
        lines.append(f"the network equals {self.equals} iterations of optimisation")
        return "\n".join(lines)


def mean(losses: Sequence[Losses]) -> Losses:
    """Means over photographs."""
    count = len(losses)
    return Losses(
        content=sum(one.content for one in losses) / count,
        style=sum(one.style for one in losses) / count,
        total=sum(one.total for one in losses) / count,
    )


def deviation(losses: Sequence[Losses]) -> float:
    """Standard deviation of the total over photographs, 0 for a single one."""
    return stdev(one.total for one in losses) if len(losses) > 1 else 0.0


def measure(
    style: Style,
    photographs: Sequence[Path],
    iterations: Mapping[int, int],
    cache: ResultCache,
) -> list[Descents]:
    """Losses on the centre crops of photographs, one result for each size in ``iterations``.

    ``iterations``: of L-BFGS, by size in pixels. Optimisation takes hours, so its losses are taken
    from the cache where it has them; the network's are always computed.
    """
    full_float32 = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
    with full_float32, _progress(iterations, len(photographs)) as bar:
        return [_of_size(style, photographs, *each, cache, bar) for each in iterations.items()]


def result_cache(runs: Path, style: str) -> ResultCache:
    """The cache of a style's optimisation, shared by all commands that need it."""
    return ResultCache(runs / "descents" / style)


def _of_size(
    style: Style,
    photographs: Sequence[Path],
    size: int,
    iterations: int,
    cache: ResultCache,
    bar: "tqdm[None]",
) -> Descents:
    work = size * size
    untouched: list[Losses] = []
    network: list[Losses] = []
    optimized: list[list[Losses]] = []
    for file in photographs:
        bar.set_description(f"{size} px, {file.stem}")
        image = centre_crop(file, size).to(style.device)
        target = style.objective.content_target(image)
        untouched.append(measured(style.objective, image, target))
        network.append(measured(style.objective, stylize(style.network, image), target))
        key = key_of(
            f"{size}_{file.stem}",
            {**_minimised(style.recipe), "photograph": digest(file), "iterations": iterations},
        )
        descent = cache.get(key)
        if descent is None:
            descent = _descent(style.objective, image, iterations, bar, work)
            cache.put(key, descent)
        else:
            bar.total -= iterations * work  # or the time left would count what takes none
        optimized.append([Losses(**losses) for losses in descent])
    return Descents(size, untouched, network, optimized)


@contextmanager
def _progress(iterations: Mapping[int, int], photographs: int) -> Iterator["tqdm[None]"]:
    """A progress bar in pixels: an iteration's time is about proportional to them."""
    total = photographs * sum(size * size * count for size, count in iterations.items())
    shown = "{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]"
    with tqdm(total=total, bar_format=shown) as bar:
        yield bar


def _minimised(recipe: StylizeRecipe) -> dict[str, Any]:
    """What the losses of optimisation depend on; the network is not part of it."""
    terms = {"content_tap", "style_taps", "content_weight", "style_weight", "tv_weight"}
    return {
        "loss": recipe.loss.model_dump(mode="json", include=terms),
        "painting": digest(recipe.style.file),
        "short_side": recipe.style.short_side,
    }


def _descent(
    objective: PerceptualLoss, image: Tensor, iterations: int, bar: "tqdm[None]", work: int
) -> list[dict[str, float]]:
    """Losses after each iteration of optimising a photograph; one moves the bar by ``work``."""
    losses: list[dict[str, float]] = []

    def record(_: int, __: Tensor, terms: LossTerms) -> None:
        losses.append(asdict(Losses.of(terms)))
        bar.update(work)

    gatys.optimize(objective, image, iterations, record)
    return losses


@torch.no_grad()
def measured(objective: PerceptualLoss, image: Tensor, target: Tensor) -> Losses:
    """Losses of an image, RGB [1, 3, H, W] in [0, 255], with the content target ``target``."""
    return Losses.of(objective(image, target))


def centre_crop(file: Path, size: int) -> Tensor:
    """The central square of a photograph, float RGB [1, 3, size, size] in [0, 255]."""
    image = read_rgb(file, size)
    top = (image.shape[2] - size) // 2
    left = (image.shape[3] - size) // 2
    return image[:, :, top : top + size, left : left + size].contiguous()


def served_style(name: str, model: TrainedModel) -> tuple[StylizeRecipe, ServedStyleNet]:
    """A style's recipe, and its network as it is served.

    Raises TrainerError if ``model`` is not a style.
    """
    if not isinstance(model.recipe, StylizeRecipe):
        raise TrainerError(f"{name} is not a style")
    assert isinstance(model.network, StyleNet)
    return model.recipe, ServedStyleNet(model.network).eval()


@torch.no_grad()
def stylize(network: ServedStyleNet, image: Tensor) -> Tensor:
    """The served network's output for an image, both float RGB [1, 3, H, W] in [0, 255].

    Through bytes, as a user's picture goes.
    """
    pixels = image.round().to(torch.uint8).permute(0, 2, 3, 1)
    zero, one = torch.tensor([[0.0], [1.0]], device=image.device)
    output: Tensor = network(pixels, strength=one, preserve_color=zero)
    return output.permute(0, 3, 1, 2).float()
