"""The micro-batching queue: many requests in, few device runs out.

Requests of the same model and shape share a batch. Whenever the device is free, the oldest
request decides which model and shape run next, and others like it ride along, so neither shapes
nor models starve each other; while a batch runs, the next one gathers. Knows nothing of HTTP or
of ONNX Runtime, and reads time only from the event loop's clock.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from service.problems import DeadlinePassed, NotReady, QueueFull

Model = TypeVar("Model", bound=Hashable)
Payload = TypeVar("Payload")
Result = TypeVar("Result")

Shape = tuple[int, int]
"""Height and width in pixels."""


@dataclass(frozen=True)
class Limits:
    """Bounds of the queue and of one batch."""

    max_batch_size: int
    """Images a batch."""
    max_batch_pixels: int
    """Pixels a batch; a single image may exceed it and then runs alone."""
    max_queue_delay: float
    """Seconds that a request may wait for companions while the device is idle."""
    max_queue_pixels: int
    """Pixels that may wait; what goes beyond them is refused, unless nothing else waits."""


@dataclass(frozen=True)
class Completed(Generic[Result]):
    """A result and how it came about."""

    result: Result
    batch_size: int
    started: float
    """When its batch left the queue, in the event loop's time; the same for all of the batch."""
    queue_seconds: float
    run_seconds: float


@dataclass(eq=False)
class Admission(Generic[Model]):
    """Work that was admitted at once: one image, or all tiles of one."""

    model: Model
    waiting_pixels: int
    """Not yet on the device."""
    deadline: float | None
    """In the event loop's time."""


@dataclass(eq=False)
class _Request(Generic[Model, Payload, Result]):
    admission: Admission[Model]
    shape: Shape
    payload: Payload
    arrived: float
    completed: asyncio.Future[Completed[Result]]

    @property
    def model(self) -> Model:
        return self.admission.model

    @property
    def pixels(self) -> int:
        return math.prod(self.shape)


@dataclass
class _Pace:
    """Seconds a pixel of one model, an exponential average over its batches."""

    seconds_per_pixel: float = 0.0
    batches: int = 0

    def learn(self, pixels: int, seconds: float) -> None:
        self.batches += 1
        weight = max(0.1, 1 / self.batches)
        self.seconds_per_pixel += weight * (seconds / pixels - self.seconds_per_pixel)


class Scheduler(Generic[Model, Payload, Result]):
    """Runs submitted work in batches on one device.

    ``run`` computes a batch: it takes a model and payloads of equal shape, and returns as many
    results in the same order. It is awaited one batch at a time. If it raises, every request of
    that batch gets the exception, and the queue goes on.
    """

    def __init__(
        self,
        run: Callable[[Model, Sequence[Payload]], Awaitable[Sequence[Result]]],
        limits: Limits,
    ) -> None:
        self._run = run
        self._limits = limits
        self._queue: list[_Request[Model, Payload, Result]] = []
        self._admissions: list[Admission[Model]] = []
        self._running: list[_Request[Model, Payload, Result]] = []
        self._running_since = 0.0
        self._paces: dict[Model, _Pace] = {}
        self._arrival = asyncio.Event()
        self._draining = False
        self._loop = asyncio.get_running_loop()
        self._worker = self._loop.create_task(self._work(), name="scheduler")

    @property
    def queued_images(self) -> int:
        return len(self._queue)

    @property
    def queued_pixels(self) -> int:
        """Pixels admitted and not yet on the device, whether submitted or still to come."""
        return sum(admission.waiting_pixels for admission in self._admissions)

    def predicted_wait(self) -> float:
        """Seconds until all that runs or stands in the queue is done, by the pace of past batches.

        What open admissions will submit later does not count: it queues behind a newcomer.
        """
        return self._predicted_rest() + sum(self._predicted(r.model, r.pixels) for r in self._queue)

    def predicted_drain(self) -> float:
        """Seconds until all that was admitted is done, by the pace of past batches."""
        return self._predicted_rest() + sum(
            self._predicted(admission.model, admission.waiting_pixels)
            for admission in self._admissions
        )

    def batch_size(self, shape: Shape) -> int:
        """How many images of this shape share a batch at most."""
        room = max(1, self._limits.max_batch_pixels // math.prod(shape))
        return min(room, self._limits.max_batch_size)

    def admit(self, deadline: float | None = None, pixels: int = 0) -> None:
        """Refuse at once what could not be answered in time, before more is spent on it.

        ``deadline`` is in the event loop's time. Raises NotReady while draining, QueueFull if
        ``pixels`` more do not fit or the queue ahead will not be done by the deadline, and
        DeadlinePassed if it is behind us.
        """
        retry_after = max(1, math.ceil(self.predicted_drain()))
        if self._draining:
            raise NotReady("The service is shutting down.", retry_after=retry_after)
        waiting = self.queued_pixels
        if waiting and waiting + pixels > self._limits.max_queue_pixels:
            raise QueueFull("The queue is full.", retry_after=retry_after)
        if deadline is not None and self._loop.time() >= deadline:
            raise DeadlinePassed("The deadline passed before the image could be queued.")
        wait = self.predicted_wait()
        if deadline is not None and self._loop.time() + wait > deadline:
            raise QueueFull(
                f"The queue takes about {wait:.1f} s, longer than the request would wait.",
                retry_after=max(1, math.ceil(wait)),
            )

    @contextmanager
    def admission(
        self, model: Model, pixels: int, deadline: float | None = None
    ) -> Iterator[Admission[Model]]:
        """Admit ``pixels`` of work at once, to be submitted in parts while the context is open.

        No part is refused any more, and draining waits for the last. Raises what ``admit`` raises.
        """
        self.admit(deadline, pixels)
        admission = Admission(model, pixels, deadline)
        self._admissions.append(admission)
        try:
            yield admission
        finally:
            self._admissions.remove(admission)
            self._arrival.set()  # draining may have waited for nothing else

    async def submit(
        self, model: Model, shape: Shape, payload: Payload, deadline: float | None = None
    ) -> Completed[Result]:
        """Queue one image and wait for its result.

        Raises what ``admit`` raises, DeadlinePassed once the deadline has passed, or what the run
        raised. Cancelling the call takes the request out of the queue; in a batch that is running
        already its result is dropped.
        """
        with self.admission(model, math.prod(shape), deadline) as admission:
            return await self.submit_part(admission, shape, payload)

    async def submit_part(
        self, admission: Admission[Model], shape: Shape, payload: Payload
    ) -> Completed[Result]:
        """Queue one part of what was admitted and wait for its result; else like ``submit``."""
        arrived, completed = self._loop.time(), self._loop.create_future()
        request = _Request(admission, shape, payload, arrived, completed)
        self._queue.append(request)
        self._arrival.set()
        try:
            async with asyncio.timeout_at(admission.deadline):
                return await request.completed
        except TimeoutError:
            if request.completed.done() and not request.completed.cancelled():
                raise  # the run's own TimeoutError, not the deadline's
            raise DeadlinePassed("The result was not ready by the request's deadline.") from None
        finally:
            if request in self._queue:
                self._queue.remove(request)

    async def drain(self) -> None:
        """Admit nothing more, finish what is there, and stop."""
        self._draining = True
        self._arrival.set()
        await self._worker

    async def _work(self) -> None:
        while True:
            while not self._queue:
                if self._draining and not self._admissions:
                    return
                self._arrival.clear()
                await self._arrival.wait()
            await self._run_batch(await self._gather())

    async def _gather(self) -> list[_Request[Model, Payload, Result]]:
        """Take the oldest request and those like it out of the queue, once the batch may leave."""
        while self._queue:
            leaves_at = self._queue[0].arrived + self._limits.max_queue_delay
            batch, full = self._batch_of_oldest()
            if full or self._draining or self._loop.time() >= leaves_at:
                self._queue = [request for request in self._queue if request not in batch]
                for request in batch:
                    request.admission.waiting_pixels -= request.pixels
                return batch
            self._arrival.clear()
            try:
                async with asyncio.timeout_at(leaves_at):
                    await self._arrival.wait()
            except TimeoutError:
                pass
        return []

    def _batch_of_oldest(self) -> tuple[list[_Request[Model, Payload, Result]], bool]:
        """The oldest request with its companions, and whether there is room for no more."""
        oldest = self._queue[0]
        size = self.batch_size(oldest.shape)
        alike = [r for r in self._queue if (r.model, r.shape) == (oldest.model, oldest.shape)]
        return alike[:size], len(alike) >= size

    async def _run_batch(self, batch: list[_Request[Model, Payload, Result]]) -> None:
        if not batch:
            return
        started = self._loop.time()
        self._running, self._running_since = batch, started
        try:
            results = await self._run(batch[0].model, [request.payload for request in batch])
            if len(results) != len(batch):
                raise RuntimeError(f"{len(results)} results for a batch of {len(batch)}")
        except Exception as error:
            for request in batch:
                if not request.completed.done():
                    request.completed.set_exception(error)
            return
        finally:
            self._running = []
        seconds = self._loop.time() - started
        pace = self._paces.setdefault(batch[0].model, _Pace())
        pace.learn(sum(request.pixels for request in batch), seconds)
        for request, result in zip(batch, results, strict=True):
            if not request.completed.done():
                request.completed.set_result(
                    Completed(result, len(batch), started, started - request.arrived, seconds)
                )

    def _predicted_rest(self) -> float:
        """Seconds that the batch on the device still takes."""
        if not self._running:
            return 0.0
        seconds = sum(self._predicted(request.model, request.pixels) for request in self._running)
        return max(0.0, seconds - (self._loop.time() - self._running_since))

    def _predicted(self, model: Model, pixels: int) -> float:
        pace = self._paces.get(model)
        return pace.seconds_per_pixel * pixels if pace else 0.0
