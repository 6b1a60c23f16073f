"""Work in parts that is admitted at once: the tiles of an image, the images of a request."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import TypeVar

from service.scheduling.batching import Shape
from service.scheduling.scheduler import Completed, Scheduler

Model = TypeVar("Model", bound=Hashable)
Payload = TypeVar("Payload")
Result = TypeVar("Result")


async def run_parts(
    scheduler: Scheduler[Model, Payload, Result],
    model: Model,
    shape: Shape,
    payloads: Sequence[Payload],
    deadline: float | None,
    place: Callable[[int, Result], Awaitable[None]],
) -> Completed[None]:
    """Run all payloads, which are of this shape, and ``place`` each result by its number.

    The answer has the size of the largest batch that a part ran in; ``run_seconds`` is the time
    during which a batch with some of the parts ran, and ``queue_seconds`` all other time until the
    last part was in place. Raises what Scheduler.admission raises, DeadlinePassed or what the run
    raised; whatever ends it early, no part stays in the queue.
    """
    loop = asyncio.get_running_loop()
    largest_batch = 0
    batches: set[tuple[float, float]] = set()  # from when to when

    in_work = 0
    part_done = asyncio.Event()

    async def run(number: int, payload: Payload) -> None:
        nonlocal largest_batch, in_work
        done = await scheduler.submit_part(admission, payload)
        batches.add((done.started, done.started + done.run_seconds))
        largest_batch = max(largest_batch, done.batch_size)
        await place(number, done.result)
        in_work -= 1
        part_done.set()

    submitted = loop.time()
    with scheduler.admission(model, shape, len(payloads), deadline) as admission:
        try:
            async with asyncio.TaskGroup() as group:
                for number, payload in enumerate(payloads):
                    # Two full batches, on the device or next to go there: with more in the
                    # queue, a large image would delay all that comes after it, and hold the memory
                    # of more results, for nothing. The oldest request goes first, so between two
                    # of these batches others have their turn.
                    while in_work >= 2 * scheduler.batch_size(model, shape):
                        part_done.clear()
                        await part_done.wait()
                    in_work += 1
                    group.create_task(run(number, payload))
        except ExceptionGroup as failed:  # the other parts have been cancelled
            raise failed.exceptions[0] from None
    started, run_seconds = min(batches)[0], _covered(batches)
    queue_seconds = max(0.0, loop.time() - submitted - run_seconds)
    return Completed(None, largest_batch, started, queue_seconds, run_seconds)


def _covered(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds that are in any of the spans, which may overlap."""
    covered, until = 0.0, -math.inf
    for start, end in sorted(spans):
        covered += max(0.0, end - max(start, until))
        until = max(until, end)
    return covered
