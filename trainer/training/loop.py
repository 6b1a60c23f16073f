"""The training loop.

A task says what a batch of photographs costs; Adam descends that. A run lives in one folder:

    checkpoint.pt           everything needed to go on after a kill
    weights.safetensors     the trained network, once the last step is done
    previews/               the first photographs, transformed, every so often
    events.out.tfevents.*   TensorBoard
"""

import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import torch
from PIL import Image
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from trainer import weights_file
from trainer.errors import TrainerError
from trainer.images.photographs import read_rgb
from trainer.networks.painter import Painter
from trainer.networks.style import StyleNet
from trainer.painter_recipe import PainterRecipe
from trainer.recipe import StylizeRecipe
from trainer.recipe_base import Stage
from trainer.training.checkpoint import Progress, Run
from trainer.training.clipping import clip_gradient
from trainer.training.crops import Batch, Cut, batches
from trainer.training.distributed import ALONE, Objective, World
from trainer.training.painting import Painting
from trainer.training.previews import contact_sheet
from trainer.training.stylizing import Stylizing
from trainer.training.upscaling import Upscaling
from trainer.weights_file import TrainedModel, Training

WEIGHTS = "weights.safetensors"
REPORT_EVERY = 10
"""Steps between reports: a report waits for the device, which should not wait for us in turn."""
PREVIEW_PHOTOGRAPHS = 4
PREVIEW_SHORT_SIDE = 256


@dataclass(frozen=True)
class Options:
    """Where and how a run runs; none of it changes the result."""

    folder: Path
    device: torch.device
    workers: int
    preview_every: int
    checkpoint_every: int


class Task(Protocol):
    """What a kind of model is trained for."""

    @property
    def losses(self) -> Sequence[str]:
        """Names of what a call returns; the first is the total, which is minimised."""

    @property
    def cut(self) -> Cut:
        """How crops are cut out of photographs."""

    def __call__(self, images: Tensor, step: int) -> Tensor:
        """Weighted losses of float RGB [N, 3, H, W] in [0, 255] at a step: float32 [losses]."""

    def shown(self, photograph: Tensor) -> Tensor:
        """What a preview shows of a photograph, both float RGB [1, 3, H, W] in [0, 255]."""


def autocast(device: torch.device) -> torch.autocast:
    """bfloat16 where the device has matrix units for it, GPUs or Intel's AMX.

    Elsewhere it is slower than float32: half as fast with AVX-512's bfloat16 alone.
    """
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = torch.cpu._is_amx_tile_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=native)


def train(
    run: Run,
    vgg_weights: Mapping[str, Tensor],
    photographs: Sequence[Path],
    options: Options,
    teacher: StyleNet | None = None,
    world: World = ALONE,
) -> Path:
    """Go on with ``run`` to the end of its schedule; returns the file of the trained weights.

    On SIGINT or SIGTERM the step under way is finished and saved, then KeyboardInterrupt raised.
    A SIGTERM to the whole process group ends the workers too: then the last checkpoint stands.
    """
    recipe, progress, device = run.recipe, run.progress, options.device
    torch.set_float32_matmul_precision("high")  # TF32 for what autocast leaves in float32
    torch.backends.cudnn.benchmark = True  # a stage has one shape

    world.check(recipe.schedule.stages)
    task = _task(run, vgg_weights, device, teacher)
    objective = world.averaging(run.network, task)
    shown = _readable(photographs, PREVIEW_PHOTOGRAPHS)
    if not shown:
        raise TrainerError("none of the photographs can be read")

    writer = None
    if world.first:
        options.folder.mkdir(parents=True, exist_ok=True)
        writer = SummaryWriter(str(options.folder), purge_step=progress.step)
    bar = tqdm(
        total=recipe.schedule.steps,
        initial=progress.step,
        unit="step",
        mininterval=1,
        disable=not world.first,
    )
    unreadable = set(progress.unreadable)
    averages = torch.tensor([progress.losses.get(name, 0.0) for name in task.losses], device=device)
    reported, images_reported = time.perf_counter(), progress.images
    with _stop_signals() as signals, writer or nullcontext(), bar:
        for stage, batch in _batches(run, photographs, task, options.workers, world):
            images = batch.images.to(device, non_blocking=True).float()
            images = images.contiguous(memory_format=torch.channels_last)
            losses = world.mean(_step(run, objective, images))
            # An exponential average over about a hundred steps, a plain one before there are.
            averages.lerp_(losses, max(0.01, 1 / (progress.step + 1)))
            progress.step += 1
            progress.images += stage.batch
            unreadable |= batch.unreadable
            bar.update()

            last = progress.step == recipe.schedule.steps
            stop = world.any(bool(signals), device)
            save = stop or last or progress.step % options.checkpoint_every == 0
            if save or progress.step % REPORT_EVERY == 0:
                progress.unreadable = sorted(world.union(unreadable))
                progress.losses = dict(zip(task.losses, averages.tolist(), strict=True))
                seconds = time.perf_counter() - reported
                rate = (progress.images - images_reported) / seconds
                progress.seconds += seconds
                reported, images_reported = reported + seconds, progress.images
                bar.set_postfix_str(_describe(progress, stage, rate))
                if writer is not None:
                    for name, value in zip(task.losses, losses.tolist(), strict=True):
                        writer.add_scalar(f"loss/{name}", value, progress.step)
                    writer.add_scalar("images_per_second", rate, progress.step)
            if save and world.first:
                run.save(options.folder)
            if stop:
                raise KeyboardInterrupt
            shows = last or progress.step % options.preview_every == 0
            if shows and writer is not None:
                with autocast(device):
                    sheet = contact_sheet(run.network, task.shown, shown)
                writer.add_image("preview", sheet, progress.step)
                _save_preview(sheet, options.folder / "previews" / f"step_{progress.step:06}.jpg")

    weights = options.folder / WEIGHTS
    if world.first:
        weights_file.save(weights, trained_model(run))
    return weights


def _task(
    run: Run,
    vgg_weights: Mapping[str, Tensor],
    device: torch.device,
    teacher: StyleNet | None,
) -> Task:
    recipe, network = run.recipe, run.network
    if isinstance(recipe, StylizeRecipe):
        assert isinstance(network, StyleNet)
        return Stylizing(network, recipe, vgg_weights, device, teacher)
    if isinstance(recipe, PainterRecipe):
        assert isinstance(network, Painter)
        return Painting(network, recipe, vgg_weights, device)
    assert not isinstance(network, StyleNet | Painter)
    return Upscaling(network, recipe, vgg_weights, device)


def _step(run: Run, objective: Objective, images: Tensor) -> Tensor:
    """One step of Adam on float RGB [N, 3, H, W] in [0, 255]; returns the objective's losses."""
    step = run.progress.step
    for group in run.optimizer.param_groups:
        group["lr"] = run.recipe.schedule.learning_rate(step)
    with autocast(images.device):
        losses = objective(images, step)
    run.optimizer.zero_grad(set_to_none=True)
    losses[0].backward()  # type: ignore[no-untyped-call]
    clip_gradient(run.optimizer)
    run.optimizer.step()
    return losses.detach()


def _batches(
    run: Run, photographs: Sequence[Path], task: Task, workers: int, world: World
) -> Iterator[tuple[Stage, Batch]]:
    """What is left of the schedule, this process's share of it."""
    done = run.progress.step
    first_sample = run.progress.images
    for stage in run.recipe.schedule.stages:
        steps = max(0, stage.steps - done)
        done = max(0, done - stage.steps)
        samples = range(first_sample, first_sample + steps * stage.batch)
        seed = run.recipe.schedule.seed
        share, mine = world.share(stage, samples)
        for batch in batches(photographs, share, seed, mine, workers, task.cut):
            yield stage, batch
        first_sample = samples.stop


def _readable(photographs: Sequence[Path], count: int) -> list[Tensor]:
    """The first photographs that can be read, small, as float RGB [1, 3, H, W] in [0, 255]."""
    read: list[Tensor] = []
    for file in photographs:
        if len(read) == count:
            break
        with suppress(TrainerError):
            read.append(read_rgb(file, PREVIEW_SHORT_SIDE))
    return read


def _describe(progress: Progress, stage: Stage, rate: float) -> str:
    losses = ", ".join(f"{name} {value:.3g}" for name, value in progress.losses.items())
    skipped = f", {len(progress.unreadable)} unreadable" if progress.unreadable else ""
    return f"{stage.crop} px, {rate:.1f} images/s, {losses}{skipped}"


def _save_preview(sheet: Tensor, file: Path) -> None:
    file.parent.mkdir(exist_ok=True)
    Image.fromarray(sheet.permute(1, 2, 0).numpy()).save(file, quality=90)


def trained_model(run: Run) -> TrainedModel:
    """The run's network as it is now, with what the run measured of itself."""
    device = next(run.network.parameters()).device
    progress = run.progress
    training = Training(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        steps=progress.step,
        images=progress.images,
        seconds=round(progress.seconds, 1),
        losses={name: float(f"{value:.6g}") for name, value in progress.losses.items()},
        init_from=progress.init_from,
    )
    return TrainedModel(run.network.eval(), run.recipe, training)


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """A list that SIGINT and SIGTERM append to, so that a step is never cut in two."""
    received: list[int] = []
    signals = (signal.SIGINT, signal.SIGTERM)
    previous = [signal.signal(number, lambda n, _: received.append(n)) for number in signals]
    try:
        yield received
    except RuntimeError:
        if received:  # the signal reached the loader's workers too, and ended the step with them
            raise KeyboardInterrupt from None
        raise
    finally:
        for number, handler in zip(signals, previous, strict=True):
            signal.signal(number, handler)
