"""The pipeline of a process: decode, queue, infer, encode.

Only two thread pools touch pixels: a bounded one for the codecs, which release the GIL, and one for
the device. The event loop hands work from one to the next.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from service import cores
from service.models import catalog
from service.models.cards import PainterCard, UpscaleCard
from service.models.catalog import Catalog, Model
from service.models.runtime import GraphTensor, Inputs, Runtime
from service.observability import gpu_memory, tracing
from service.observability.metrics import Metrics
from service.problems import NotReady, OutOfMemory
from service.scheduling.batching import Limits
from service.scheduling.cost_model import CostModel
from service.scheduling.parts import admitted_parts
from service.scheduling.scheduler import Completed, Scheduler
from service.serving.jobs import Answer, Job
from service.serving.loading import Loader
from service.serving.upscaling import upscale
from service.settings import Settings

log = logging.getLogger(__name__)

Pixels = NDArray[np.uint8]
T = TypeVar("T")
Source = TypeVar("Source")
Content = TypeVar("Content")


class Pipeline:
    """Owns the models, the thread pools and the scheduler of one process.

    Constructing it finds the execution provider and reads the store, so that what cannot work
    fails at once: raises BrokenStore or RuntimeUnavailable. ``start`` loads the models.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.runtime = Runtime(settings.execution_provider, settings.threads)
        self.catalog: Catalog = catalog.read(settings.model_store, self.runtime.precision)
        self.metrics = metrics
        self.settings = settings
        self._codec_pool: Executor = ThreadPoolExecutor(settings.codec_threads, "codec")
        self._concurrency = self.runtime.concurrency
        self._device: Executor = ThreadPoolExecutor(
            self._concurrency, "device", initializer=cores.lower_thread_priority
        )
        self._opener: Executor = ThreadPoolExecutor(
            1, "opener", initializer=cores.lower_thread_priority
        )
        self._loader = Loader(
            settings.model_store, self.runtime, metrics, self._device, self._opener
        )
        self._scheduler: Scheduler[Model, Inputs, Pixels] | None = None

    async def start(self, models: Iterable[Model] | None = None) -> None:
        """Load, warm and check these models, or all, then open the queue.

        Raises BrokenStore or RuntimeUnavailable.
        """
        for model in self.catalog.models.values() if models is None else models:
            await self._loader.load(model)
            self._loader.check_rows(self.catalog.stored[model.name])
            self.metrics.serves(model, self.runtime.provider)
        build = self.runtime.build
        self.metrics.runtime.info(
            {
                "execution_provider": self.runtime.provider,
                "package": build.package,
                "version": build.version,
            }
        )
        if self.runtime.provider == "cuda" and (memory := gpu_memory.reader()) is not None:
            self.metrics.watch_gpu(memory)
        self._scheduler = self._new_scheduler()

    def _new_scheduler(self) -> Scheduler[Model, Inputs, Pixels]:
        limits = Limits(
            max_batch_size=self.settings.max_batch_size,
            max_batch_pixels=self.settings.max_batch_pixels,
            max_queue_delay=self.settings.max_queue_delay_ms / 1000,
            max_queue_pixels=self.settings.max_queue_pixels,
        )
        # What was learned of a model is dropped with it, as its session is.
        costs: MutableMapping[Model, CostModel] = WeakKeyDictionary()
        scheduler: Scheduler[Model, Inputs, Pixels] = Scheduler(
            self._run,
            limits,
            self.metrics,
            costs=costs,
            concurrency=self._concurrency,
            clock=time.perf_counter,  # uvloop's is in milliseconds
        )
        self.metrics.watch_queue(
            images=lambda: scheduler.queued_images,
            pixels=lambda: scheduler.queued_pixels,
            drain_seconds=scheduler.predicted_drain,
        )
        return scheduler

    async def reload(self) -> None:
        """Hot reload: serve what the store holds now. Requests under way keep their model."""
        self.catalog = await self._loader.renewed(self.catalog)

    async def drain(self) -> None:
        """Graceful shutdown: finish what was admitted, admit nothing more, end the threads."""
        if self._scheduler is not None:
            await self._scheduler.drain()
        self._codec_pool.shutdown(wait=False)
        self._device.shutdown(wait=False)
        self._opener.shutdown(wait=False)

    @property
    def loaded(self) -> bool:
        """Whether all models are loaded and warm."""
        return self._scheduler is not None

    @property
    def scheduler(self) -> Scheduler[Model, Inputs, Pixels]:
        """Raises NotReady while models load."""
        if self._scheduler is None:
            raise NotReady("The models are still loading.", retry_after=1)
        return self._scheduler

    def check_ready(self) -> None:
        """Raises NotReady while models load, and Draining once the service shuts down."""
        self.scheduler.check_ready()

    def signature(self, model: Model) -> tuple[list[GraphTensor], list[GraphTensor]]:
        """The inputs and outputs of a model's graph; raises NotReady while models load."""
        if not self.loaded:
            raise NotReady("The models are still loading.", retry_after=1)
        return self.runtime.signature(model)

    async def run(self, job: Job[Source, Content]) -> Answer[Content]:
        """Decode, queue, infer and encode.

        Raises what the job raises, what admission and the run raise, and OutOfMemory in place of a
        MemoryError.
        """
        # Before decoding: what the queue cannot take is not worth a core's time.
        self.scheduler.check_admission(job.deadline)

        tracing.describe(model=job.name)
        started = time.perf_counter()
        with _reporting_out_of_memory():
            with tracing.stage("decode"):
                source, images = await self._on(self._codec_pool, job.decode)
            decoded = time.perf_counter()
            tracing.describe(pixels=sum(math.prod(image["image"].shape[:2]) for image in images))
            completed = await tracing.on_device(self._infer(job.model, images, job.deadline))
            inferred = time.perf_counter()
            tracing.describe(batch_size=completed.batch_size)
            with tracing.stage("encode"):
                content = await self._on(self._codec_pool, job.encode, source, completed.result)
        durations = {
            "decode": decoded - started,
            "queue": completed.queue_seconds,
            "infer": completed.run_seconds,
            "encode": time.perf_counter() - inferred,
        }
        for stage, seconds in durations.items():
            self.metrics.stage_seconds.labels(stage, job.name).observe(seconds)
        return Answer(content, completed.batch_size, durations)

    async def _infer(
        self, model: Model, images: Sequence[Inputs], deadline: float | None
    ) -> Completed[list[Pixels]]:
        """The outputs of images of one shape, in order."""
        pixels = [np.asarray(image["image"]) for image in images]
        if isinstance(model.card, UpscaleCard):
            return await upscale(
                self.scheduler, self._codec_pool, model, model.card, pixels, deadline
            )
        height, width = pixels[0].shape[:2]
        if len(images) == 1:  # the usual case, without what parts need
            alone = await self.scheduler.submit(model, (height, width), images[0], deadline)
            return alone.with_result([alone.result])
        shape = (height, width)
        async with admitted_parts(self.scheduler, model, shape, images, deadline) as parts:
            results = {index: result async for index, result in parts}
            return parts.completed([results[index] for index in range(len(images))])

    async def _run(self, model: Model, batch: Sequence[Inputs], shared: bool) -> Sequence[Pixels]:
        outputs = await self._on(self._device, self.runtime.run, model, batch, shared)
        if isinstance(model.card, PainterCard):
            rows = {np.asarray(inputs["style"]).tobytes() for inputs in batch}
            self.metrics.batch_styles.labels(model.name).observe(len(rows))
        return outputs

    @staticmethod
    async def _on(pool: Executor, function: Callable[..., T], *arguments: Any) -> T:
        context = copy_context()  # so that a thread's log lines name their request
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool, context.run, function, *arguments)


@contextmanager
def _reporting_out_of_memory() -> Iterator[None]:
    """Raises OutOfMemory in place of a MemoryError."""
    try:
        yield
    except MemoryError as error:
        text = "The image needs more memory than there is now."
        raise OutOfMemory(text, retry_after=1) from error
