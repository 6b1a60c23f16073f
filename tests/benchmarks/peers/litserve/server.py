"""LitServe with its batching on."""

from typing import Annotated

import litserve
from fastapi import Body, Response

from tests.benchmarks.peers.network import PORT, Network, Pixels, decode, encode


class Stylize(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.network = Network()

    def decode_request(self, request: Annotated[bytes, Body(media_type="image/jpeg")]) -> Pixels:
        return decode(request)

    def batch(self, inputs: list[Pixels]) -> list[Pixels]:
        return inputs  # shapes differ; the network stacks those that do not

    def predict(self, images: list[Pixels]) -> list[Pixels]:
        return self.network.run(images)

    def unbatch(self, output: list[Pixels]) -> list[Pixels]:
        return output

    def encode_response(self, output: Pixels) -> Response:
        return Response(encode(output), media_type="image/jpeg")


if __name__ == "__main__":
    # One worker, as one session uses all cores: a worker a core, which its documentation recommends
    # on CPUs, was slower and less steady. A batch closes after 10 ms, of the order that its
    # examples use: with 0, a worker without work would spin. Larger batches than 4 only make their
    # first images wait, as a CPU runs them no faster.
    api = Stylize(max_batch_size=4, batch_timeout=0.01)
    server = litserve.LitServer(
        api,
        accelerator="cpu",
        workers_per_device=1,
        timeout=False,  # 30 s by default; under overload it would answer 504 in place of pictures
    )
    server.run(
        host="127.0.0.1",
        port=PORT,
        num_api_servers=1,  # a few requests a second do not fill one
        log_level="warning",
        generate_client_file=False,
    )
