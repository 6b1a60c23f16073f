"""The way of images through an upscaling network: tile by tile, a few of them at a time."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from service.images import tiling
from service.models.catalog import Model, UpscaleCard
from service.models.runtime import Inputs
from service.scheduling.parts import run_parts
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
    """Images [H, W, 3] of one shape upscaled to [fH, fW, 3], as whole runs of the network would.

    Times, batch size and what it raises are those of ``run_parts``, the tiles being the parts.
    """
    loop = asyncio.get_running_loop()
    height, width = images[0].shape[:2]
    tiles = tiling.tiles(height, width, card.receptive_field)
    outputs = [np.empty((height * card.factor, width * card.factor, 3), np.uint8) for _ in images]
    cut: list[Inputs] = [{"image": tile.cut(image)} for image in images for tile in tiles]

    async def place(number: int, upscaled: Pixels) -> None:
        image, tile = divmod(number, len(tiles))
        paste = tiles[tile].paste
        await loop.run_in_executor(codec_pool, paste, upscaled, outputs[image], card.factor)

    done = await run_parts(scheduler, model, tiles[0].shape, cut, deadline, place)
    return done.giving(outputs)
