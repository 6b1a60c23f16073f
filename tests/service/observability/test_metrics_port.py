"""Metrics where clients do not come."""

import socket
from pathlib import Path

import httpx

from tests.support.server import Server, run_to_end


def test_with_a_port_of_their_own_metrics_are_only_there(upscaler_store: Path) -> None:
    server = Server("--model-store", str(upscaler_store), "--metrics-port", "0")
    server.until_ready()
    port = server.until_logged(r"metrics on http://127\.0\.0\.1:(\d+)/metrics")[1]
    assert httpx.get(f"{server.url}/metrics").status_code == 404
    metrics = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    assert "perceptual_queue_pixels 0.0" in metrics
    assert "/metrics" not in httpx.get(f"{server.url}/openapi.json").json()["paths"]
    assert "perceptual_queue_pixels" in httpx.get(f"http://127.0.0.1:{port}/upscale").text
    server.stop()


def test_a_metrics_port_that_is_taken_is_one_line_and_exit_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run_to_end("--port", "0", "--metrics-port", str(port))
    assert result.returncode == 2
    assert result.stderr == f"service: metrics on 127.0.0.1:{port}: Address already in use\n"
