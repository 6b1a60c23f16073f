"""What the queue promises whoever comes and leaves whenever, in virtual time."""

import asyncio
from collections import defaultdict
from dataclasses import replace
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from service.problems import DeadlinePassed
from service.scheduling.batching import Limits, Shape
from tests.support.fake_device import LIMITS, SMALL, Device, Queue, Serial
from tests.support.queue_clients import (
    Answers,
    Client,
    all_clients,
    models,
    moments,
    patient_clients,
    serve,
    shapes,
)
from tests.support.virtual_time import run

devices = st.builds(Device, batch=st.sampled_from([0.1, 0.3, 1.0])) | st.builds(Serial)
limits = st.builds(
    Limits,
    max_batch_size=st.integers(1, 5),
    max_batch_pixels=st.sampled_from([1, 3 * 64 * 64, 10**9]),
    max_queue_delay=st.sampled_from([0.0, 0.1, 0.5]),
    max_queue_pixels=st.sampled_from([1, 9 * 64 * 64, 10**9]),
)


def served(clients: list[Client], device: Device, limits: Limits) -> tuple[Queue, Answers]:
    async def main() -> tuple[Queue, Answers]:
        queue = Queue(device, limits)
        return queue, await serve(queue, clients)

    return run(main())


def ran(queue: Queue) -> list[int]:
    return [number for _, numbers in queue.device.batches for number in numbers]


def most_alike(limits: Limits, shape: Shape) -> int:
    pixels = shape[0] * shape[1]
    return min(limits.max_batch_size, max(1, limits.max_batch_pixels // pixels))


@given(st.lists(all_clients, max_size=30), devices, limits)
def test_every_client_gets_its_own_result_or_a_reason_and_none_runs_twice(
    clients: list[Client], device: Device, limits: Limits
) -> None:
    queue, answers = served(clients, device, limits)
    everyone = set(range(len(clients)))
    assert set(answers.results) | set(answers.refused) | answers.cancelled == everyone
    assert all(result == 2 * number for number, result in answers.results.items())
    assert len(ran(queue)) == len(set(ran(queue)))
    assert set(answers.results) <= set(ran(queue))


@given(st.lists(all_clients, max_size=30), devices, limits)
def test_every_batch_holds_one_model_and_shape_in_order_and_within_the_limits(
    clients: list[Client], device: Device, limits: Limits
) -> None:
    queue, answers = served(clients, device, limits)
    last: dict[tuple[str, Shape], int] = defaultdict(lambda: -1)
    for model, numbers in queue.device.batches:
        ((kind_model, shape),) = {(clients[n].model, clients[n].shape) for n in numbers}
        assert kind_model == model
        assert len(numbers) <= most_alike(limits, shape)
        for place in map(answers.arrived.index, numbers):
            assert place > last[model, shape]
            last[model, shape] = place


@given(st.lists(patient_clients, max_size=30), devices, limits)
def test_the_oldest_of_all_models_and_shapes_goes_next(
    clients: list[Client], device: Device, limits: Limits
) -> None:
    """So whoever waits, waits for no more batches than there are requests that came before."""
    queue, answers = served(clients, device, replace(limits, max_queue_pixels=10**9))
    assert not answers.refused
    oldest = [min(map(answers.arrived.index, numbers)) for _, numbers in queue.device.batches]
    assert oldest == sorted(oldest)


@given(shapes, models, st.integers(1, 4))
def test_no_stream_of_others_starves_a_request(shape: Shape, model: str, concurrent: int) -> None:
    async def main() -> tuple[float, float]:
        queue = Queue()
        await queue.learn()
        loop = asyncio.get_running_loop()

        async def stream() -> None:
            while True:
                await queue.submit(0, (128, 128), "candy")

        streams = [asyncio.ensure_future(stream()) for _ in range(concurrent)]
        await asyncio.sleep(7.5)
        arrived = loop.time()
        await queue.submit(1, shape, model)
        waited = loop.time() - arrived
        for task in streams:
            task.cancel()
        return waited, queue.device.batch

    waited, batch_seconds = run(main())
    assert waited <= (concurrent + 1) * batch_seconds, "those that came before it, then itself"


@given(st.lists(all_clients, max_size=30), devices, limits)
def test_nobody_hears_of_a_missed_deadline_late_and_nobody_gets_a_result_after_it(
    clients: list[Client], device: Device, limits: Limits
) -> None:
    _, answers = served(clients, device, limits)
    for number, at in answers.answered_at.items():
        client = clients[number]
        if client.waits is not None:
            assert at <= client.arrives + client.waits + 1e-9
        if isinstance(answers.refused.get(number), DeadlinePassed):
            assert client.waits is not None


@given(st.lists(all_clients, min_size=1, max_size=30), devices, limits)
@example([Client(0, "wave", SMALL), Client(0, "wave", SMALL, leaves=1.0)], Serial(), LIMITS)
def test_who_left_before_its_batch_did_costs_no_device_time(
    clients: list[Client], device: Device, limits: Limits
) -> None:
    queue, answers = served(clients, device, limits)
    started = {
        number: start
        for (_, numbers), (start, _) in zip(queue.device.batches, queue.device.spans, strict=True)
        for number in numbers
    }
    for number in answers.cancelled & set(started):
        assert started[number] <= answers.answered_at[number]
    # Who leaves before it comes to queue is no leaver; a refusal at the door is none either.
    assert len(queue.record.leavers) <= len(answers.cancelled) + len(answers.refused)
    saved = [leaver[3] for leaver in queue.record.leavers]
    assert all(seconds >= -1e-9 for seconds in saved)


@given(st.lists(patient_clients, min_size=1, max_size=20), moments, devices, limits)
def test_draining_at_any_moment_finishes_who_was_admitted_and_refuses_the_rest(
    clients: list[Client], drains: float, device: Device, limits: Limits
) -> None:
    async def main() -> tuple[Queue, Answers]:
        queue = Queue(device, limits)

        async def drain() -> Any:
            await asyncio.sleep(drains)
            await queue.scheduler.drain()

        draining = asyncio.ensure_future(drain())
        answers = await serve(queue, clients)
        await draining
        return queue, answers

    queue, answers = run(main())
    assert set(ran(queue)) == set(answers.results)
    for number in set(range(len(clients))) - set(answers.results):
        assert number in answers.refused
    assert all(
        number in answers.refused
        for number, client in enumerate(clients)
        if client.arrives > drains
    )
