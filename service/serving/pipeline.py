"""The way of a request: decode, wait for the device, run, encode.

Pixels are touched by two thread pools only: a bounded one for the codecs, which release the GIL,
and one for the device. The event loop hands work from one to the next.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from service import cores
from service.auth.keys import Client
from service.images import codec, sizes, transparency
from service.images.codec import ImageFormat, Picture, Size
from service.models import catalog
from service.models.catalog import Catalog, Model, UpscaleCard
from service.models.runtime import GraphTensor, Inputs, Runtime
from service.observability import gpu_memory, tracing
from service.observability.metrics import Metrics
from service.problems import NotReady, OutOfMemory
from service.scheduling.batching import Limits
from service.scheduling.cost_model import CostModel
from service.scheduling.parts import run_parts
from service.scheduling.scheduler import Completed, Scheduler
from service.serving.loading import Loader
from service.serving.upscaling import upscale
from service.settings import Settings

log = logging.getLogger(__name__)

Pixels = NDArray[np.uint8]
T = TypeVar("T")
Source = TypeVar("Source")
Content = TypeVar("Content")


@dataclass(frozen=True)
class Job:
    """One image to transform."""

    model: Model
    body: bytes
    inputs: Mapping[str, float]
    """The model's graph inputs besides the image."""
    max_side: int | None
    """Of a photograph to stylise."""
    format: ImageFormat | None
    """The format of the answer; None is the input's own."""
    quality: int
    deadline: float | None
    """When the answer stops being of use, in the event loop's time."""
    client: Client | None = None
    """Who is charged for the pixels that the network is given."""


@dataclass(frozen=True)
class File:
    """An encoded image."""

    body: bytes
    format: ImageFormat


@dataclass(frozen=True)
class Answer(Generic[Content]):
    """What was made of a request, and how it came about."""

    content: Content
    batch_size: int
    """How many images or tiles shared its run; of several, or of tiles, the largest run."""
    durations: Mapping[str, float]
    """Seconds of wall time in decode, queue, infer and encode, one after the other. Several images
    or tiles are in infer while any of them runs, and in queue until the next one does."""


class Pipeline:
    """Owns the models, the pools and the queue of one process.

    Constructing it finds the execution provider and reads the store, so that what cannot work
    fails at once: raises BrokenStore or RuntimeUnavailable. ``start`` loads the models.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.runtime = Runtime(settings.execution_provider, settings.threads)
        self.catalog: Catalog = catalog.read(settings.model_store, self.runtime.precision)
        self.metrics = metrics
        self._settings = settings
        self._codec_pool: Executor = ThreadPoolExecutor(settings.codec_threads, "codec")
        self._concurrency = self.runtime.concurrency
        self._device: Executor = ThreadPoolExecutor(
            self._concurrency, "device", initializer=cores.give_way
        )
        self._opener: Executor = ThreadPoolExecutor(1, "opener", initializer=cores.give_way)
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
        limits = Limits(
            max_batch_size=self._settings.max_batch_size,
            max_batch_pixels=self._settings.max_batch_pixels,
            max_queue_delay=self._settings.max_queue_delay_ms / 1000,
            max_queue_pixels=self._settings.max_queue_pixels,
        )
        # What was learned of a model goes with it, as its session does.
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
        self._scheduler = scheduler

    async def reload(self) -> None:
        """Serve what the store holds now. Requests that have their model already keep it."""
        self.catalog = await self._loader.renewed(self.catalog)

    async def drain(self) -> None:
        """Finish what was admitted, admit nothing more, and let the threads go."""
        if self._scheduler is not None:
            await self._scheduler.drain()
        self._codec_pool.shutdown(wait=False)
        self._device.shutdown(wait=False)
        self._opener.shutdown(wait=False)

    @property
    def loaded(self) -> bool:
        return self._scheduler is not None

    @property
    def scheduler(self) -> Scheduler[Model, Inputs, Pixels]:
        """The open queue; raises NotReady while models load."""
        if self._scheduler is None:
            raise NotReady("The models are still loading.", retry_after=1)
        return self._scheduler

    def signature(self, model: Model) -> tuple[list[GraphTensor], list[GraphTensor]]:
        """The inputs and outputs of a model's graph; raises NotReady while models load."""
        if not self.loaded:
            raise NotReady("The models are still loading.", retry_after=1)
        return self.runtime.signature(model)

    async def transform(self, job: Job) -> Answer[File]:
        """Raises the Problems of the codec, and what ``process`` raises."""

        def decode() -> tuple[Picture, Sequence[Inputs]]:
            picture = self._decode(job)
            inputs = {name: np.float32(value) for name, value in job.inputs.items()}
            return picture, [{"image": picture.pixels, **inputs}]

        def encode(picture: Picture, outputs: Sequence[Pixels]) -> File:
            format = job.format or picture.format
            output = replace(picture, pixels=outputs[0])
            return File(self._encode(output, format, job.quality), format)

        return await self.process(job.model, job.deadline, decode, encode)

    async def process(
        self,
        model: Model,
        deadline: float | None,
        decode: Callable[[], tuple[Source, Sequence[Inputs]]],
        encode: Callable[[Source, Sequence[Pixels]], Content],
    ) -> Answer[Content]:
        """Run what ``decode`` finds, images of one shape, and answer what ``encode`` makes of it.

        Both are called in a codec thread; ``encode`` gets the first of what ``decode`` returned,
        and the model's outputs in order. Raises what they raise, and what admission and the run
        raise; OutOfMemory in place of a MemoryError.
        """
        # Before decoding: what the queue cannot take is not worth a core's time.
        self.scheduler.admit(deadline)

        tracing.describe(model=model.name)
        started = time.perf_counter()
        with _memory_errors_told():
            with tracing.stage("decode"):
                source, images = await self._on(self._codec_pool, decode)
            decoded = time.perf_counter()
            tracing.describe(pixels=sum(math.prod(image["image"].shape[:2]) for image in images))
            completed = await tracing.on_device(self._infer(model, images, deadline))
            inferred = time.perf_counter()
            tracing.describe(batch_size=completed.batch_size)
            with tracing.stage("encode"):
                content = await self._on(self._codec_pool, encode, source, completed.result)
        durations = {
            "decode": decoded - started,
            "queue": completed.queue_seconds,
            "infer": completed.run_seconds,
            "encode": time.perf_counter() - inferred,
        }
        for stage, seconds in durations.items():
            self.metrics.stage_seconds.labels(stage, model.name).observe(seconds)
        return Answer(content, completed.batch_size, durations)

    async def _infer(
        self, model: Model, images: Sequence[Inputs], deadline: float | None
    ) -> Completed[list[Pixels]]:
        pixels = [np.asarray(image["image"]) for image in images]
        if isinstance(model.card, UpscaleCard):
            return await upscale(
                self.scheduler, self._codec_pool, model, model.card, pixels, deadline
            )
        height, width = pixels[0].shape[:2]
        if len(images) == 1:  # the usual case, without what parts need
            alone = await self.scheduler.submit(model, (height, width), images[0], deadline)
            return alone.giving([alone.result])
        results: dict[int, Pixels] = {}

        async def place(number: int, result: Pixels) -> None:
            results[number] = result

        done = await run_parts(self.scheduler, model, (height, width), images, deadline, place)
        return done.giving([results[number] for number in range(len(images))])

    def _decode(self, job: Job) -> Picture:
        card = job.model.card
        rule: sizes.Upscaled | sizes.Stylized
        if isinstance(card, UpscaleCard):
            rule = sizes.Upscaled(card.factor, self._settings.max_upscaled_pixels, job.format)
        else:
            rule = sizes.Stylized(job.max_side, self._settings.max_stylize_pixels, job.format)

        def charged(stored: Size, own_format: ImageFormat) -> Size:
            size = rule(stored, own_format)
            if job.client is not None:
                job.client.charge_pixels(math.prod(size))
            return size

        most = self._settings.max_image_pixels
        picture = codec.decode(job.body, max_pixels=most, size_rule=charged)
        if picture.alpha is not None and isinstance(card, UpscaleCard):
            filled = transparency.fill(picture.pixels, picture.alpha)
            picture = replace(picture, pixels=filled)
        return picture

    @staticmethod
    def _encode(picture: Picture, format: ImageFormat, quality: int) -> bytes:
        if picture.alpha is not None:
            height, width = picture.pixels.shape[:2]
            alpha = transparency.resize(picture.alpha, height, width)
            picture = replace(picture, alpha=alpha)
        return codec.encode(picture, format, quality)

    async def _run(self, model: Model, batch: Sequence[Inputs], shared: bool) -> Sequence[Pixels]:
        return await self._on(self._device, self.runtime.run, model, batch, shared)

    @staticmethod
    async def _on(pool: Executor, function: Callable[..., T], *arguments: Any) -> T:
        context = copy_context()  # so that a thread's log lines name their request
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool, context.run, function, *arguments)


@contextmanager
def _memory_errors_told() -> Iterator[None]:
    """Raises OutOfMemory in place of a MemoryError."""
    try:
        yield
    except MemoryError as error:
        text = "The image needs more memory than there is now."
        raise OutOfMemory(text, retry_after=1) from error
