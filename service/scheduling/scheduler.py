"""Dynamic micro-batching: queues images and runs them on one device in batches.

Requests of the same model and shape share a batch where that saves time. Whenever the device has
room, the oldest request decides which model and shape run next, and others like it join its batch,
so neither shapes nor models starve; the next batch gathers while one runs. Knows nothing of HTTP or
of ONNX Runtime, and reads time only from the event loop and the clock it is given.
"""

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Hashable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from service.problems import DeadlinePassed
from service.scheduling.admission import Admission, Arrival, QueueState, check, draining
from service.scheduling.batching import Limits, Shape, batch_size, queue_delay
from service.scheduling.cost_model import CostModel
from service.scheduling.device_time import DeviceTime
from service.scheduling.observer import DepartureReason, DepartureStage, Observer
from service.scheduling.queue import Request, RequestQueue
from service.scheduling.workload import Workload

ModelT = TypeVar("ModelT", bound=Hashable)
Payload = TypeVar("Payload")
Result = TypeVar("Result")
Other = TypeVar("Other")


@dataclass(frozen=True)
class Completed(Generic[Result]):
    """A result, with the batch that it ran in and the time that this took."""

    result: Result
    batch_size: int
    started: float
    """When its batch was started, in the event loop's time; the same for all of the batch."""
    queue_seconds: float
    run_seconds: float

    def with_result(self, result: Other) -> "Completed[Other]":
        """Another result of the same run."""
        return Completed(
            result, self.batch_size, self.started, self.queue_seconds, self.run_seconds
        )


class Scheduler(Generic[ModelT, Payload, Result]):
    """Runs submitted images in batches on one device.

    ``run`` computes a batch: it takes a model, payloads of equal shape and whether other batches
    are expected to run beside this one; it returns as many results in the same order. At most
    ``concurrency`` batches run at once, together within the limits of one. If it raises, every
    request of that batch gets the exception, and the queue goes on. ``costs`` keeps what has been
    learned of each model; nothing else refers to a model that no request is waiting for. ``clock``
    measures how long batches take, in seconds; the default is the event loop's time.
    """

    def __init__(
        self,
        run: Callable[[ModelT, Sequence[Payload], bool], Awaitable[Sequence[Result]]],
        limits: Limits,
        observer: Observer[ModelT] | None = None,
        random: Callable[[], float] = random.random,
        costs: MutableMapping[ModelT, CostModel] | None = None,
        concurrency: int = 1,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._run = run
        self._concurrency = concurrency
        self._limits = limits
        self._observer = observer or Observer()
        self._random = random
        self._costs: MutableMapping[ModelT, CostModel] = {} if costs is None else costs
        self._waiting: RequestQueue[ModelT, Payload, Completed[Result]] = RequestQueue()
        self._queued: Workload[ModelT] = Workload(limits.batch_size)
        self._admitted: Workload[ModelT] = Workload(limits.batch_size)  # queued or still to come
        self._open_admissions = 0
        self._loop = asyncio.get_running_loop()
        self._clock = clock or self._loop.time
        self._device = DeviceTime(self._clock)
        self._change = asyncio.Event()
        self._draining = False
        self._workers = [
            self._loop.create_task(self._work(), name=f"scheduler {n}") for n in range(concurrency)
        ]

    @property
    def queued_images(self) -> int:
        return len(self._waiting)

    @property
    def queued_pixels(self) -> int:
        """Pixels admitted and not yet on the device, whether submitted or still to come."""
        return self._admitted.pixels

    def predicted_wait(self) -> float:
        """Seconds until all that runs or waits in the queue is done.

        What open admissions will submit later does not count: it queues behind an arrival.
        """
        return self._device.remaining_seconds() + self._queued.seconds(self._cost)

    def predicted_drain(self) -> float:
        """Seconds until all that was admitted is done."""
        return self._device.remaining_seconds() + self._admitted.seconds(self._cost)

    def batch_size(self, model: ModelT, shape: Shape) -> int:
        """How many images of this shape share a batch when enough of them wait."""
        most = self._limits.batch_size(shape)
        return batch_size(self._cost(model), self._limits, shape, available=most)

    def check_ready(self) -> None:
        """Raises Draining once ``drain`` has been called."""
        if self._draining:
            raise draining(self._queue_state(), self._random)

    def check_admission(self, deadline: float | None = None) -> None:
        """Raises what a request of unknown size would be refused with now; admits nothing.

        ``deadline`` is in the event loop's time. Raises Draining, QueueFull, DeadlinePassed or,
        if the queue ahead will not be done by then, DeadlineUnreachable.
        """
        self._check(deadline, pixels=0, run=0.0)

    @contextmanager
    def admission(
        self, model: ModelT, shape: Shape, images: int = 1, deadline: float | None = None
    ) -> Iterator[Admission[ModelT]]:
        """Admit ``images`` at once, to be submitted one by one while the context is open.

        None of them is refused later, and draining waits for the last. Raises what
        ``check_admission`` raises, counting the time that they take themselves.
        """
        self._check(deadline, images * math.prod(shape), self._predicted(model, shape, images))
        admission = Admission(model, shape, images, deadline)
        self._open_admissions += 1
        self._admitted.add(model, shape, images)
        try:
            yield admission
        except asyncio.CancelledError:
            self._left(admission, "cancelled")
            raise
        except DeadlinePassed:
            self._left(admission, "deadline")
            raise
        finally:
            self._admitted.add(model, shape, -admission.waiting)
            self._open_admissions -= 1
            self._change.set()  # draining may wait for this

    async def submit(
        self, model: ModelT, shape: Shape, payload: Payload, deadline: float | None = None
    ) -> Completed[Result]:
        """Queue one image and wait for its result.

        Raises what ``admission`` raises, DeadlinePassed once the deadline has passed, or what the
        run raised. Cancelling the call takes the request out of the queue; in a batch that is
        running already its result is dropped.
        """
        with self.admission(model, shape, deadline=deadline) as admission:
            return await self.submit_part(admission, payload)

    async def submit_part(
        self, admission: Admission[ModelT], payload: Payload
    ) -> Completed[Result]:
        """Queue one image of what was admitted and wait for its result; else like ``submit``."""
        completed: asyncio.Future[Completed[Result]] = self._loop.create_future()
        request = Request(admission, payload, self._loop.time(), completed)
        self._waiting.add(request)
        self._queued.add(admission.model, admission.shape, 1)
        self._change.set()
        try:
            async with asyncio.timeout_at(admission.deadline):
                return await request.completed
        except TimeoutError:
            if request.completed.done() and not request.completed.cancelled():
                raise  # the run's own TimeoutError, not the deadline's
            raise DeadlinePassed("The result was not ready by the request's deadline.") from None
        finally:
            if request in self._waiting:
                self._waiting.remove(request)
                self._queued.add(admission.model, admission.shape, -1)

    async def drain(self) -> None:
        """Graceful shutdown: admit nothing more, finish what was admitted, and stop."""
        self._draining = True
        self._change.set()
        await asyncio.gather(*self._workers)

    async def _work(self) -> None:
        while True:
            self._change.clear()
            oldest = self._waiting.oldest()
            if oldest is None:
                if self._draining and not self._open_admissions:
                    return
                await self._change.wait()
            elif not self._room(oldest):
                await self._change.wait()
            elif (starts_at := self._starts_at(oldest)) > self._loop.time():
                await self._change_or(starts_at)
            else:
                await self._run_batch(self._take(oldest))

    async def _change_or(self, time: float) -> None:
        try:
            async with asyncio.timeout_at(time):
                await self._change.wait()
        except TimeoutError:
            pass

    @property
    def _busy(self) -> bool:
        return self._device.batches > 0 or len(self._waiting) > 0

    def _room(self, oldest: Request[ModelT, Payload, Completed[Result]]) -> int:
        """How many images like the oldest may start now."""
        if self._device.batches == 0:
            return self._limits.max_batch_size
        pixels = self._limits.max_batch_pixels - self._device.pixels
        return max(0, pixels // math.prod(oldest.admission.shape))

    def _starts_at(self, oldest: Request[ModelT, Payload, Completed[Result]]) -> float:
        """When the batch of the oldest request starts if no other arrives: after its delay."""
        model, shape = oldest.admission.batch_key
        full = self._waiting.alike(oldest) >= self.batch_size(model, shape)
        # While others wait for the device too, a delay would cost them as well.
        if full or self._waiting.batch_keys > 1 or self._draining:
            return oldest.arrived
        return oldest.arrived + queue_delay(self._cost(model), self._limits)

    def _take(
        self, oldest: Request[ModelT, Payload, Completed[Result]]
    ) -> list[Request[ModelT, Payload, Completed[Result]]]:
        """Takes the oldest request off the queue, with as many like it as share its batch."""
        model, shape = oldest.admission.batch_key
        available = min(self._waiting.alike(oldest), self._room(oldest))
        size = batch_size(self._cost(model), self._limits, shape, available)
        batch = self._waiting.take(oldest, size)
        self._queued.add(model, shape, -len(batch))
        self._admitted.add(model, shape, -len(batch))
        for request in batch:
            request.admission.waiting -= 1
            request.admission.running += 1
        return batch

    async def _run_batch(self, batch: list[Request[ModelT, Payload, Completed[Result]]]) -> None:
        model, shape = batch[0].admission.batch_key
        images, pixels = len(batch), len(batch) * math.prod(shape)
        shared = self._concurrency > 1 and self._busy
        running = self._device.start(pixels, self._cost(model).seconds(images, pixels))
        started, began = self._loop.time(), self._clock()
        try:
            results = await self._run(model, [request.payload for request in batch], shared)
            if len(results) != images:
                raise RuntimeError(f"{len(results)} results for a batch of {images}")
        except Exception as error:
            for request in batch:
                if not request.completed.done():
                    request.completed.set_exception(error)
            return
        finally:
            used = self._device.finish(running)
            self._change.set()
            for request in batch:
                request.admission.running -= 1
        seconds = self._clock() - began
        for request, result in zip(batch, results, strict=True):
            if not request.completed.done():
                request.completed.set_result(
                    Completed(result, images, started, started - request.arrived, seconds)
                )
        self._cost(model).learn(images, pixels, used)
        self._observer.ran(model, images, pixels, used, running.predicted)

    def _left(self, admission: Admission[ModelT], reason: DepartureReason) -> None:
        on_device = admission.running > 0 or admission.waiting == 0
        stage: DepartureStage = "running" if on_device else "queued"
        drain = self._admitted.seconds(self._cost)
        self._admitted.add(*admission.batch_key, -admission.waiting)
        admission.waiting = 0
        saved = drain - self._admitted.seconds(self._cost)
        self._observer.left(admission.model, stage, reason, saved)

    def _check(self, deadline: float | None, pixels: int, run: float) -> None:
        left = None if deadline is None else deadline - self._loop.time()
        # On an idle device later arrivals may slow it down too; but refusing it for their sake
        # would leave the device idle.
        if self._busy:
            run *= self._concurrency
        arrival, state = Arrival(pixels, run, left), self._queue_state()
        check(arrival, state, self._limits.max_queue_pixels, self._random)

    def _queue_state(self) -> QueueState:
        return QueueState(
            draining=self._draining,
            waiting_pixels=self.queued_pixels,
            ahead=self.predicted_wait(),
            drain=self.predicted_drain(),
            idle=self._device.idle(),
        )

    def _cost(self, model: ModelT) -> CostModel:
        cost = self._costs.get(model)
        if cost is None:
            cost = self._costs[model] = CostModel()
        return cost

    def _predicted(self, model: ModelT, shape: Shape, images: int) -> float:
        batches = math.ceil(images / self._limits.batch_size(shape))
        return self._cost(model).seconds(images, images * math.prod(shape), batches)
