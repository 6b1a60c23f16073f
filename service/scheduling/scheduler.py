"""The micro-batching queue: many requests in, few device runs out.

Requests of the same model and shape share a batch where that saves time. Whenever the device has
room, the oldest request decides which model and shape run next, and others like it ride along, so
neither shapes nor models starve each other; while a batch runs, the next one gathers. Knows nothing
of HTTP or of ONNX Runtime, and reads time only from the event loop and the clock it is given.
"""

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Hashable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from service.problems import DeadlinePassed
from service.scheduling.admission import Admission, Newcomer, Outlook, check
from service.scheduling.batching import Limits, Shape, batch_size, patience
from service.scheduling.cost_model import CostModel
from service.scheduling.device_time import DeviceTime
from service.scheduling.observer import Cause, Observer, Stage
from service.scheduling.queue import Request, Waiting
from service.scheduling.workload import Workload

Model = TypeVar("Model", bound=Hashable)
Payload = TypeVar("Payload")
Result = TypeVar("Result")
Other = TypeVar("Other")


@dataclass(frozen=True)
class Completed(Generic[Result]):
    """A result and how it came about."""

    result: Result
    batch_size: int
    started: float
    """When its batch left the queue, in the event loop's time; the same for all of the batch."""
    queue_seconds: float
    run_seconds: float

    def giving(self, result: Other) -> "Completed[Other]":
        """What came about in the same way."""
        return Completed(
            result, self.batch_size, self.started, self.queue_seconds, self.run_seconds
        )


class Scheduler(Generic[Model, Payload, Result]):
    """Runs submitted work in batches on one device.

    ``run`` computes a batch: it takes a model, payloads of equal shape and whether other batches
    will run beside this one, for all that is known at its start; it returns as many results in the
    same order. It is awaited ``concurrency`` times at once at most, for batches that
    are together within the limits of one. If it raises, every request of that batch gets the
    exception, and the queue goes on. ``costs`` is where what has been learned of each model is
    kept; nothing else holds on to a model that no request is waiting for. ``clock`` tells how long
    batches take, in seconds, where the event loop's own time is too coarse for that.
    """

    def __init__(
        self,
        run: Callable[[Model, Sequence[Payload], bool], Awaitable[Sequence[Result]]],
        limits: Limits,
        observer: Observer[Model] | None = None,
        random: Callable[[], float] = random.random,
        costs: MutableMapping[Model, CostModel] | None = None,
        concurrency: int = 1,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._run = run
        self._concurrency = concurrency
        self._limits = limits
        self._observer = observer or Observer()
        self._random = random
        self._costs: MutableMapping[Model, CostModel] = {} if costs is None else costs
        self._waiting: Waiting[Model, Payload, Completed[Result]] = Waiting()
        self._queued: Workload[Model] = Workload(limits.batch_size)
        self._admitted: Workload[Model] = Workload(limits.batch_size)  # queued or still to come
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
        """Seconds until all that runs or stands in the queue is done.

        What open admissions will submit later does not count: it queues behind a newcomer.
        """
        return self._device.rest() + self._queued.seconds(self._cost)

    def predicted_drain(self) -> float:
        """Seconds until all that was admitted is done."""
        return self._device.rest() + self._admitted.seconds(self._cost)

    def batch_size(self, model: Model, shape: Shape) -> int:
        """How many images of this shape share a batch, if there are enough of them."""
        most = self._limits.batch_size(shape)
        return batch_size(self._cost(model), self._limits, shape, available=most)

    def admit(self, deadline: float | None = None) -> None:
        """Refuse at once what cannot be answered in time, while nothing else is known of it.

        ``deadline`` is in the event loop's time. Raises Draining, QueueFull, DeadlinePassed or,
        if the queue ahead will not be done by then, DeadlineUnreachable.
        """
        self._check(deadline, pixels=0, run=0.0)

    @contextmanager
    def admission(
        self, model: Model, shape: Shape, images: int = 1, deadline: float | None = None
    ) -> Iterator[Admission[Model]]:
        """Admit so many images at once, to be submitted one by one while the context is open.

        None of them is refused any more, and draining waits for the last. Raises what ``admit``
        raises, and counts the time that they take themselves.
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
            self._change.set()  # draining may have waited for nothing else

    async def submit(
        self, model: Model, shape: Shape, payload: Payload, deadline: float | None = None
    ) -> Completed[Result]:
        """Queue one image and wait for its result.

        Raises what ``admission`` raises, DeadlinePassed once the deadline has passed, or what the
        run raised. Cancelling the call takes the request out of the queue; in a batch that is
        running already its result is dropped.
        """
        with self.admission(model, shape, deadline=deadline) as admission:
            return await self.submit_part(admission, payload)

    async def submit_part(self, admission: Admission[Model], payload: Payload) -> Completed[Result]:
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
        """Admit nothing more, finish what is there, and stop."""
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
            elif (leaves_at := self._leaves_at(oldest)) > self._loop.time():
                await self._change_or(leaves_at)
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

    def _room(self, oldest: Request[Model, Payload, Completed[Result]]) -> int:
        """How many images like the oldest may start now."""
        if self._device.batches == 0:
            return self._limits.max_batch_size
        pixels = self._limits.max_batch_pixels - self._device.pixels
        return max(0, pixels // math.prod(oldest.admission.shape))

    def _leaves_at(self, oldest: Request[Model, Payload, Completed[Result]]) -> float:
        """When the batch of the oldest request leaves if nobody else comes."""
        model, shape = oldest.admission.kind
        full = self._waiting.alike(oldest) >= self.batch_size(model, shape)
        # While others wait for the device too, waiting would cost them as well.
        if full or self._waiting.kinds > 1 or self._draining:
            return oldest.arrived
        return oldest.arrived + patience(self._cost(model), self._limits)

    def _take(
        self, oldest: Request[Model, Payload, Completed[Result]]
    ) -> list[Request[Model, Payload, Completed[Result]]]:
        """The oldest request, off the queue, with as many like it as share its batch."""
        model, shape = oldest.admission.kind
        available = min(self._waiting.alike(oldest), self._room(oldest))
        size = batch_size(self._cost(model), self._limits, shape, available)
        batch = self._waiting.take(oldest, size)
        self._queued.add(model, shape, -len(batch))
        self._admitted.add(model, shape, -len(batch))
        for request in batch:
            request.admission.waiting -= 1
            request.admission.running += 1
        return batch

    async def _run_batch(self, batch: list[Request[Model, Payload, Completed[Result]]]) -> None:
        model, shape = batch[0].admission.kind
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

    def _left(self, admission: Admission[Model], cause: Cause) -> None:
        on_device = admission.running > 0 or admission.waiting == 0
        stage: Stage = "running" if on_device else "queued"
        drain = self._admitted.seconds(self._cost)
        self._admitted.add(*admission.kind, -admission.waiting)
        admission.waiting = 0
        saved = drain - self._admitted.seconds(self._cost)
        self._observer.left(admission.model, stage, cause, saved)

    def _check(self, deadline: float | None, pixels: int, run: float) -> None:
        left = None if deadline is None else deadline - self._loop.time()
        # On an idle device those who come later may slow it down, too; but to refuse it for their
        # sake would leave the device idle.
        if self._busy:
            run *= self._concurrency
        outlook = Outlook(
            draining=self._draining,
            waiting_pixels=self.queued_pixels,
            ahead=self.predicted_wait(),
            drain=self.predicted_drain(),
            idle=self._device.idle(),
        )
        check(Newcomer(pixels, run, left), outlook, self._limits.max_queue_pixels, self._random)

    def _cost(self, model: Model) -> CostModel:
        cost = self._costs.get(model)
        if cost is None:
            cost = self._costs[model] = CostModel()
        return cost

    def _predicted(self, model: Model, shape: Shape, images: int) -> float:
        batches = math.ceil(images / self._limits.batch_size(shape))
        return self._cost(model).seconds(images, images * math.prod(shape), batches)
