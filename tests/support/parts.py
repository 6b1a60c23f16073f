"""Work in parts on the fake device."""

from service.scheduling.parts import admitted_parts
from service.scheduling.scheduler import Completed
from tests.support.fake_device import SMALL, Image, Queue


async def run_numbers(
    queue: Queue, *numbers: int, deadline: float | None = None
) -> tuple[Completed[None], dict[int, int]]:
    """How the parts ran, and the result of each by its index."""
    images = [Image(number, SMALL) for number in numbers]
    async with admitted_parts(queue.scheduler, "wave", SMALL, images, deadline) as parts:
        results = {index: result async for index, result in parts}
        return parts.completed(None), results
