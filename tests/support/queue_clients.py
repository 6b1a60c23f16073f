"""Clients that come to the scheduler, wait and leave in virtual time."""

import asyncio
from dataclasses import dataclass

from hypothesis import strategies as st

from service.problems import Problem
from service.scheduling.batching import Shape
from tests.support.fake_device import LARGE, SMALL, Queue

# Few different times, so that many things happen at the same one.
moments = st.integers(0, 30).map(lambda tenths: tenths / 10)
shapes = st.sampled_from([SMALL, LARGE])
models = st.sampled_from(["wave", "udnie"])


@dataclass(frozen=True)
class Client:
    arrives: float
    model: str
    shape: Shape
    leaves: float | None = None
    """Seconds after arriving."""
    waits: float | None = None
    """Seconds until its deadline."""


patient_clients = st.builds(Client, moments, models, shapes)
all_clients = st.builds(
    Client, moments, models, shapes, st.none() | moments, st.none() | moments.filter(bool)
)


@dataclass
class Answers:
    """By the client's number."""

    arrived: list[int]
    """Timers of the same moment go off in no certain order; this is the one they had."""
    results: dict[int, int]
    refused: dict[int, Problem]
    cancelled: set[int]
    answered_at: dict[int, float]


async def serve(queue: Queue, clients: list[Client]) -> Answers:
    """All clients come and go, then the queue drains."""
    answers = Answers([], {}, {}, set(), {})
    clock = asyncio.get_running_loop().time

    async def come(number: int, client: Client) -> None:
        await asyncio.sleep(client.arrives)
        answers.arrived.append(number)
        deadline = None if client.waits is None else clock() + client.waits
        try:
            async with asyncio.timeout(client.leaves):
                answers.results[number] = await queue.submit(
                    number, client.shape, client.model, deadline
                )
        except TimeoutError:
            answers.cancelled.add(number)
        except Problem as problem:
            answers.refused[number] = problem
        answers.answered_at[number] = clock()

    await asyncio.gather(*(come(number, client) for number, client in enumerate(clients)))
    await queue.scheduler.drain()
    assert queue.scheduler.queued_images == 0
    assert queue.scheduler.queued_pixels == 0
    assert queue.scheduler.predicted_drain() == 0
    return answers
