"""Ray Serve with @serve.batch."""

import asyncio
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from tests.benchmarks.peers.network import PORT, THREADS, Network, Pixels, decode, encode


# One replica, as one session uses all cores. It may hold all waiting requests (5 by default),
# else none could wait in its batch queue while the network runs.
@serve.deployment(num_replicas=1, max_ongoing_requests=256, ray_actor_options={"num_cpus": 1})
class Stylize:
    def __init__(self) -> None:
        self.network = Network()
        self.codecs = ThreadPoolExecutor(THREADS)
        self.device = ThreadPoolExecutor(1)

    # 10 ms to gather is its default. Larger batches than 4 only make their first images wait, as a
    # CPU runs them no faster.
    @serve.batch(max_batch_size=4, batch_wait_timeout_s=0.01)
    async def run(self, images: list[Pixels]) -> list[Pixels]:
        return await asyncio.get_running_loop().run_in_executor(
            self.device, self.network.run, images
        )

    async def __call__(self, request: Request) -> Response:
        loop = asyncio.get_running_loop()
        pixels = await loop.run_in_executor(self.codecs, decode, await request.body())
        output = await self.run(pixels)
        answer = await loop.run_in_executor(self.codecs, encode, output)
        return Response(answer, media_type="image/jpeg")


if __name__ == "__main__":
    ray.init(num_cpus=THREADS, include_dashboard=False, log_to_driver=False)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    serve.start(
        http_options={"host": "127.0.0.1", "port": PORT}, logging_config={"log_level": "ERROR"}
    )
    serve.run(Stylize.bind(), route_prefix="/stylize")
    while True:
        signal.pause()
