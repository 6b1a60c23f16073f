"""One image's tiles on their way through the queue, on a fake device."""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from service.images.tiling import TILE
from service.models.cards import UpscaleCard
from service.models.catalog import Model
from service.models.runtime import Inputs
from service.problems import DeadlinePassed, NotReady, QueueFull
from service.scheduling.batching import Limits
from service.scheduling.scheduler import Completed, Scheduler
from service.serving.upscaling import upscale

pytestmark = pytest.mark.anyio

Pixels = NDArray[np.uint8]

CARD = UpscaleCard(
    kind="upscale",
    factor=2,
    objective="feature",
    receptive_field=2,
    title="Twice",
    licence="Apache-2.0",
    created="2026-01-01",
)
MODEL = Model("twice", 1, "float32", Path("model.onnx"), "digest", CARD, None)
STRIP = (1, 3000)  # 12 tiles of one row
TILES = 12
BATCH = 2


class Device:
    """Doubles the size of tiles, and remembers the first pixel of each, batch by batch."""

    def __init__(self, seconds: float = 0.001, fails_at: int | None = None) -> None:
        self.seconds = seconds
        self.fails_at = fails_at
        self.batches: list[list[int]] = []
        self.waiting: list[int] = []
        self.scheduler: Scheduler[Model, Inputs, Pixels] = Scheduler(
            self.run,
            Limits(
                max_batch_size=BATCH,
                max_batch_pixels=10**9,
                max_queue_delay=0,
                max_queue_pixels=2 * TILES * TILE,
            ),
        )

    async def run(self, _: Model, batch: Sequence[Inputs], shared: bool) -> Sequence[Pixels]:
        images = [np.asarray(inputs["image"]) for inputs in batch]
        self.batches.append([int(image[0, 0, 0]) for image in images])
        await asyncio.sleep(self.seconds)
        self.waiting.append(self.scheduler.queued_images)
        if len(self.batches) == self.fails_at:
            raise RuntimeError("the device failed")
        return [image.repeat(2, axis=0).repeat(2, axis=1) for image in images]

    async def learn(self) -> None:
        """Let the scheduler see that a batch takes no longer than a single tile."""
        for together in (1, 2):
            tile: Inputs = {"image": plain(0, (1, TILE))}
            await asyncio.gather(
                *(self.scheduler.submit(MODEL, (1, TILE), tile) for _ in range(together))
            )
        self.batches.clear()
        self.waiting.clear()

    async def until_batches(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.batches) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.001)


@pytest.fixture
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


def plain(level: int, size: tuple[int, int] = STRIP) -> Pixels:
    return np.full((*size, 3), level, np.uint8)


def start(
    device: Device, pool: Executor, pixels: Pixels, deadline: float | None = None
) -> asyncio.Task[Completed[list[Pixels]]]:
    return asyncio.create_task(upscale(device.scheduler, pool, MODEL, CARD, [pixels], deadline))


async def assert_nothing_is_left(device: Device) -> None:
    assert device.scheduler.queued_images == 0
    assert device.scheduler.queued_pixels == 0
    ran = len(device.batches)
    async with asyncio.timeout(10):
        await device.scheduler.drain()
    assert len(device.batches) == ran


async def test_the_tiles_come_together_in_their_places(pool: Executor) -> None:
    image = np.random.default_rng(0).integers(0, 256, (300, 600, 3), np.uint8)
    done = await start(Device(), pool, image)
    assert np.array_equal(done.result[0], image.repeat(2, axis=0).repeat(2, axis=1))


async def test_one_batch_is_on_the_device_and_at_most_one_waits(pool: Executor) -> None:
    device = Device(seconds=0.01)
    await device.learn()
    await start(device, pool, plain(1))
    assert [len(batch) for batch in device.batches] == [BATCH] * (TILES // BATCH)
    assert max(device.waiting) == BATCH


async def test_a_small_image_waits_for_two_batches_of_a_huge_one_at_most(pool: Executor) -> None:
    device = Device(seconds=0.01)
    await device.learn()
    huge = start(device, pool, plain(1))
    await device.until_batches(1)
    await start(device, pool, plain(2, (8, 8)))
    await huge
    assert device.batches.index([2]) <= 2


async def test_tiles_of_different_images_share_batches(pool: Executor) -> None:
    device = Device(seconds=0.01)
    await device.learn()
    one, other = plain(1, (1, 700)), plain(2, (1, 700))  # three tiles each, for batches of two
    done = await asyncio.gather(start(device, pool, one), start(device, pool, other))
    assert [1, 2] in map(sorted, device.batches)
    for level, upscaled in enumerate(done, start=1):
        assert (upscaled.result[0] == level).all()


async def test_queue_and_run_seconds_add_up_to_the_wall_time(pool: Executor) -> None:
    device = Device(seconds=0.01)
    clock = asyncio.get_running_loop().time
    before = clock()
    done = await start(device, pool, plain(1))
    wall = clock() - before

    assert done.batch_size == BATCH
    assert done.run_seconds >= 0.01 * TILES / BATCH
    assert done.queue_seconds + done.run_seconds <= wall


async def test_all_of_an_image_counts_as_waiting_until_it_is_on_the_device(pool: Executor) -> None:
    device = Device(seconds=0.01)
    first = start(device, pool, plain(1))
    await device.until_batches(1)
    assert device.scheduler.queued_pixels == (TILES - BATCH) * TILE
    second = start(device, pool, plain(2))
    await asyncio.sleep(0)
    with pytest.raises(QueueFull):
        await start(device, pool, plain(3))
    await asyncio.gather(first, second)
    assert device.scheduler.queued_pixels == 0


async def test_a_deadline_that_passes_takes_all_tiles_out_of_the_queue(pool: Executor) -> None:
    device = Device(seconds=0.02)
    with pytest.raises(DeadlinePassed):
        await start(device, pool, plain(1), asyncio.get_running_loop().time() + 0.05)
    assert 1 <= len(device.batches) < TILES // BATCH
    await assert_nothing_is_left(device)


async def test_a_client_that_leaves_takes_all_tiles_out_of_the_queue(pool: Executor) -> None:
    device = Device(seconds=0.02)
    leaving = start(device, pool, plain(1))
    await device.until_batches(2)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert len(device.batches) == 2
    await assert_nothing_is_left(device)


async def test_a_tile_that_fails_takes_the_others_along_and_the_queue_goes_on(
    pool: Executor,
) -> None:
    device = Device(fails_at=2)
    with pytest.raises(RuntimeError, match="the device failed"):
        await start(device, pool, plain(1))
    assert len(device.batches) <= 3  # the batch that waited may leave at once
    assert (await start(device, pool, plain(2, (1, 9)))).result[0].shape == (2, 18, 3)
    await assert_nothing_is_left(device)


async def test_draining_finishes_an_image_that_has_begun(pool: Executor) -> None:
    device = Device()
    begun = start(device, pool, plain(1))
    await device.until_batches(1)
    draining = asyncio.create_task(device.scheduler.drain())
    await asyncio.sleep(0)
    with pytest.raises(NotReady):
        await start(device, pool, plain(2))
    await draining
    assert begun.done()
    assert (begun.result().result[0] == 1).all()


async def test_images_of_one_request_are_answered_in_order(pool: Executor) -> None:
    images = [plain(level, (1, 300)) for level in (1, 2, 3)]
    done = await upscale(Device().scheduler, pool, MODEL, CARD, images, deadline=None)
    assert [set(upscaled.flat) for upscaled in done.result] == [{1}, {2}, {3}]


async def test_images_of_one_request_are_admitted_together_or_not_at_all(pool: Executor) -> None:
    device = Device(seconds=0.01)
    first = start(device, pool, plain(1))
    await device.until_batches(1)
    with pytest.raises(QueueFull):  # one of the two would find room
        await upscale(device.scheduler, pool, MODEL, CARD, [plain(2)] * 2, deadline=None)
    await first
    assert {level for batch in device.batches for level in batch} == {1}
