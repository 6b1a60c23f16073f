"""Progress bar, TensorBoard, averaged losses, previews and checkpoints of a training run."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import torch
from PIL import Image
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from trainer.devices import autocast
from trainer.errors import TrainerError
from trainer.images.photographs import read_rgb
from trainer.recipe_base import Stage
from trainer.training.checkpoint import Run
from trainer.training.distributed import World
from trainer.training.previews import contact_sheet

REPORT_EVERY = 10
"""Steps between reports: reading the losses waits for the device, so not every step does."""
PREVIEW_PHOTOGRAPHS = 4
PREVIEW_SHORT_SIDE = 256
"""Pixels."""


class Reporter:
    """Follows a run: hears of every step, changes nothing that is trained.

    ``shown`` makes a photograph's part of a preview, float RGB [1, 3, H, W] in [0, 255]. Every
    process of a distributed run has a reporter, but only the first one's writes and draws.

    Raises TrainerError if none of the photographs can be read.
    """

    def __init__(
        self,
        run: Run,
        shown: Callable[[Tensor], Tensor],
        photographs: Sequence[Path],
        folder: Path,
        *,
        preview_every: int,
        checkpoint_every: int,
        world: World,
    ) -> None:
        self._run = run
        self._shown = shown
        self._folder = folder
        self._preview_every = preview_every
        self._checkpoint_every = checkpoint_every
        self._world = world
        self._photographs = _readable(photographs, PREVIEW_PHOTOGRAPHS)
        if not self._photographs:
            raise TrainerError("none of the photographs can be read")
        progress, steps = run.progress, run.recipe.schedule.steps
        self._unreadable = set(progress.unreadable)
        self._averages: Tensor | None = None
        """float32 [losses], in their order; set by the first step."""
        self._reported_at, self._reported_images = time.perf_counter(), progress.images
        self._writer: SummaryWriter | None = None
        if world.first:
            folder.mkdir(parents=True, exist_ok=True)
            self._writer = SummaryWriter(str(folder), purge_step=progress.step)
        self._bar = tqdm(
            total=steps, initial=progress.step, unit="step", mininterval=1, disable=not world.first
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
        if self._writer is not None:
            self._writer.close()

    def after_step(
        self, stage: Stage, losses: dict[str, Tensor], unreadable: frozenset[str], *, stop: bool
    ) -> None:
        """Report, save and draw what is due after a step, which ``progress`` counts already.

        ``losses``: scalars by name, means over all processes. ``unreadable``: photographs of this
        process's part of the batch that could not be decoded. ``stop``: the run ends here, so it is
        saved.
        """
        step = self._run.progress.step
        last = step == self._run.recipe.schedule.steps
        self._average(losses, step)
        self._unreadable |= unreadable
        self._bar.update()
        save = stop or last or step % self._checkpoint_every == 0
        if save or step % REPORT_EVERY == 0:
            self._report(stage, losses)
        if save and self._world.first:
            self._run.save(self._folder)
        if (last or step % self._preview_every == 0) and not stop:
            self._preview(step)

    def _average(self, losses: dict[str, Tensor], step: int) -> None:
        """An exponential average over about the last hundred steps, a plain mean before them."""
        now = torch.stack(list(losses.values()))
        if self._averages is None:
            earlier = self._run.progress.losses
            self._averages = now.new_tensor([earlier.get(name, 0.0) for name in losses])
        self._averages.lerp_(now, max(0.01, 1 / step))

    def _report(self, stage: Stage, losses: dict[str, Tensor]) -> None:
        """Bring ``progress`` up to date, and show it on the bar and in TensorBoard."""
        assert self._averages is not None
        progress = self._run.progress
        progress.unreadable = sorted(self._world.union(self._unreadable))
        progress.losses = dict(zip(losses, self._averages.tolist(), strict=True))
        seconds = time.perf_counter() - self._reported_at
        rate = (progress.images - self._reported_images) / seconds
        progress.seconds += seconds
        self._reported_at, self._reported_images = self._reported_at + seconds, progress.images

        averages = ", ".join(f"{name} {value:.3g}" for name, value in progress.losses.items())
        skipped = f", {len(progress.unreadable)} unreadable" if progress.unreadable else ""
        self._bar.set_postfix_str(f"{stage.crop} px, {rate:.1f} images/s, {averages}{skipped}")
        if self._writer is not None:
            for name, loss in losses.items():
                self._writer.add_scalar(f"loss/{name}", loss.item(), progress.step)
            self._writer.add_scalar("images_per_second", rate, progress.step)

    def _preview(self, step: int) -> None:
        """The first photographs, transformed, side by side: a JPEG file, and in TensorBoard."""
        if self._writer is None:
            return
        with autocast(next(self._run.network.parameters()).device):
            sheet = contact_sheet(self._run.network, self._shown, self._photographs)
        self._writer.add_image("preview", sheet, step)
        file = self._folder / "previews" / f"step_{step:06}.jpg"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(sheet.permute(1, 2, 0).numpy()).save(file, quality=90)


def _readable(photographs: Sequence[Path], count: int) -> list[Tensor]:
    """The first photographs that can be read, small, as float RGB [1, 3, H, W] in [0, 255]."""
    read: list[Tensor] = []
    for file in photographs:
        if len(read) == count:
            break
        with suppress(TrainerError):
            read.append(read_rgb(file, PREVIEW_SHORT_SIDE))
    return read
