"""Who may queue: what the scheduler predicts, on a fake device and in virtual time."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from service.problems import DeadlinePassed, DeadlineUnreachable, QueueFull
from tests.support.fake_device import LIMITS, SMALL, Device, Queue, Serial
from tests.support.virtual_time import run


def test_a_request_beyond_the_queue_s_pixels_is_refused_with_the_time_to_drain() -> None:
    limits = replace(LIMITS, max_batch_size=1, max_queue_pixels=3 * 64 * 64)

    async def main() -> list[Any]:
        queue = Queue(Device(batch=2.0), limits)
        await queue.submit(0)  # now the cost is known
        running = queue.start(1)
        await asyncio.sleep(0.5)
        answers = await queue.start(2, 3, 4, 5)
        await running
        return list(answers)

    *accepted, refused = run(main())
    assert accepted == [4, 6, 8]
    assert isinstance(refused, QueueFull)
    assert refused.retry_after == 8  # 1.5 s of the one that runs, and three of two seconds


def test_a_request_that_cannot_make_its_deadline_is_refused_before_it_queues() -> None:
    async def main() -> None:
        queue = Queue(Device(batch=10.0))
        await queue.submit(0)
        running = queue.start(1)
        await asyncio.sleep(1.0)
        now = asyncio.get_running_loop().time()
        with pytest.raises(DeadlineUnreachable) as refused:
            queue.scheduler.check_admission(deadline=now + 5.0)
        assert refused.value.retry_after == 9
        queue.scheduler.check_admission(deadline=now + 15.0)  # of its own time nothing is known yet
        with pytest.raises(DeadlineUnreachable):
            await queue.submit(2, deadline=now + 15.0)
        assert await queue.submit(2, deadline=now + 25.0) == 4
        await running

    run(main())


def test_a_wrong_prediction_does_not_refuse_for_ever() -> None:
    async def main() -> None:
        queue = Queue(Device(batch=10.0))
        loop = asyncio.get_running_loop()
        await queue.submit(0)
        queue.device.batch = 0.1  # whatever made the first one slow is over
        with pytest.raises(DeadlineUnreachable):
            await queue.submit(1, deadline=loop.time() + 5.0)
        await asyncio.sleep(10.0)
        assert await queue.submit(1, deadline=loop.time() + 5.0) == 2

    run(main())


def test_what_is_admitted_and_not_yet_submitted_delays_no_newcomer() -> None:
    async def main() -> None:
        queue = Queue(Serial())
        await queue.learn()
        with queue.scheduler.admission("wave", SMALL, images=9):
            assert queue.scheduler.predicted_wait() == 0
            assert queue.scheduler.predicted_drain() == pytest.approx(9.0, rel=0.01)
            queue.scheduler.check_admission(deadline=asyncio.get_running_loop().time() + 0.5)

    run(main())


def test_what_is_admitted_counts_for_the_queue_s_pixels_until_it_ends() -> None:
    async def main() -> None:
        queue = Queue(limits=replace(LIMITS, max_queue_pixels=3 * 64 * 64))
        with queue.scheduler.admission("wave", SMALL, images=3), pytest.raises(QueueFull):
            await queue.submit(1)
        assert await queue.submit(1) == 2

    run(main())


def test_a_request_that_comes_after_its_deadline_is_not_queued() -> None:
    async def main() -> None:
        queue = Queue()
        with pytest.raises(DeadlinePassed):
            await queue.submit(1, deadline=-0.1)
        assert queue.scheduler.queued_images == 0

    run(main())
