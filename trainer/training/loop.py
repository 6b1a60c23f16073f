"""The training loop: Adam on the losses of random crops, as the recipe's schedule says.

A run lives in one folder:

    checkpoint.pt           everything needed to resume after a kill
    weights.safetensors     the trained network, once the last step is done
    previews/               the first photographs, transformed, every so often
    events.out.tfevents.*   TensorBoard
"""

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from trainer import weights_file
from trainer.devices import autocast
from trainer.networks.painter import Painter
from trainer.networks.style import StyleNet
from trainer.painter_recipe import PainterRecipe
from trainer.recipe import StylizeRecipe
from trainer.recipe_base import Stage
from trainer.training.checkpoint import Run
from trainer.training.crops import Batch, Cut, batches
from trainer.training.distributed import ALONE, World
from trainer.training.painting import Painting
from trainer.training.reporter import Reporter
from trainer.training.stylizing import Stylizing
from trainer.training.upscaling import Upscaling
from trainer.weights_file import TrainedModel, Training

WEIGHTS = "weights.safetensors"
CLIP_FACTOR = 5.0
"""Largest norm of a gradient, in units of the root mean square norm of about the last thousand."""


@dataclass(frozen=True)
class Options:
    """Where and how a run runs; none of it changes the result."""

    folder: Path
    device: torch.device
    workers: int
    """Processes that decode photographs; 0 decodes in this one."""
    preview_every: int
    """Steps."""
    checkpoint_every: int
    """Steps."""


class Task(Protocol):
    """What a kind of model is trained for: its losses, crops and previews."""

    @property
    def cut(self) -> Cut:
        """How crops are cut out of photographs."""

    def __call__(self, images: Tensor, step: int) -> dict[str, Tensor]:
        """Weighted losses of float RGB [N, 3, H, W] in [0, 255] at a step, by name.

        Each is a float32 scalar, a mean over the batch; ``total`` is minimised.
        """

    def shown(self, photograph: Tensor) -> Tensor:
        """What a preview shows of a photograph, both float RGB [1, 3, H, W] in [0, 255]."""


def train(
    run: Run,
    vgg_weights: Mapping[str, Tensor],
    photographs: Sequence[Path],
    options: Options,
    teacher: StyleNet | None = None,
    world: World = ALONE,
) -> Path:
    """Train from where ``run`` is to the end of its schedule; returns the weights' file.

    On SIGINT or SIGTERM the step under way is finished and saved, then KeyboardInterrupt raised.
    A SIGTERM to the whole process group ends the workers too: then the last checkpoint stands.
    """
    schedule, progress, optimizer = run.recipe.schedule, run.progress, run.optimizer
    device = options.device
    torch.set_float32_matmul_precision("high")  # TF32 for what autocast leaves in float32
    torch.backends.cudnn.benchmark = True  # a stage has one shape

    world.check(schedule.stages)
    task = _task(run, vgg_weights, device, teacher)
    objective = world.averaging(run.network, task)
    reporter = Reporter(
        run,
        task.shown,
        photographs,
        options.folder,
        preview_every=options.preview_every,
        checkpoint_every=options.checkpoint_every,
        world=world,
    )
    with _stop_signals() as signals, reporter:
        for stage, batch in _batches(run, photographs, task, options.workers, world):
            # N is this process's share of stage.batch.
            images = batch.images.to(device, non_blocking=True)  # uint8 [N, 3, crop, crop]
            images = images.float().contiguous(memory_format=torch.channels_last)  # in [0, 255]
            for group in optimizer.param_groups:
                group["lr"] = schedule.learning_rate(progress.step)

            with autocast(device):  # the forward pass alone; backward follows its types
                losses = objective(images, progress.step)  # float32 scalars by name
            optimizer.zero_grad(set_to_none=True)
            losses["total"].backward()  # type: ignore[no-untyped-call]
            clip_gradient(optimizer)
            optimizer.step()

            progress.step += 1
            progress.images += stage.batch
            losses = world.mean(losses)
            stop = world.any(bool(signals), device)
            reporter.after_step(stage, losses, batch.unreadable, stop=stop)
            if stop:
                raise KeyboardInterrupt

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


def _batches(
    run: Run, photographs: Sequence[Path], task: Task, workers: int, world: World
) -> Iterator[tuple[Stage, Batch]]:
    """What is left of the schedule: this process's share of each batch, with its stage."""
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


def clip_gradient(optimizer: torch.optim.Optimizer) -> None:
    """Clip the norm of the gradient to CLIP_FACTOR times what Adam's second moments remember.

    A photograph that the network makes noise of can have a thousand times the usual gradient. Adam
    would leap, and then creep for the thousand steps that it remembers. The first step is not
    clipped. Adam has one group of parameters.
    """
    (group,) = optimizer.param_groups
    decay = group["betas"][1]
    states = [optimizer.state[parameter] for parameter in group["params"]]
    squares = [
        # Adam's own bias correction: the moments start from zero.
        state["exp_avg_sq"].sum() / (1 - decay ** state["step"].item())
        for state in states
        if state  # else it has had no gradient yet
    ]
    if not squares:
        return  # the first step
    mean_square = torch.stack(squares).sum()
    nn.utils.clip_grad_norm_(group["params"], CLIP_FACTOR * mean_square.sqrt().item())


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
