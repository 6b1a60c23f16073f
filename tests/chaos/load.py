"""Clients that send pictures, and check every pixel of what comes back."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image

from tests.benchmarks import sessions
from tests.chaos.waiting import PATIENCE_SECONDS

PATH = "/stylize/wave?format=png"
_HEADERS = {"Content-Type": "image/png"}
_SIDES = (64, 80, 96, 128)
_A_SIZE = 3


@dataclass(frozen=True)
class Errand:
    """A picture to send and the pixels that are to come back."""

    body: bytes
    expected: Mapping[str, NDArray[np.uint8]]
    """By the digest of the network that made the answer."""


@dataclass
class Tally:
    requests: int = 0
    answered: int = 0
    """With the right pixels."""
    wrong: int = 0
    """With other pixels, or by an unknown network."""
    lost: list[str] = field(default_factory=list)
    """What came in the place of a picture."""
    networks: Counter[str] = field(default_factory=Counter)
    """Digests of those that made the right pixels."""


class Errands:
    """Pictures, and what these networks, by their digests, make of them when run by themselves."""

    def __init__(self, networks: Mapping[str, Path]) -> None:
        astronaut = skimage.data.astronaut()
        self._sessions = {digest: sessions.session(file) for digest, file in networks.items()}
        self.small = [
            self._errand(astronaut[side * place :, side * place :][:side, :side])
            for side in _SIDES
            for place in range(_A_SIZE)
        ]
        """All of them different, of a few sizes."""
        wide = np.concatenate([astronaut, astronaut[:, ::-1]], axis=1)
        self.large = self._errand(np.concatenate([wide, wide[::-1]]))
        """A megapixel, which takes a second of one core, and over 1 MiB as a file."""

    def _errand(self, pixels: NDArray[np.uint8]) -> Errand:
        png = BytesIO()
        Image.fromarray(pixels).save(png, "png")
        expected = {
            digest: sessions.run(session, pixels) for digest, session in self._sessions.items()
        }
        return Errand(png.getvalue(), expected)


class Load:
    """A closed loop: every client sends its next picture when it has the answer to its last."""

    def __init__(self, url: str, errands: Sequence[Errand]) -> None:
        self.tally = Tally()
        self._url = url
        self._errands = errands
        self._stopping = False
        self._progress = asyncio.Condition()

    async def answers(self, more: int) -> None:
        """Wait until so many more requests have come to an end, one way or another."""
        aim = self._ended + more
        async with asyncio.timeout(PATIENCE_SECONDS), self._progress:
            await self._progress.wait_for(lambda: self._ended >= aim)

    @property
    def _ended(self) -> int:
        return self.tally.answered + self.tally.wrong + len(self.tally.lost)

    async def client(self, number: int) -> None:
        async with self._connection() as connection:
            turn = number
            while not self._stopping:
                await self._request(connection, self._errands[turn % len(self._errands)])
                turn += 1

    async def send(self, errand: Errand) -> None:
        """One request more, from a client of its own."""
        async with self._connection() as connection:
            await self._request(connection, errand)

    async def attempt(self, errand: Errand) -> httpx.Response:
        """One request beside the others, which is in no tally."""
        async with self._connection() as connection:
            return await connection.post(PATH, content=errand.body, headers=_HEADERS)

    def _connection(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self._url, timeout=PATIENCE_SECONDS)

    async def _request(self, connection: httpx.AsyncClient, errand: Errand) -> None:
        self.tally.requests += 1
        try:
            answer = await connection.post(PATH, content=errand.body, headers=_HEADERS)
        except httpx.HTTPError as error:
            self.tally.lost.append(repr(error))
        else:
            if answer.status_code != 200:
                self.tally.lost.append(f"{answer.status_code} {answer.text}")
            elif _right(answer, errand):
                self.tally.answered += 1
                self.tally.networks[answer.headers["x-model-digest"]] += 1
            else:
                self.tally.wrong += 1
        async with self._progress:
            self._progress.notify_all()

    def stop(self) -> None:
        self._stopping = True


def _right(answer: httpx.Response, errand: Errand) -> bool:
    """To one level of 255, which is what a picture's companions in a batch may change."""
    pixels = np.asarray(Image.open(BytesIO(answer.content)))
    expected = errand.expected.get(answer.headers["x-model-digest"])
    if expected is None or pixels.shape != expected.shape:
        return False
    return bool(np.abs(pixels.astype(np.int16) - expected).max() <= 1)


@asynccontextmanager
async def under_load(url: str, errands: Sequence[Errand], clients: int) -> AsyncIterator[Load]:
    """Leaving the context waits for the answers that are still to come."""
    load = Load(url, errands)
    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(load.client(number))
        try:
            yield load
        finally:
            load.stop()
