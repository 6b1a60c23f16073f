"""Work in parts that is admitted at once: the tiles of an image, the images of a request."""

import asyncio
import math
from collections.abc import AsyncIterator, Hashable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from service.scheduling.admission import Admission
from service.scheduling.batching import Shape
from service.scheduling.scheduler import Completed, Scheduler

ModelT = TypeVar("ModelT", bound=Hashable)
Payload = TypeVar("Payload")
Result = TypeVar("Result")
Whole = TypeVar("Whole")


class Parts(Generic[ModelT, Payload, Result]):
    """Runs all payloads of an admission; iterates over (index, result) as they are done."""

    def __init__(
        self,
        scheduler: Scheduler[ModelT, Payload, Result],
        admission: Admission[ModelT],
        payloads: Sequence[Payload],
        group: asyncio.TaskGroup,
    ) -> None:
        self._scheduler = scheduler
        self._admission = admission
        self._payloads = payloads
        self._group = group
        self._clock = asyncio.get_running_loop().time
        self._submitted = self._clock()
        self._done: asyncio.Queue[tuple[int, Completed[Result]]] = asyncio.Queue()
        self._largest_batch = 0
        self._batches: set[tuple[float, float]] = set()  # start and end

    async def __aiter__(self) -> AsyncIterator[tuple[int, Result]]:
        started = self._start(0, finished=0)
        for finished in range(1, len(self._payloads) + 1):
            index, completed = await self._done.get()
            started = self._start(started, finished)
            ended = completed.started + completed.run_seconds
            self._batches.add((completed.started, ended))
            self._largest_batch = max(self._largest_batch, completed.batch_size)
            yield index, completed.result

    def _start(self, started: int, finished: int) -> int:
        """Submits parts until two full batches are in work; returns how many have been submitted.

        One batch is on the device and one follows: with more in the queue, a large image would
        delay all that arrives after it, and hold the memory of more results, for nothing. The
        oldest request goes first, so others get their turn between two of these batches.
        """
        in_work = 2 * self._scheduler.batch_size(*self._admission.batch_key)
        until = min(finished + in_work, len(self._payloads))
        for index in range(started, until):
            self._group.create_task(self._run(index))
        return max(started, until)

    def completed(self, result: Whole) -> Completed[Whole]:
        """``result``, put together of all parts, with how they ran.

        The batch size is that of the largest batch with a part, ``run_seconds`` the time during
        which a batch with some of the parts ran, ``queue_seconds`` all other time until now.
        """
        run_seconds = _covered(self._batches)
        return Completed(
            result,
            self._largest_batch,
            started=min(self._batches)[0],
            queue_seconds=max(0.0, self._clock() - self._submitted - run_seconds),
            run_seconds=run_seconds,
        )

    async def _run(self, index: int) -> None:
        payload = self._payloads[index]
        self._done.put_nowait((index, await self._scheduler.submit_part(self._admission, payload)))


@asynccontextmanager
async def admitted_parts(
    scheduler: Scheduler[ModelT, Payload, Result],
    model: ModelT,
    shape: Shape,
    payloads: Sequence[Payload],
    deadline: float | None,
) -> AsyncIterator[Parts[ModelT, Payload, Result]]:
    """Admit all payloads, which are of this shape, to be run inside the context.

    Raises what Scheduler.admission raises, DeadlinePassed or what the run raised; whatever ends it
    early, no part stays in the queue.
    """
    with scheduler.admission(model, shape, len(payloads), deadline) as admission:
        try:
            async with asyncio.TaskGroup() as group:
                yield Parts(scheduler, admission, payloads, group)
        except ExceptionGroup as failed:  # the other parts have been cancelled
            raise failed.exceptions[0] from None


def _covered(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds that are in any of the spans, which may overlap."""
    covered, until = 0.0, -math.inf
    for start, end in sorted(spans):
        covered += max(0.0, end - max(start, until))
        until = max(until, end)
    return covered
