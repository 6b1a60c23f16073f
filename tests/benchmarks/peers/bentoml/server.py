"""BentoML with adaptive batching on: a gateway for the pictures, a service for the network."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import bentoml
import numpy as np
from fastapi import FastAPI, Request, Response

from tests.benchmarks.peers.network import THREADS, Network, decode, encode

app = FastAPI()


# One worker, as one session uses all cores. The dispatcher learns how long batches take, and sends
# one at a time. Larger ones than 4 (it would take 100) only make their first images wait, as a CPU
# runs them no faster. What it predicts to take longer than a minute, its default, it refuses.
@bentoml.service(workers=1, threads=1, traffic={"timeout": 600})
class Stylizer:
    def __init__(self) -> None:
        self.network = Network()

    @bentoml.api(batchable=True, max_batch_size=4, max_latency_ms=60_000)
    def run(self, images: list[np.ndarray]) -> list[np.ndarray]:
        return self.network.run(images)


# As its documentation advises, what is done to single images is done in another service, whose
# requests the batching one collects.
@bentoml.service(workers=1, traffic={"timeout": 600})
@bentoml.asgi_app(app)
class Gateway:
    stylizer = bentoml.depends(Stylizer)

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(THREADS)

    @app.post("/stylize")
    async def stylize(self, request: Request) -> Response:
        loop = asyncio.get_running_loop()
        pixels = await loop.run_in_executor(self.pool, decode, await request.body())
        (output,) = await self.stylizer.to_async.run([pixels])
        answer = await loop.run_in_executor(self.pool, encode, output)
        return Response(answer, media_type="image/jpeg")
