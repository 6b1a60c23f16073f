"""The way of one image: decode, wait for the device, run, encode.

Pixels are touched by two thread pools only: a bounded one for the codecs, which release the GIL,
and one thread for the device. The event loop hands work from one to the next.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from service import catalog, codec, sizes, tracing, transparency
from service.batching import Limits
from service.catalog import Catalog, Model, UpscaleCard
from service.codec import ImageFormat, Picture, Size
from service.keys import Client
from service.metrics import Metrics
from service.problems import NotReady
from service.runtime import Inputs, Runtime
from service.scheduler import Completed, Scheduler
from service.settings import Settings
from service.upscaling import upscale

log = logging.getLogger(__name__)

T = TypeVar("T")


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
class Answer:
    """A transformed image and how it came about."""

    body: bytes
    format: ImageFormat
    batch_size: int
    """How many images or tiles shared its run; of an image in tiles, its largest run."""
    durations: Mapping[str, float]
    """Seconds of wall time in decode, queue, infer and encode, one after the other. An image in
    tiles is in infer while any of its tiles runs, and in queue until the next one does."""


class Pipeline:
    """Owns the models, the pools and the queue of one process.

    Constructing it reads the store and finds the execution provider, so that what cannot work
    fails at once: raises BrokenStore or RuntimeUnavailable. ``start`` loads the models.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.catalog: Catalog = catalog.read(settings.model_store)
        self.runtime = Runtime(settings.execution_provider, settings.threads)
        self.metrics = metrics
        self._settings = settings
        self._codec_pool: Executor = ThreadPoolExecutor(settings.codec_threads, "codec")
        self._device: Executor = ThreadPoolExecutor(1, "device")
        self._scheduler: Scheduler[Model, Inputs, NDArray[np.uint8]] | None = None

    async def start(self) -> None:
        """Load and warm every model, then open the queue. Raises RuntimeUnavailable."""
        for model in self.catalog.models.values():
            await self._on(self._device, self.runtime.load, model)
            self.metrics.models.labels(
                model.name, model.version, model.digest, self.runtime.provider
            ).set(1)
        build = self.runtime.build
        self.metrics.runtime.info(
            {
                "execution_provider": self.runtime.provider,
                "package": build.package,
                "version": build.version,
            }
        )
        limits = Limits(
            max_batch_size=self._settings.max_batch_size,
            max_batch_pixels=self._settings.max_batch_pixels,
            max_queue_delay=self._settings.max_queue_delay_ms / 1000,
            max_queue_pixels=self._settings.max_queue_pixels,
        )
        scheduler = Scheduler(self._run, limits, self.metrics)
        self.metrics.watch_queue(
            images=lambda: scheduler.queued_images,
            pixels=lambda: scheduler.queued_pixels,
            drain_seconds=scheduler.predicted_drain,
        )
        self._scheduler = scheduler

    async def drain(self) -> None:
        """Finish what was admitted, admit nothing more, and let the threads go."""
        if self._scheduler is not None:
            await self._scheduler.drain()
        self._codec_pool.shutdown(wait=False)
        self._device.shutdown(wait=False)

    @property
    def scheduler(self) -> Scheduler[Model, Inputs, NDArray[np.uint8]]:
        """The open queue; raises NotReady while models load."""
        if self._scheduler is None:
            raise NotReady("The models are still loading.", retry_after=1)
        return self._scheduler

    async def transform(self, job: Job) -> Answer:
        """Raises the Problems of the codec, of admission, and DeadlinePassed."""
        clock = asyncio.get_running_loop().time
        # Before decoding: what the queue cannot take is not worth a core's time.
        self.scheduler.admit(job.deadline)

        tracing.describe(model=job.model.name)
        started = clock()
        with tracing.stage("decode"):
            picture = await self._on(self._codec_pool, self._decode, job)
        decoded = clock()
        tracing.describe(pixels=math.prod(picture.pixels.shape[:2]))
        completed = await tracing.on_device(self._infer(job, picture.pixels))
        inferred = clock()
        tracing.describe(batch_size=completed.batch_size)
        output = replace(picture, pixels=completed.result)
        format = job.format or picture.format
        with tracing.stage("encode"):
            body = await self._on(self._codec_pool, self._encode, output, format, job.quality)
        durations = {
            "decode": decoded - started,
            "queue": completed.queue_seconds,
            "infer": completed.run_seconds,
            "encode": clock() - inferred,
        }
        for stage, seconds in durations.items():
            self.metrics.stage_seconds.labels(stage, job.model.name).observe(seconds)
        return Answer(body, format, completed.batch_size, durations)

    async def _infer(self, job: Job, pixels: NDArray[np.uint8]) -> Completed[NDArray[np.uint8]]:
        card = job.model.card
        if isinstance(card, UpscaleCard):
            return await upscale(
                self.scheduler, self._codec_pool, job.model, card, pixels, job.deadline
            )
        inputs: Inputs = {
            "image": pixels,
            **{name: np.float32(value) for name, value in job.inputs.items()},
        }
        height, width = pixels.shape[:2]
        return await self.scheduler.submit(job.model, (height, width), inputs, job.deadline)

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

    async def _run(self, model: Model, batch: Sequence[Inputs]) -> Sequence[NDArray[np.uint8]]:
        return await self._on(self._device, self.runtime.run, model.digest, batch)

    @staticmethod
    async def _on(pool: Executor, function: Callable[..., T], *arguments: Any) -> T:
        context = copy_context()  # so that a thread's log lines name their request
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool, context.run, function, *arguments)
