"""The micro-batching queue, on a fake device and in virtual time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from service.problems import NotReady
from service.scheduling.scheduler import Completed, Scheduler
from tests.support.fake_device import BROKEN, LARGE, LIMITS, SMALL, Device, Image, Queue, Serial
from tests.support.virtual_time import run


def test_a_lone_request_on_an_idle_device_runs_at_once() -> None:
    async def main() -> Completed[int]:
        patient = replace(LIMITS, max_queue_delay=5.0)
        return await Queue(limits=patient).scheduler.submit("wave", SMALL, Image(21, SMALL))

    assert run(main()) == Completed(
        result=42, batch_size=1, started=0.0, queue_seconds=0.0, run_seconds=1.0
    )


def test_requests_that_arrive_while_a_batch_runs_share_the_next_one() -> None:
    async def main() -> list[tuple[str, list[int]]]:
        queue = Queue()
        await queue.learn()
        first = queue.start(1)
        await asyncio.sleep(0.5)
        await asyncio.gather(first, queue.start(2, 3, 4))
        return queue.device.batches

    assert run(main()) == [("wave", [1]), ("wave", [2, 3, 4])]


def test_a_batch_holds_one_model_and_one_shape_and_the_oldest_goes_first() -> None:
    async def main() -> list[tuple[str, list[int]]]:
        queue = Queue()
        await queue.learn()
        await asyncio.gather(
            queue.start(1),
            queue.start(2, shape=LARGE),
            queue.start(3, model="udnie"),
            queue.start(4),
        )
        return queue.device.batches

    assert run(main()) == [("wave", [1, 4]), ("wave", [2]), ("udnie", [3])]


def test_images_of_one_network_share_a_batch_whatever_row_each_is_painted_by() -> None:
    async def main() -> tuple[list[int], list[tuple[str, list[int]]]]:
        queue = Queue()
        await queue.learn("painter")
        images = [Image(1, SMALL, row=100), Image(2, SMALL, row=200), Image(3, SMALL, row=100)]
        submitted = (queue.scheduler.submit("painter", SMALL, image) for image in images)
        completed = await asyncio.gather(*submitted)
        return [each.result for each in completed], queue.device.batches

    results, batches = run(main())
    assert batches == [("painter", [1, 2, 3])]
    assert results == [102, 204, 106]


@pytest.mark.parametrize(
    ("limits", "sizes"),
    [
        (LIMITS, [4, 4, 2]),
        (replace(LIMITS, max_batch_pixels=2 * 64 * 64), [2, 2, 2, 2, 2]),
        (replace(LIMITS, max_batch_pixels=64 * 64 - 1), [1] * 10),
    ],
)
def test_a_batch_keeps_to_the_limits(limits: Any, sizes: list[int]) -> None:
    async def main() -> list[int]:
        queue = Queue(limits=limits)
        await queue.learn()
        await queue.start(*range(10))
        return queue.device.sizes

    assert run(main()) == sizes


def test_where_batching_gains_nothing_no_image_waits_for_another_s_work() -> None:
    async def main() -> list[int]:
        queue = Queue(Serial())
        await queue.learn()
        await queue.start(*range(10))
        return queue.device.sizes

    assert run(main()) == [1] * 10


def test_the_next_batch_starts_in_the_same_turn_of_the_loop_as_the_last_ends() -> None:
    turns: list[int] = []
    turn = 0

    class Counting(Device):
        async def run(self, model: str, batch: Sequence[Image], shared: bool) -> Sequence[int]:
            def next_turn() -> None:
                nonlocal turn
                turn += 1

            turns.append(turn)
            results = await super().run(model, batch, shared)
            turns.append(turn)
            asyncio.get_running_loop().call_soon(next_turn)
            return results

    async def main() -> list[tuple[float, float]]:
        queue = Queue(Counting())
        await queue.start(*range(20))
        await queue.start(*range(20), shape=LARGE)
        return queue.device.spans

    spans = run(main())
    gaps = [start - end for (_, end), (start, _) in pairwise(spans)]
    assert set(gaps) == {0.0}
    ends, starts = turns[1:-1:2], turns[2:-1:2]
    waited = [start - end for end, start in zip(ends, starts, strict=True)]
    assert waited.count(1) == 1, "between the two rounds nothing waits"
    assert waited.count(0) == len(waited) - 1


def patient_queue(device: Device | None = None) -> Queue:
    return Queue(device, replace(LIMITS, max_queue_delay=0.2))


def test_a_batch_with_room_waits_max_queue_delay_at_most_for_companions_that_save_more() -> None:
    async def main() -> tuple[list[tuple[str, list[int]]], float]:
        queue = patient_queue()
        await queue.learn()
        started = asyncio.get_running_loop().time()
        first = queue.start(1)
        await asyncio.sleep(0.1)
        await asyncio.gather(first, queue.start(2))
        return queue.device.batches, queue.device.spans[0][0] - started

    batches, waited = run(main())
    assert batches == [("wave", [1, 2])]
    assert waited == pytest.approx(0.2)


@pytest.mark.parametrize(
    "arrivals",
    [
        pytest.param(lambda queue: queue.start(1, 2, 3, 4), id="full"),
        pytest.param(
            lambda queue: asyncio.gather(queue.start(1), queue.start(2, shape=LARGE)),
            id="others wait for the device too",
        ),
    ],
)
def test_a_batch_does_not_wait_when_it_is_full_or_not_alone(
    arrivals: Callable[[Queue], Any],
) -> None:
    async def main() -> float:
        queue = patient_queue()
        await queue.learn()
        started = asyncio.get_running_loop().time()
        await arrivals(queue)
        return queue.device.spans[0][0] - started

    assert run(main()) == 0


def test_a_batch_does_not_wait_where_batching_gains_nothing() -> None:
    async def main() -> float:
        queue = patient_queue(Serial())
        await queue.learn()
        started = asyncio.get_running_loop().time()
        await queue.start(1)
        return queue.device.spans[0][0] - started

    assert run(main()) == 0


def test_what_waits_for_companions_leaves_at_once_when_the_queue_drains() -> None:
    async def main() -> float:
        queue = patient_queue()
        await queue.learn()
        started = asyncio.get_running_loop().time()
        waiting = queue.start(1)
        await asyncio.sleep(0.1)
        await queue.scheduler.drain()
        await waiting
        return queue.device.spans[0][0] - started

    assert run(main()) == pytest.approx(0.1)


def test_batches_are_reported_with_what_was_predicted() -> None:
    async def main() -> list[tuple[str, int, int, float, float]]:
        queue = Queue()
        await queue.submit(0)
        await queue.submit(0, shape=LARGE)
        return queue.record.runs

    unknown, paced_by_pixels = run(main())
    assert unknown == ("wave", 1, 64 * 64, 1.0, 0.0)
    assert paced_by_pixels == ("wave", 1, 512 * 512, 1.0, pytest.approx(64.0, rel=0.01))


def test_a_batch_that_fails_fails_alone() -> None:
    async def main() -> list[Any]:
        queue = Queue()
        answers = await asyncio.gather(queue.start(BROKEN, 1), queue.start(2, shape=LARGE))
        assert queue.scheduler.predicted_wait() == 0
        return [answer for part in answers for answer in part]

    failed, companion, other = run(main())
    assert isinstance(failed, RuntimeError)
    assert isinstance(companion, RuntimeError)
    assert other == 4


def test_a_device_that_loses_a_result_fails_its_batch_and_the_queue_goes_on() -> None:
    async def lossy(_: str, batch: Sequence[int], shared: bool) -> Sequence[int]:
        return [payload for payload in batch if payload != 1]

    async def main() -> list[Any]:
        scheduler = Scheduler(lossy, LIMITS)
        return await asyncio.gather(
            scheduler.submit("wave", SMALL, 1),
            scheduler.submit("wave", LARGE, 2),
            return_exceptions=True,
        )

    failed, other = run(main())
    assert isinstance(failed, RuntimeError)
    assert other.result == 2


def test_draining_finishes_what_waits_and_refuses_what_comes() -> None:
    async def main() -> tuple[list[Any], list[Any]]:
        queue = Queue()
        waiting = asyncio.gather(queue.start(1), queue.start(2, shape=LARGE))
        await asyncio.sleep(0)
        draining = asyncio.ensure_future(queue.scheduler.drain())
        await asyncio.sleep(0)
        late = await queue.start(3)
        await draining
        return await waiting, late

    finished, (late,) = run(main())
    assert finished == [[2], [4]]
    assert isinstance(late, NotReady)
