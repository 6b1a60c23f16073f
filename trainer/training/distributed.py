"""Data-parallel training: several processes, each with its share of every batch.

    torchrun --nproc-per-node 2 -m trainer train --style wave --data PHOTOGRAPHS

DistributedDataParallel averages their gradients. Losses are means over the images of a batch, so
equal shares of it lead to the same network as the whole batch in one process.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from trainer.errors import TrainerError
from trainer.recipe_base import Stage

Objective = Callable[[Tensor, int], dict[str, Tensor]]
"""Losses of a batch of images at a step, float32 scalars by name."""


@dataclass(frozen=True)
class World:
    """The processes that train together, and which of them this is; without torchrun just one."""

    rank: int = 0
    """Of this process, from 0."""
    size: int = 1
    """How many processes there are."""

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and output for all."""
        return self.rank == 0

    def check(self, stages: Sequence[Stage]) -> None:
        """Raises TrainerError if a batch cannot be shared equally."""
        for stage in stages:
            if stage.batch % self.size:
                raise TrainerError(
                    f"a batch of {stage.batch} images cannot be shared by {self.size} processes"
                )

    def share(self, stage: Stage, samples: range) -> tuple[Stage, Sequence[int]]:
        """This process's part of the batches that these samples make: a smaller stage, its samples.

        It is a run of ``stage.batch / size`` samples out of each batch.
        """
        share = stage.batch // self.size
        mine = [
            sample
            for position, sample in enumerate(samples)
            if position % stage.batch // share == self.rank
        ]
        return stage.model_copy(update={"batch": share}), mine

    def averaging(self, network: nn.Module, objective: Objective) -> Objective:
        """The objective, wrapped so that backward averages its gradients over all processes."""
        return objective if self.size == 1 else DistributedDataParallel(_Module(network, objective))

    def mean(self, losses: dict[str, Tensor]) -> dict[str, Tensor]:
        """Means over all processes of scalars by name, detached from their graph."""
        values = torch.stack(list(losses.values())).detach()  # one reduction for all: [losses]
        if self.size > 1:
            distributed.all_reduce(values)
        return dict(zip(losses, values / self.size, strict=True))

    def union(self, names: set[str]) -> set[str]:
        """The names that any process has."""
        gathered: list[set[str]] = [names] * self.size
        if self.size > 1:
            distributed.all_gather_object(gathered, names)
        return set().union(*gathered)

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether it holds in any process: all must stop at the same step, or they would wait."""
        if self.size == 1:
            return flag
        flags = torch.tensor(float(flag), device=device)
        distributed.all_reduce(flags)
        return bool(flags)


ALONE = World()


class _Module(nn.Module):
    """An objective as a module of its network, which DistributedDataParallel takes."""

    def __init__(self, network: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.network = network
        self._objective = objective

    def forward(self, images: Tensor, step: int) -> dict[str, Tensor]:
        return self._objective(images, step)


@contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """The process group that torchrun started this process in, or this process alone."""
    if not distributed.is_torchelastic_launched():
        yield ALONE
        return
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield World(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
