"""Upscaling in tiles: large images go through the network tile by tile, a few at a time."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from service.images import tiling
from service.models.cards import UpscaleCard
from service.models.catalog import Model
from service.models.runtime import Inputs
from service.scheduling.parts import admitted_parts
from service.scheduling.scheduler import Completed, Scheduler

Pixels = NDArray[np.uint8]


async def upscale(
    scheduler: Scheduler[Model, Inputs, Pixels],
    codec_pool: Executor,
    model: Model,
    card: UpscaleCard,
    images: Sequence[Pixels],
    deadline: float | None,
) -> Completed[list[Pixels]]:
    """Upscale images [H, W, 3] of one shape to [fH, fW, 3], seamlessly.

    Times, batch size and what it raises are those of ``admitted_parts``, the tiles being the parts.
    """
    loop = asyncio.get_running_loop()
    height, width = images[0].shape[:2]
    tiles = tiling.tiles(height, width, card.receptive_field)
    outputs = [np.empty((height * card.factor, width * card.factor, 3), np.uint8) for _ in images]
    cut: list[Inputs] = [{"image": tile.cut(image)} for image in images for tile in tiles]
    async with admitted_parts(scheduler, model, tiles[0].shape, cut, deadline) as parts:
        async for index, upscaled in parts:
            image, tile = divmod(index, len(tiles))
            paste = tiles[tile].paste
            await loop.run_in_executor(codec_pool, paste, upscaled, outputs[image], card.factor)
        return parts.completed(outputs)
