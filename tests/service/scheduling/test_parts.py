"""Work in parts that is admitted at once, on a fake device and in virtual time."""

import asyncio

import pytest

from service.problems import DeadlinePassed
from service.scheduling.scheduler import Completed
from tests.support.fake_device import BROKEN, LIMITS, Device, Queue, Serial
from tests.support.parts import run_numbers
from tests.support.virtual_time import run

PARTS = 4 * LIMITS.max_batch_size


def test_each_result_is_placed_by_the_number_of_its_part() -> None:
    async def main() -> dict[int, int]:
        _, placed = await run_numbers(Queue(), 5, 3, 8)
        return placed

    assert run(main()) == {0: 10, 1: 6, 2: 16}


def test_parts_share_batches_and_their_times_add_up() -> None:
    async def main() -> tuple[list[int], Completed[None]]:
        queue = Queue()
        await queue.learn()
        done, _ = await run_numbers(queue, *range(PARTS))
        return queue.device.sizes, done

    sizes, done = run(main())
    assert len(sizes) == done.run_seconds  # a second each
    assert sum(sizes) == PARTS
    assert done.batch_size == max(sizes) == LIMITS.max_batch_size
    assert done.queue_seconds == 0


@pytest.mark.parametrize(("device", "batch"), [(Device(), LIMITS.max_batch_size), (Serial(), 1)])
def test_one_batch_is_on_the_device_and_one_waits_while_the_others_are_still_to_come(
    device: Device, batch: int
) -> None:
    async def main() -> tuple[int, list[int]]:
        queue = Queue(device)
        await queue.learn()
        most = 0
        working = asyncio.create_task(run_numbers(queue, *range(PARTS)))
        while not working.done():
            await asyncio.sleep(0.01)
            most = max(most, queue.scheduler.queued_images)
        await working
        return most, queue.device.sizes

    most, sizes = run(main())
    assert most == batch
    assert max(sizes) == batch
    assert sum(sizes) == PARTS


def test_between_the_batches_of_a_large_request_a_small_one_has_its_turn() -> None:
    async def main() -> int:
        queue = Queue()
        await queue.learn()
        large = asyncio.create_task(run_numbers(queue, *range(1000, 1000 + PARTS)))
        await asyncio.sleep(0.5)
        await queue.submit(7, shape=(8, 8))
        before = [numbers for _, numbers in queue.device.batches].index([7])
        await large
        return before

    assert run(main()) <= 3


def test_a_part_that_fails_leaves_none_in_the_queue() -> None:
    async def main() -> Queue:
        queue = Queue()
        with pytest.raises(RuntimeError, match="the device failed"):
            await run_numbers(queue, BROKEN, *range(PARTS))
        return queue

    scheduler = run(main()).scheduler
    assert scheduler.queued_pixels == scheduler.queued_images == 0


def test_a_deadline_that_passes_leaves_no_part_in_the_queue() -> None:
    async def main() -> Queue:
        queue = Queue()
        with pytest.raises(DeadlinePassed):
            await run_numbers(queue, *range(PARTS), deadline=1.5)
        assert len(queue.device.batches) == 2
        return queue

    queue = run(main())
    assert queue.scheduler.queued_pixels == queue.scheduler.queued_images == 0
    assert [(stage, cause) for _, stage, cause, _ in queue.record.leavers] == [
        ("running", "deadline")
    ]
