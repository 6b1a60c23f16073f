"""Several batches on the device at a time, in virtual time."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.problems import DeadlineUnreachable
from service.scheduling.batching import Limits
from service.scheduling.scheduler import Completed, Scheduler
from tests.support.fake_device import BROKEN, LARGE, LIMITS, SMALL, Image, Queue
from tests.support.parts import run_numbers
from tests.support.queue_clients import Client, all_clients, serve
from tests.support.virtual_time import run

AREA = SMALL[0] * SMALL[1]


class Shared:
    """A device whose batches share its time: a batch takes a second if it runs alone."""

    def __init__(self) -> None:
        self.running: dict[int, int] = {}
        """Pixels of batches, by the number of their first image."""
        self.most: list[tuple[int, int]] = []
        """Batches and pixels whenever one has started."""
        self.batches: list[tuple[str, list[int]]] = []
        self.shared: list[bool] = []

    async def run(self, model: str, batch: Sequence[Image], shared: bool) -> Sequence[int]:
        numbers = [image.number for image in batch]
        self.batches.append((model, numbers))
        self.shared.append(shared)
        self.running[numbers[0]] = sum(h * w for h, w in (image.shape for image in batch))
        self.most.append((len(self.running), sum(self.running.values())))
        left = 1.0
        while left > 1e-9:
            await asyncio.sleep(0)  # for those who come and go at the same time
            share = 1 / len(self.running)
            await asyncio.sleep(0.125)
            left -= 0.125 * share
        del self.running[numbers[0]]
        if BROKEN in numbers:
            raise RuntimeError("the device failed")
        return [2 * number for number in numbers]


def queue(device: Shared, limits: Limits = LIMITS, concurrency: int = 2) -> Queue:
    opened = Queue(limits=limits)
    opened.device = device  # type: ignore[assignment]
    opened.scheduler = Scheduler(
        device.run, limits, opened.record, random=lambda: 0.0, concurrency=concurrency
    )
    return opened


def test_two_batches_run_at_a_time_and_the_third_when_one_is_done() -> None:
    async def main() -> list[Completed[int]]:
        scheduler = queue(Shared()).scheduler
        images = [Image(number, shape) for number, shape in enumerate([SMALL, LARGE, SMALL])]
        return await asyncio.gather(
            *(scheduler.submit(f"model {i.number}", i.shape, i) for i in images)
        )

    first, second, third = run(main())
    assert (first.queue_seconds, second.queue_seconds) == (0, 0)
    assert third.queue_seconds == min(first.run_seconds, second.run_seconds)
    assert third.queue_seconds == pytest.approx(2, abs=0.25)


def test_what_a_batch_costs_is_its_share_of_the_device() -> None:
    async def main() -> Queue:
        opened = queue(Shared())
        await opened.start(1)
        await asyncio.gather(opened.start(2, model="wave"), opened.start(3, model="udnie"))
        return opened

    assert [seconds for *_, seconds, _ in run(main()).record.runs] == pytest.approx([1, 1, 1])


def test_all_that_waits_is_predicted_to_take_its_turns_of_the_whole_device() -> None:
    async def main() -> tuple[float, float]:
        opened = queue(Shared(), replace(LIMITS, max_batch_size=1))
        await opened.start(1)
        work = asyncio.ensure_future(opened.start(*range(6)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        predicted, start = opened.scheduler.predicted_wait(), asyncio.get_running_loop().time()
        await work
        return predicted, asyncio.get_running_loop().time() - start

    predicted, took = run(main())
    assert predicted == pytest.approx(took)
    assert took == pytest.approx(6, abs=0.25)


def test_a_batch_is_told_whether_others_will_run_beside_it() -> None:
    async def main() -> list[bool]:
        device = Shared()
        opened = queue(device, replace(LIMITS, max_batch_size=1))
        await opened.start(1)
        await opened.start(2, 3, 4)
        await opened.start(5)
        return device.shared

    # The last of three starts while another one still runs.
    assert run(main()) == [False, True, True, True, False]


def test_batches_beside_each_other_are_within_the_limits_of_one() -> None:
    async def main() -> Shared:
        device = Shared()
        opened = queue(device, replace(LIMITS, max_batch_pixels=3 * AREA // 2))
        await asyncio.gather(opened.start(1), opened.start(2, model="udnie"))
        return device

    assert run(main()).most == [(1, AREA), (1, AREA)]


def test_parts_beside_each_other_do_not_take_more_time_than_passes() -> None:
    async def main() -> tuple[Completed[None], float]:
        opened = queue(Shared(), replace(LIMITS, max_batch_size=1))
        start = asyncio.get_running_loop().time()
        done, _ = await run_numbers(opened, 1, 2, 3, 4)
        return done, asyncio.get_running_loop().time() - start

    done, took = run(main())
    assert done.run_seconds == pytest.approx(took)
    assert done.queue_seconds == pytest.approx(0)


@given(
    st.lists(all_clients, max_size=20),
    st.integers(1, 3),
    st.sampled_from([1, 3 * AREA, 10**9]),
)
def test_every_client_gets_its_own_result_or_a_reason_and_none_runs_twice(
    clients: list[Client], concurrency: int, max_batch_pixels: int
) -> None:
    async def main() -> None:
        device = Shared()
        limits = replace(LIMITS, max_batch_pixels=max_batch_pixels)
        answers = await serve(queue(device, limits, concurrency), clients)
        everyone = set(range(len(clients)))
        assert set(answers.results) | set(answers.refused) | answers.cancelled == everyone
        assert all(result == 2 * number for number, result in answers.results.items())
        ran = [number for _, numbers in device.batches for number in numbers]
        assert len(ran) == len(set(ran))
        assert set(answers.results) <= set(ran)
        for batches, pixels in device.most:
            assert batches <= concurrency
            assert batches == 1 or pixels <= max_batch_pixels

    run(main())


def test_a_batch_that_fails_takes_none_beside_it_along() -> None:
    async def main() -> Sequence[object]:
        opened = queue(Shared())
        failed, (good,) = await asyncio.gather(opened.start(BROKEN), opened.start(4, model="udnie"))
        return [*failed, good]

    failed, good = run(main())
    assert isinstance(failed, RuntimeError)
    assert good == 8


def test_an_idle_device_is_given_to_whoever_has_time_for_a_run_of_its_own() -> None:
    async def main() -> int:
        opened = queue(Shared())
        await opened.start(1)
        return await opened.submit(2, deadline=asyncio.get_running_loop().time() + 1.125)

    assert run(main()) == 4


def test_a_deadline_has_to_leave_time_for_a_run_beside_others() -> None:
    async def main() -> list[object]:
        opened = queue(Shared(), replace(LIMITS, max_batch_size=1))
        await opened.start(1)
        clock = asyncio.get_running_loop().time
        work = asyncio.ensure_future(opened.start(2))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        # A second for what runs, taken with caution, and two for a run that shares the device.
        answers = [
            *await asyncio.gather(
                *(opened.submit(n, deadline=clock() + n) for n in (3, 4)), return_exceptions=True
            )
        ]
        await work
        return answers

    early, later = run(main())
    assert isinstance(early, DeadlineUnreachable)
    assert later == 8
