"""The way of one image through an upscaling network: tile by tile, a few of them at a time."""

import asyncio
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from service import tiling
from service.catalog import Model, UpscaleCard
from service.runtime import Inputs
from service.scheduler import Completed, Scheduler
from service.tiling import Tile

Pixels = NDArray[np.uint8]


async def upscale(
    scheduler: Scheduler[Model, Inputs, Pixels],
    codec_pool: Executor,
    model: Model,
    card: UpscaleCard,
    pixels: Pixels,
    deadline: float | None,
) -> Completed[Pixels]:
    """The image [H, W, 3] upscaled to [fH, fW, 3], as a whole run of the network would.

    The answer has the size of the largest batch that a tile ran in; ``run_seconds`` is the time
    during which a batch with some of the tiles ran, and ``queue_seconds`` all other time until the
    last tile was in place. Raises what Scheduler.admission raises, DeadlinePassed or what the run
    raised; whatever ends it early, no tile stays in the queue.
    """
    loop = asyncio.get_running_loop()
    height, width = pixels.shape[:2]
    tiles = tiling.tiles(height, width, card.receptive_field)
    shape = tiles[0].shape
    output = np.empty((height * card.factor, width * card.factor, 3), np.uint8)
    largest_batch = 0
    batches: dict[float, float] = {}  # seconds by the time of start

    in_work = 0
    tile_done = asyncio.Event()

    async def run(tile: Tile) -> None:
        nonlocal largest_batch, in_work
        done = await scheduler.submit_part(admission, {"image": tile.cut(pixels)})
        batches[done.started] = done.run_seconds
        largest_batch = max(largest_batch, done.batch_size)
        await loop.run_in_executor(codec_pool, tile.paste, done.result, output, card.factor)
        in_work -= 1
        tile_done.set()

    submitted = loop.time()
    with scheduler.admission(model, shape, len(tiles), deadline) as admission:
        try:
            async with asyncio.TaskGroup() as group:
                for tile in tiles:
                    # One full batch on the device and one that waits for it: with more in the
                    # queue, a large image would delay all that comes after it, and hold the memory
                    # of more upscaled tiles, for nothing. The oldest request goes first, so
                    # between two of these batches others have their turn.
                    while in_work >= 2 * scheduler.batch_size(model, shape):
                        tile_done.clear()
                        await tile_done.wait()
                    in_work += 1
                    group.create_task(run(tile))
        except ExceptionGroup as failed:  # the other tiles have been cancelled
            raise failed.exceptions[0] from None
    run_seconds = sum(batches.values())
    queue_seconds = max(0.0, loop.time() - submitted - run_seconds)
    return Completed(output, largest_batch, min(batches), queue_seconds, run_seconds)
