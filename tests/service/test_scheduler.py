"""The micro-batching queue, on a fake device and in virtual time."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.problems import DeadlinePassed, NotReady, QueueFull
from service.scheduler import Completed, Limits, Scheduler
from tests.service.virtual_time import run

SMALL = (64, 64)
LARGE = (512, 512)
LIMITS = Limits(
    max_batch_size=4, max_batch_pixels=10**9, max_queue_delay=0.0, max_queue_pixels=10**9
)


class Device:
    """Takes a second a batch, doubles what it is given, and remembers its batches."""

    def __init__(self, seconds: float = 1.0) -> None:
        self.seconds = seconds
        self.batches: list[tuple[str, list[int]]] = []

    async def run(self, model: str, batch: Sequence[int]) -> Sequence[int]:
        self.batches.append((model, list(batch)))
        await asyncio.sleep(self.seconds)
        if -1 in batch:
            raise RuntimeError("the device failed")
        return [2 * payload for payload in batch]


async def all_of(*submissions: Any) -> list[Any]:
    return await asyncio.gather(*submissions, return_exceptions=True)


def test_a_lone_request_on_an_idle_device_runs_at_once() -> None:
    async def main() -> Completed[int]:
        return await Scheduler(Device().run, LIMITS).submit("wave", SMALL, 21)

    assert run(main()) == Completed(
        result=42, batch_size=1, started=0.0, queue_seconds=0.0, run_seconds=1.0
    )


def test_requests_that_arrive_while_a_batch_runs_share_the_next_one() -> None:
    async def main() -> list[tuple[str, list[int]]]:
        device = Device()
        scheduler = Scheduler(device.run, LIMITS)
        first = asyncio.ensure_future(scheduler.submit("wave", SMALL, 0))
        await asyncio.sleep(0.5)
        await all_of(first, *(scheduler.submit("wave", SMALL, n) for n in (1, 2, 3)))
        return device.batches

    assert run(main()) == [("wave", [0]), ("wave", [1, 2, 3])]


def test_a_batch_holds_one_model_and_one_shape() -> None:
    async def main() -> list[tuple[str, list[int]]]:
        device = Device()
        scheduler = Scheduler(device.run, LIMITS)
        await all_of(
            scheduler.submit("wave", SMALL, 1),
            scheduler.submit("wave", LARGE, 2),
            scheduler.submit("udnie", SMALL, 3),
            scheduler.submit("wave", SMALL, 4),
        )
        return device.batches

    assert run(main()) == [("wave", [1, 4]), ("wave", [2]), ("udnie", [3])]


def test_a_batch_holds_at_most_max_batch_size_images() -> None:
    async def main() -> list[int]:
        device = Device()
        scheduler = Scheduler(device.run, LIMITS)
        await all_of(*(scheduler.submit("wave", SMALL, n) for n in range(10)))
        return [len(batch) for _, batch in device.batches]

    assert run(main()) == [4, 4, 2]


def test_a_batch_holds_at_most_max_batch_pixels_unless_one_image_exceeds_them() -> None:
    limits = Limits(4, max_batch_pixels=2 * 64 * 64, max_queue_delay=0, max_queue_pixels=10**9)

    async def main(shape: tuple[int, int]) -> list[int]:
        device = Device()
        scheduler = Scheduler(device.run, limits)
        await all_of(*(scheduler.submit("wave", shape, n) for n in range(3)))
        return [len(batch) for _, batch in device.batches]

    assert run(main(SMALL)) == [2, 1]
    assert run(main(LARGE)) == [1, 1, 1]


def test_a_partial_batch_waits_for_companions_no_longer_than_max_queue_delay() -> None:
    limits = Limits(4, 10**9, max_queue_delay=0.2, max_queue_pixels=10**9)

    async def main() -> tuple[Completed[int], list[tuple[str, list[int]]]]:
        device = Device()
        scheduler = Scheduler(device.run, limits)
        first = asyncio.ensure_future(scheduler.submit("wave", SMALL, 1))
        await asyncio.sleep(0.1)
        await all_of(first, scheduler.submit("wave", SMALL, 2))
        return first.result(), device.batches

    completed, batches = run(main())
    assert completed.queue_seconds == pytest.approx(0.2)
    assert batches == [("wave", [1, 2])]


def test_a_full_batch_does_not_wait() -> None:
    limits = Limits(2, 10**9, max_queue_delay=5.0, max_queue_pixels=10**9)

    async def main() -> list[Completed[int]]:
        scheduler = Scheduler(Device().run, limits)
        return await all_of(*(scheduler.submit("wave", SMALL, n) for n in range(2)))

    assert [completed.queue_seconds for completed in run(main())] == [0.0, 0.0]


def test_a_request_beyond_the_queue_s_pixels_is_refused_with_the_time_to_drain() -> None:
    limits = Limits(1, 10**9, 0.0, max_queue_pixels=3 * 64 * 64)

    async def main() -> list[Any]:
        scheduler = Scheduler(Device(seconds=2.0).run, limits)
        await scheduler.submit("wave", SMALL, 0)  # now the pace is known
        running = asyncio.ensure_future(scheduler.submit("wave", SMALL, 1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        answers = await all_of(*(scheduler.submit("wave", SMALL, n) for n in range(2, 6)))
        await running
        return answers

    *accepted, refused = run(main())
    assert [completed.result for completed in accepted] == [4, 6, 8]
    assert isinstance(refused, QueueFull)
    assert refused.retry_after == 8  # one running and three waiting, two seconds each


def test_an_image_larger_than_the_whole_queue_is_taken_when_nothing_waits() -> None:
    limits = Limits(4, 10**9, 0.0, max_queue_pixels=10)

    async def main() -> Completed[int]:
        return await Scheduler(Device().run, limits).submit("wave", LARGE, 1)

    assert run(main()).result == 2


def test_a_request_that_cannot_make_its_deadline_is_refused_before_it_queues() -> None:
    async def main() -> None:
        scheduler = Scheduler(Device(seconds=10.0).run, LIMITS)
        loop = asyncio.get_running_loop()
        await scheduler.submit("wave", SMALL, 0)
        running = asyncio.ensure_future(scheduler.submit("wave", SMALL, 1))
        await asyncio.sleep(1.0)
        with pytest.raises(QueueFull) as refused:
            scheduler.admit(deadline=loop.time() + 5.0)
        assert refused.value.retry_after == 9
        scheduler.admit(deadline=loop.time() + 20.0)
        await running

    run(main())


def test_what_is_admitted_and_not_yet_submitted_delays_no_newcomer() -> None:
    async def main() -> None:
        scheduler = Scheduler(Device().run, LIMITS)
        loop = asyncio.get_running_loop()
        await scheduler.submit("wave", SMALL, 0)
        with scheduler.admission("wave", 9 * 64 * 64):
            assert scheduler.predicted_wait() == 0
            assert scheduler.predicted_drain() == pytest.approx(9.0)
            scheduler.admit(deadline=loop.time() + 0.5)

    run(main())


def test_what_is_admitted_counts_for_the_queue_s_pixels_until_it_ends() -> None:
    limits = Limits(1, 10**9, 0.0, max_queue_pixels=3 * 64 * 64)

    async def main() -> None:
        scheduler = Scheduler(Device().run, limits)
        with scheduler.admission("wave", 3 * 64 * 64), pytest.raises(QueueFull):
            await scheduler.submit("wave", SMALL, 1)
        assert (await scheduler.submit("wave", SMALL, 1)).result == 2

    run(main())


def test_a_request_whose_deadline_passes_in_the_queue_never_reaches_the_device() -> None:
    async def main() -> list[tuple[str, list[int]]]:
        device = Device(seconds=10.0)
        scheduler = Scheduler(device.run, LIMITS)
        first = asyncio.ensure_future(scheduler.submit("wave", SMALL, 1))
        await asyncio.sleep(0.1)
        with pytest.raises(DeadlinePassed):
            await scheduler.submit("wave", SMALL, 2, deadline=5.0)
        await first
        await scheduler.drain()
        return device.batches

    assert run(main()) == [("wave", [1])]


def test_a_request_that_comes_after_its_deadline_is_not_queued() -> None:
    async def main() -> None:
        scheduler = Scheduler(Device().run, LIMITS)
        with pytest.raises(DeadlinePassed):
            await scheduler.submit("wave", SMALL, 1, deadline=-0.1)
        assert scheduler.queued_images == 0

    run(main())


def test_a_cancelled_request_never_reaches_the_device() -> None:
    async def main() -> list[tuple[str, list[int]]]:
        device = Device()
        scheduler = Scheduler(device.run, LIMITS)
        first = asyncio.ensure_future(scheduler.submit("wave", SMALL, 1))
        await asyncio.sleep(0.1)
        leaving = asyncio.ensure_future(scheduler.submit("wave", SMALL, 2))
        staying = asyncio.ensure_future(scheduler.submit("wave", SMALL, 3))
        await asyncio.sleep(0.1)
        leaving.cancel()
        await all_of(first, leaving, staying)
        assert scheduler.queued_images == 0
        return device.batches

    assert run(main()) == [("wave", [1]), ("wave", [3])]


def test_a_request_cancelled_while_it_runs_leaves_its_companions_their_results() -> None:
    async def main() -> Completed[int]:
        scheduler = Scheduler(Device().run, LIMITS)
        leaving = asyncio.ensure_future(scheduler.submit("wave", SMALL, 1))
        staying = asyncio.ensure_future(scheduler.submit("wave", SMALL, 2))
        await asyncio.sleep(0.5)
        leaving.cancel()
        return await staying

    assert run(main()).result == 4


def test_a_batch_that_fails_fails_alone() -> None:
    async def main() -> list[Any]:
        scheduler = Scheduler(Device().run, LIMITS)
        return await all_of(
            scheduler.submit("wave", SMALL, -1),
            scheduler.submit("wave", SMALL, 1),
            scheduler.submit("wave", LARGE, 2),
        )

    failed, companion, other = run(main())
    assert isinstance(failed, RuntimeError)
    assert isinstance(companion, RuntimeError)
    assert other.result == 4


def test_a_device_that_loses_a_result_fails_its_batch_and_the_queue_goes_on() -> None:
    async def lossy(_: str, batch: Sequence[int]) -> Sequence[int]:
        return [payload for payload in batch if payload != 1]

    async def main() -> list[Any]:
        scheduler = Scheduler(lossy, LIMITS)
        return await all_of(scheduler.submit("wave", SMALL, 1), scheduler.submit("wave", LARGE, 2))

    failed, other = run(main())
    assert isinstance(failed, RuntimeError)
    assert other.result == 2


def test_draining_finishes_what_waits_and_refuses_what_comes() -> None:
    async def main() -> tuple[list[Any], Any]:
        scheduler = Scheduler(Device().run, LIMITS)
        waiting = [
            asyncio.ensure_future(scheduler.submit("wave", shape, 1)) for shape in (SMALL, LARGE)
        ]
        await asyncio.sleep(0)
        draining = asyncio.ensure_future(scheduler.drain())
        await asyncio.sleep(0)
        (late,) = await all_of(scheduler.submit("wave", SMALL, 2))
        await draining
        return await all_of(*waiting), late

    finished, late = run(main())
    assert [completed.result for completed in finished] == [2, 2]
    assert isinstance(late, NotReady)


arrivals = st.lists(
    st.tuples(
        st.floats(0, 3),  # when
        st.sampled_from(["wave", "udnie"]),
        st.sampled_from([SMALL, LARGE]),
        st.one_of(st.none(), st.floats(0, 2)),  # when its client leaves, after arriving
    ),
    max_size=30,
)


@given(arrivals, st.integers(1, 5), st.floats(0, 0.5))
def test_every_request_runs_once_or_not_at_all_and_gets_its_own_result(
    arrivals: list[tuple[float, str, tuple[int, int], float | None]], size: int, delay: float
) -> None:
    device = Device(seconds=0.3)
    limits = Limits(size, 10**9, delay, 10**9)

    async def main() -> list[Any]:
        scheduler = Scheduler(device.run, limits)

        async def client(n: int) -> int | None:
            arrives, model, shape, leaves = arrivals[n]
            await asyncio.sleep(arrives)
            try:
                async with asyncio.timeout(leaves):
                    return (await scheduler.submit(model, shape, n)).result
            except TimeoutError:
                return None

        answers = await asyncio.gather(*map(client, range(len(arrivals))))
        await scheduler.drain()
        assert scheduler.queued_images == 0
        return answers

    answers = run(main())
    ran = [n for _, batch in device.batches for n in batch]
    assert len(ran) == len(set(ran))
    for n, (answer, (_, _, _, leaves)) in enumerate(zip(answers, arrivals, strict=True)):
        if answer is None:
            assert leaves is not None
        else:
            assert answer == 2 * n
            assert n in ran
    for model, batch in device.batches:
        assert len(batch) <= size
        assert {arrivals[n][1:3] for n in batch} == {(model, arrivals[batch[0]][2])}


@given(st.lists(st.sampled_from([SMALL, LARGE]), min_size=1, max_size=20))
def test_no_request_waits_behind_more_than_those_that_came_before_it(
    shapes: list[tuple[int, int]],
) -> None:
    device = Device()

    async def main() -> None:
        scheduler = Scheduler(device.run, LIMITS)
        await all_of(*(scheduler.submit("wave", shape, n) for n, shape in enumerate(shapes)))

    run(main())
    oldest = [min(batch) for _, batch in device.batches]
    assert oldest == sorted(oldest)  # each batch takes along the oldest that still waits
