"""Training by several processes, each with its share of every batch.

    torchrun --nproc-per-node 2 -m trainer train --style wave --data PHOTOGRAPHS

DistributedDataParallel averages their gradients. Losses are means over the images of a batch, so
equal shares of it lead to the same network as the whole batch in one process.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from trainer.errors import TrainerError
from trainer.recipe_base import Stage

Objective = Callable[[Tensor, int], Tensor]
"""Losses of a batch of images at a step; the first is minimised."""


@dataclass(frozen=True)
class World:
    """The processes that train together, and which of them this is; without torchrun just one."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks for all."""
        return self.rank == 0

    def check(self, stages: Sequence[Stage]) -> None:
        """Raises TrainerError if a batch cannot be shared equally."""
        for stage in stages:
            if stage.batch % self.size:
                raise TrainerError(
                    f"a batch of {stage.batch} images cannot be shared by {self.size} processes"
                )

    def share(self, stage: Stage, samples: range) -> tuple[Stage, Sequence[int]]:
        """This process's part of the batches that these samples make."""
        share = stage.batch // self.size
        mine = [
            sample
            for position, sample in enumerate(samples)
            if position % stage.batch // share == self.rank
        ]
        return stage.model_copy(update={"batch": share}), mine

    def averaging(self, network: nn.Module, objective: Objective) -> Objective:
        """The objective, such that gradients of its losses become means over all processes."""
        return objective if self.size == 1 else DistributedDataParallel(_Module(network, objective))

    def mean(self, losses: Tensor) -> Tensor:
        if self.size > 1:
            distributed.all_reduce(losses)
        return losses / self.size

    def union(self, names: set[str]) -> set[str]:
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
    """An objective with its network, as DistributedDataParallel wants to have them."""

    def __init__(self, network: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.network = network
        self._objective = objective

    def forward(self, images: Tensor, step: int) -> Tensor:
        return self._objective(images, step)


@contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """Meet the other processes that torchrun has started, if it has started this one."""
    if not distributed.is_torchelastic_launched():
        yield ALONE
        return
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield World(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


def local_rank() -> int:
    """Which of this machine's processes this is, and so which of its GPUs is its own."""
    return int(os.environ.get("LOCAL_RANK", "0"))
