"""What most people write: FastAPI, a thread pool, one call of the network a request."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import uvicorn
from fastapi import FastAPI, Request, Response

from tests.benchmarks.peers.network import PORT, THREADS, Network, decode, encode

app = FastAPI()
network = Network()
# As many requests at a time as there are cores: one decodes or encodes while another has the
# network. FastAPI's own pool of 40 threads would run 40 networks at once, in 40 times the memory.
pool = ThreadPoolExecutor(THREADS)


def transform(jpeg: bytes) -> bytes:
    (output,) = network.run([decode(jpeg)])
    return encode(output)


@app.post("/stylize")
async def stylize(request: Request) -> Response:
    body = await request.body()
    answer = await asyncio.get_running_loop().run_in_executor(pool, transform, body)
    return Response(answer, media_type="image/jpeg")


if __name__ == "__main__":
    # One process, as one session uses all cores; uvloop and httptools are installed and used.
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning", access_log=False)
