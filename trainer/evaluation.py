"""How well a style network minimises its objective, beside optimising each photograph directly.

The paper's figure 5: the network's one forward pass reaches about what 50 to 100 iterations of
optimisation reach.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainer import data, gatys
from trainer.losses import LossTerms, PerceptualLoss
from trainer.networks import ServedStyleNet

MILESTONES = (10, 50, 100)
"""Iterations of optimisation that are reported."""


@dataclass(frozen=True)
class Losses:
    """Weighted loss terms, means over photographs."""

    content: float
    style: float
    total: float

    @classmethod
    def of(cls, terms: LossTerms) -> "Losses":
        return cls(terms.content.item(), terms.style.item(), terms.total.item())


@dataclass(frozen=True)
class Evaluation:
    photographs: int
    size: int
    """Side of the square centre crops, pixels."""
    untouched: Losses
    network: Losses
    optimized: Mapping[int, Losses]
    """By iterations of L-BFGS, each of MILESTONES."""
    matched_at: int | None
    """The first iteration whose mean total is no worse than the network's, None if none was."""

    def figures(self) -> dict[str, Any]:
        """The evaluation as plain numbers, rounded to what means something."""

        def rounded(losses: Losses) -> dict[str, float]:
            return {name: float(f"{value:.4g}") for name, value in asdict(losses).items()}

        matched = {} if self.matched_at is None else {"matched_at_iteration": self.matched_at}
        return {
            "photographs": self.photographs,
            "size": self.size,
            "untouched": rounded(self.untouched),
            "network": rounded(self.network),
            **{f"optimized_{n}": rounded(losses) for n, losses in self.optimized.items()},
            **matched,
        }

    def table(self) -> str:
        rows = {"photograph": self.untouched, "network": self.network}
        rows |= {f"optimised, {n} iterations": losses for n, losses in self.optimized.items()}
        lines = [f"{'':28}{'content':>12}{'style':>12}{'total':>12}"]
        lines += [
            f"{name:28}{row.content:12.4g}{row.style:12.4g}{row.total:12.4g}"
            for name, row in rows.items()
        ]
        longest = max(self.optimized)
        matched = f"more than {longest}" if self.matched_at is None else str(self.matched_at)
        lines.append(f"the network equals {matched} iterations of optimisation")
        return "\n".join(lines)


def centre_crop(file: Path, size: int) -> Tensor:
    """The central square of a photograph, float RGB [1, 3, size, size] in [0, 255]."""
    image = data.read_rgb(file, size)
    top = (image.shape[2] - size) // 2
    left = (image.shape[3] - size) // 2
    return image[:, :, top : top + size, left : left + size].contiguous()


@torch.no_grad()
def stylize(network: ServedStyleNet, image: Tensor) -> Tensor:
    """What a user gets: through bytes and back, float RGB [1, 3, H, W] in [0, 255]."""
    pixels = image.round().to(torch.uint8).permute(0, 2, 3, 1)
    output: Tensor = network(pixels, torch.ones(1), torch.zeros(1))
    return output.permute(0, 3, 1, 2).float()


def evaluate(
    network: ServedStyleNet,
    objective: PerceptualLoss,
    photographs: Sequence[Path],
    size: int,
    on_iteration: Callable[[], object],
) -> Evaluation:
    """Evaluate on the centre crops of photographs; ``on_iteration`` hears of each L-BFGS step."""
    untouched: list[Losses] = []
    stylized: list[Losses] = []
    optimized: list[list[Losses]] = []  # one list of iterations a photograph
    for file in photographs:
        image = centre_crop(file, size)
        target = objective.content_target(image)
        untouched.append(measured(objective, image, target))
        stylized.append(measured(objective, stylize(network, image), target))
        optimized.append(descent(objective, image, max(MILESTONES), on_iteration))
    by_iteration = [mean(losses) for losses in zip(*optimized, strict=True)]
    network_mean = mean(stylized)
    return Evaluation(
        photographs=len(photographs),
        size=size,
        untouched=mean(untouched),
        network=network_mean,
        optimized={n: by_iteration[n - 1] for n in MILESTONES},
        matched_at=matched_at(by_iteration, network_mean),
    )


@torch.no_grad()
def measured(objective: PerceptualLoss, image: Tensor, target: Tensor) -> Losses:
    """Of an image RGB [1, 3, H, W] in [0, 255], beside the ``content_target`` of another."""
    return Losses.of(objective(image, target))


def descent(
    objective: PerceptualLoss,
    image: Tensor,
    iterations: int,
    on_iteration: Callable[[], object],
) -> list[Losses]:
    """Losses after each iteration of optimising a photograph, RGB [1, 3, H, W] in [0, 255]."""
    losses: list[Losses] = []

    def record(_: int, __: Tensor, terms: LossTerms) -> None:
        losses.append(Losses.of(terms))
        on_iteration()

    gatys.optimize(objective, image, iterations, record)
    return losses


def matched_at(by_iteration: Sequence[Losses], network: Losses) -> int | None:
    """The first iteration, counted from 1, whose total is no worse than the network's, if any."""
    matched = (n for n, losses in enumerate(by_iteration, 1) if losses.total <= network.total)
    return next(matched, None)


def mean(losses: Sequence[Losses]) -> Losses:
    count = len(losses)
    return Losses(
        content=sum(one.content for one in losses) / count,
        style=sum(one.style for one in losses) / count,
        total=sum(one.total for one in losses) / count,
    )
