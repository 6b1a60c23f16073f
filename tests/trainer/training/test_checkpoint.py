"""A stopped run goes on to the weights that it would have reached."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.support import painters, small
from trainer import weights_file
from trainer.errors import TrainerError
from trainer.recipe import Recipe
from trainer.training import checkpoint, loop


@pytest.fixture(params=["stylize", "painter", "upscale"])
def followed(request: pytest.FixtureRequest, painting: Path) -> Recipe:
    if request.param == "stylize":
        return small.recipe(painting, stages=small.stages(4, 8))
    if request.param == "painter":
        return painters.recipe(painting, stages=[{"steps": 12, "crop": 64, "batch": 2}])
    return small.upscale_recipe(steps=12, loss=small.FEATURE_LOSS)


@contextmanager
def signalled(number: signal.Signals, file: Path) -> Iterator[None]:
    """Send this process a signal once ``file`` is there."""
    over = threading.Event()

    def watch() -> None:
        while not file.exists() and not over.is_set():
            time.sleep(0.001)
        if not over.is_set():
            os.kill(os.getpid(), number)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_goes_on_to_the_weights_of_an_uninterrupted_one(
    number: signal.Signals,
    tmp_path: Path,
    followed: Recipe,
    photographs: tuple[Path, ...],
    random_vgg: dict[str, Tensor],
) -> None:
    whole = small.trained(followed, random_vgg, photographs, tmp_path / "whole")

    folder = tmp_path / "stopped"
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with signalled(number, folder / checkpoint.NAME), pytest.raises(KeyboardInterrupt):
        small.trained(followed, random_vgg, photographs, folder, checkpoint_every=2)
    assert handlers == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))
    assert not (folder / loop.WEIGHTS).exists()

    run = checkpoint.restore(folder, small.CPU)
    assert 2 <= run.progress.step < 12
    assert run.recipe == followed
    loop.train(run, random_vgg, photographs, small.options(folder))

    assert small.equal(run.network, whole.network)
    assert run.progress.losses == whole.progress.losses
    assert (run.progress.step, run.progress.images) == (12, 24)


def test_a_run_killed_between_checkpoints_repeats_the_steps_that_were_lost(
    tmp_path: Path,
    followed: Recipe,
    photographs: tuple[Path, ...],
    random_vgg: dict[str, Tensor],
) -> None:
    folder, kept = tmp_path / "run", tmp_path / "kept"
    kept.mkdir()

    class Observed(checkpoint.Run):
        """Keeps what the disk held after the fifth step: what a kill would leave."""

        def save(self, folder: Path) -> None:
            super().save(folder)
            if self.progress.step == 5:
                shutil.copy(folder / checkpoint.NAME, kept)

    new = checkpoint.new_run(followed, small.CPU)
    whole = Observed(new.recipe, new.network, new.optimizer, new.progress)
    loop.train(whole, random_vgg, photographs, small.options(folder, checkpoint_every=5))

    run = checkpoint.restore(kept, small.CPU)
    assert run.progress.step == 5
    loop.train(run, random_vgg, photographs, small.options(kept))
    assert small.equal(run.network, whole.network)


def test_a_finished_run_gives_its_weights_again(
    tmp_path: Path,
    followed: Recipe,
    photographs: tuple[Path, ...],
    random_vgg: dict[str, Tensor],
) -> None:
    whole = small.trained(followed, random_vgg, photographs, tmp_path)
    (tmp_path / loop.WEIGHTS).unlink()
    run = checkpoint.restore(tmp_path, small.CPU)
    loop.train(run, random_vgg, photographs, small.options(tmp_path))
    assert small.equal(weights_file.load(tmp_path / loop.WEIGHTS).network, whole.network)


def test_saving_replaces_the_checkpoint_and_leaves_nothing_else(
    tmp_path: Path, followed: Recipe
) -> None:
    run = checkpoint.new_run(followed, small.CPU)
    for step in (1, 2):
        run.progress.step = step
        run.save(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [checkpoint.NAME]
    assert checkpoint.restore(tmp_path, small.CPU).progress == run.progress


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match=r"checkpoint\.pt: no checkpoint to resume from"):
        checkpoint.restore(tmp_path, small.CPU)


def test_a_truncated_checkpoint_is_refused(tmp_path: Path, followed: Recipe) -> None:
    checkpoint.new_run(followed, small.CPU).save(tmp_path)
    file = tmp_path / checkpoint.NAME
    os.truncate(file, file.stat().st_size // 2)
    with pytest.raises(TrainerError, match=r"checkpoint\.pt: cannot be read as a checkpoint"):
        checkpoint.restore(tmp_path, small.CPU)


@pytest.mark.parametrize(
    "content",
    [{}, {"recipe": '{"kind": "stylize"}', "network": {}, "optimizer": {}, "progress": {}}],
    ids=["nothing", "recipe of another version"],
)
def test_a_checkpoint_of_another_program_is_refused(
    tmp_path: Path, content: dict[str, object]
) -> None:
    torch.save(content, tmp_path / checkpoint.NAME)
    with pytest.raises(TrainerError, match=r"checkpoint\.pt: cannot be read as a checkpoint"):
        checkpoint.restore(tmp_path, small.CPU)
