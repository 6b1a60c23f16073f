"""What a run leaves behind: previews, TensorBoard events, averaged losses, unreadable files."""

from pathlib import Path

import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from tests.support import small
from trainer import weights_file
from trainer.training import checkpoint, loop


def test_a_run_leaves_weights_checkpoint_previews_and_tensorboard_events(
    tmp_path: Path,
    painting: Path,
    photographs: tuple[Path, ...],
    random_vgg: dict[str, Tensor],
) -> None:
    followed = small.recipe(painting, stages=small.stages(12, 8))
    folder = tmp_path / "deep" / "run"
    run = small.trained(followed, random_vgg, photographs, folder, preview_every=8)

    assert small.equal(weights_file.load(folder / loop.WEIGHTS).network, run.network)
    assert small.equal(checkpoint.restore(folder, small.CPU).network, run.network)
    previews = sorted((folder / "previews").iterdir())
    steps = [int(file.stem.removeprefix("step_")) for file in previews]
    assert steps == [8, 16, 20], "and one of the finished network"
    with Image.open(previews[0]) as sheet:
        assert sheet.height == 2 * 256
    events = EventAccumulator(str(folder))
    events.Reload()
    assert [event.step for event in events.Scalars("loss/total")] == [10, 20]
    assert {f"loss/{name}" for name in run.progress.losses} <= set(events.Tags()["scalars"])
    assert events.Tags()["images"] == ["preview"]


def test_the_first_losses_are_averaged_plainly(
    tmp_path: Path,
    painting: Path,
    photographs: tuple[Path, ...],
    random_vgg: dict[str, Tensor],
) -> None:
    followed = small.recipe(painting, stages=small.stages(6))
    run = small.trained(followed, random_vgg, photographs, tmp_path, checkpoint_every=1)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    for name, average in run.progress.losses.items():
        steps = [event.value for event in events.Scalars(f"loss/{name}")]
        assert len(steps) == 6
        assert average == pytest.approx(sum(steps) / 6, rel=1e-4)


def test_unreadable_photographs_are_skipped_and_listed(
    tmp_path: Path,
    painting: Path,
    photographs: tuple[Path, ...],
    random_vgg: dict[str, Tensor],
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(photographs[0].read_bytes()[:500])
    mixed = (broken, *photographs)  # the first ones are shown in the previews
    run = small.trained(
        small.recipe(painting), random_vgg, mixed, tmp_path / "run", preview_every=2
    )
    assert run.progress.step == 4
    assert run.progress.unreadable == [str(broken)]
