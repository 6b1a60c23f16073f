"""Training by two processes, as torchrun starts them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from tests.support.checkout import ROOT
from trainer import weights_file
from trainer.training import loop

# A small recipe in place of a shipped one. For comparisons, floats of full precision and small
# steps: large ones blow the rounding of one up to a thousandth of the loss twenty steps later.
COMMAND = """
import sys
from pathlib import Path
import torch
from tests.support import small
from trainer import recipe
from trainer.pretrained import vgg_weights
from trainer.training import loop
from trainer.__main__ import main

painting, vgg, steps, batch, *arguments = sys.argv[1:]
stages = [small.StylizeStage(steps=int(steps), crop=32, batch=int(batch))]
followed = small.recipe(Path(painting), stages=tuple(stages), peak_learning_rate=3e-4)
recipe.load = lambda _: followed
vgg_weights.load = lambda _: torch.load(vgg)
loop.autocast = lambda device: torch.autocast(device.type, enabled=False)
sys.exit(main(["train", "--style", "small", "--device", "cpu", "--workers", "0", *arguments]))
"""
BY_TWO = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


class Trainer:
    """Runs the command in a folder."""

    def __init__(self, folder: Path, painting: Path, data: Path, vgg: dict[str, Tensor]) -> None:
        self.folder = folder
        self.inputs = (painting, folder / "vgg.pt")
        self.data = data
        (folder / "train.py").write_text(COMMAND)
        torch.save(vgg, folder / "vgg.pt")

    def start(self, *how: str, runs: str, steps: int = 10, batch: int = 4) -> subprocess.Popen[str]:
        options = ["--data", self.data, "--runs", self.folder / runs]
        command = [sys.executable, *how, self.folder / "train.py", *self.inputs, steps, batch]
        return subprocess.Popen(
            [*map(str, command + options)],
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *how: str, runs: str) -> Path:
        """To the end; returns the folder of the run."""
        process = self.start(*how, runs=runs)
        said = process.communicate(timeout=300)[1]
        assert process.returncode == 0, said
        return self.folder / runs / "small"


@pytest.fixture
def trainer(
    tmp_path: Path,
    painting: Path,
    photographs: tuple[Path, ...],
    random_vgg: dict[str, Tensor],
) -> Trainer:
    return Trainer(tmp_path, painting, photographs[0].parent, random_vgg)


def loss_curve(run: Path) -> list[float]:
    events = EventAccumulator(str(run)).Reload()
    return [event.value for event in events.Scalars("loss/total")]


def test_two_processes_train_as_one_does_with_the_whole_batch(trainer: Trainer) -> None:
    one, two = trainer.run(runs="one"), trainer.run(*BY_TWO, runs="two")
    assert len(loss_curve(one)) == 10
    assert loss_curve(two) == pytest.approx(loss_curve(one), rel=1e-3)
    weights = [weights_file.load(run / loop.WEIGHTS) for run in (one, two)]
    assert weights[0].training.images == weights[1].training.images == 40
    assert weights[1].training.losses == pytest.approx(weights[0].training.losses, rel=1e-3)


def test_a_batch_that_two_cannot_share_is_refused(trainer: Trainer) -> None:
    process = trainer.start(*BY_TWO, runs="two", batch=3)
    said = process.communicate(timeout=300)[1]
    assert process.returncode != 0
    assert "trainer: a batch of 3 images cannot be shared by 2 processes" in said
    assert not (trainer.folder / "two").exists()


def test_processes_that_are_stopped_stop_at_the_same_step_and_save(trainer: Trainer) -> None:
    process = trainer.start(*BY_TWO, runs="two", steps=2000)
    assert process.stderr is not None
    for text in process.stderr:
        if "step" in text:  # the bar moves
            break
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=300)[1]
    assert process.returncode != 0
    assert (trainer.folder / "two" / "small" / "checkpoint.pt").is_file(), said
