"""Work in parts on the fake device."""

from service.scheduling.parts import run_parts
from service.scheduling.scheduler import Completed
from tests.support.fake_device import SMALL, Image, Queue


async def run_numbers(
    queue: Queue, *numbers: int, deadline: float | None = None
) -> tuple[Completed[None], dict[int, int]]:
    placed: dict[int, int] = {}

    async def place(number: int, result: int) -> None:
        placed[number] = result

    images = [Image(number, SMALL) for number in numbers]
    done = await run_parts(queue.scheduler, "wave", SMALL, images, deadline, place)
    return done, placed
