"""Requests that leave before their result is ready, on a fake device and in virtual time."""

import asyncio

import pytest

from service.problems import DeadlinePassed
from tests.support.fake_device import SMALL, Device, Image, Queue, Serial
from tests.support.virtual_time import run


def test_a_deadline_that_passes_in_the_queue_costs_no_device_time() -> None:
    async def main() -> Queue:
        queue = Queue(Device(batch=10.0))
        first = queue.start(1)
        await asyncio.sleep(0.1)
        with pytest.raises(DeadlinePassed):
            await queue.submit(2, deadline=5.0)
        await first
        await queue.scheduler.drain()
        return queue

    queue = run(main())
    assert queue.device.batches == [("wave", [1])]
    assert [leaver[1:3] for leaver in queue.record.leavers] == [("queued", "deadline")]


def test_a_cancelled_request_never_reaches_the_device_and_its_seconds_are_counted() -> None:
    async def main() -> Queue:
        queue = Queue(Serial())
        await queue.learn()
        first = queue.start(1)
        await asyncio.sleep(0.1)
        leaving, staying = queue.start(2), queue.start(3)
        await asyncio.sleep(0.1)
        leaving.cancel()
        await asyncio.gather(first, staying)
        assert queue.scheduler.queued_images == 0
        assert queue.scheduler.queued_pixels == 0
        return queue

    queue = run(main())
    assert queue.device.batches == [("wave", [1]), ("wave", [3])]
    (leaver,) = queue.record.leavers
    assert leaver == ("wave", "queued", "cancelled", pytest.approx(1.0, rel=0.01))


def test_a_request_cancelled_while_it_runs_leaves_its_companions_their_results() -> None:
    async def main() -> Queue:
        queue = Queue()
        leaving, staying = queue.start(1), queue.start(2)
        await asyncio.sleep(0.5)
        leaving.cancel()
        assert list(await staying) == [4]
        return queue

    queue = run(main())
    assert queue.device.batches == [("wave", [1, 2])]
    assert queue.record.leavers == [("wave", "running", "cancelled", 0.0)]


def test_an_image_cancelled_between_its_tiles_saves_those_still_to_come() -> None:
    async def main() -> Queue:
        queue = Queue(Serial())
        await queue.learn()

        async def image() -> None:
            with queue.scheduler.admission("wave", SMALL, images=10) as admission:
                for number in range(10):
                    await queue.scheduler.submit_part(admission, Image(number, SMALL))

        task = asyncio.ensure_future(image())
        await asyncio.sleep(2.5)
        task.cancel()
        await asyncio.wait([task])
        assert queue.scheduler.queued_pixels == 0
        return queue

    (leaver,) = run(main()).record.leavers
    assert leaver == ("wave", "running", "cancelled", pytest.approx(7.0, rel=0.01))
