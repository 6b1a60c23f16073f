"""A device whose time is known exactly, for the scheduler in virtual time."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from service.scheduling.batching import Limits, Shape
from service.scheduling.observer import DepartureReason, DepartureStage, Observer
from service.scheduling.scheduler import Scheduler

SMALL = (64, 64)
LARGE = (512, 512)
LIMITS = Limits(
    max_batch_size=4, max_batch_pixels=10**9, max_queue_delay=0.0, max_queue_pixels=10**9
)
BROKEN = -1


@dataclass(frozen=True)
class Image:
    number: int
    shape: Shape
    row: int = 0
    """How a network with several styles is to paint it."""


class Device:
    """Doubles numbers of images and adds their rows; remembers its batches and when they ran.

    A batch takes ``batch`` seconds, and ``pixel`` seconds more for each of its pixels.
    """

    def __init__(self, batch: float = 1.0, pixel: float = 0.0) -> None:
        self.batch = batch
        self.pixel = pixel
        self.batches: list[tuple[str, list[int]]] = []
        self.spans: list[tuple[float, float]] = []

    async def run(self, model: str, batch: Sequence[Image], shared: bool) -> Sequence[int]:
        numbers = [image.number for image in batch]
        self.batches.append((model, numbers))
        started = asyncio.get_running_loop().time()
        pixels = sum(math.prod(image.shape) for image in batch)
        await asyncio.sleep(self.batch + self.pixel * pixels)
        self.spans.append((started, asyncio.get_running_loop().time()))
        if BROKEN in numbers:
            raise RuntimeError("the device failed")
        return [2 * image.number + image.row for image in batch]

    @property
    def sizes(self) -> list[int]:
        return [len(numbers) for _, numbers in self.batches]


class Serial(Device):
    """Takes as long for images in a batch as for as many alone, as a CPU does."""

    def __init__(self) -> None:
        super().__init__(batch=0.0, pixel=1.0 / math.prod(SMALL))


class Record(Observer[str]):
    def __init__(self) -> None:
        self.runs: list[tuple[str, int, int, float, float]] = []
        self.leavers: list[tuple[str, DepartureStage, DepartureReason, float]] = []

    def ran(self, model: str, images: int, pixels: int, seconds: float, predicted: float) -> None:
        self.runs.append((model, images, pixels, seconds, predicted))

    def left(
        self, model: str, stage: DepartureStage, reason: DepartureReason, saved: float
    ) -> None:
        self.leavers.append((model, stage, reason, saved))


class Queue:
    """A scheduler with its device; without a jitter in what it tells refused clients."""

    def __init__(self, device: Device | None = None, limits: Limits = LIMITS) -> None:
        self.device = device or Device()
        self.record = Record()
        self.scheduler: Scheduler[str, Image, int] = Scheduler(
            self.device.run, limits, self.record, random=lambda: 0.0
        )

    async def submit(
        self,
        number: int,
        shape: Shape = SMALL,
        model: str = "wave",
        deadline: float | None = None,
    ) -> int:
        image = Image(number, shape)
        return (await self.scheduler.submit(model, shape, image, deadline)).result

    def start(self, *numbers: int, shape: Shape = SMALL, model: str = "wave") -> Any:
        """Submit these at once; awaited, all their results or exceptions."""
        return asyncio.gather(
            *(self.submit(number, shape, model) for number in numbers), return_exceptions=True
        )

    async def learn(self, model: str = "wave") -> None:
        """Let it see what its device takes for one small image and for two, in three batches."""
        await self.start(0, model=model)
        await self.start(0, 0, 0, model=model)
        self.device.batches.clear()
        self.device.spans.clear()
        self.record.runs.clear()
