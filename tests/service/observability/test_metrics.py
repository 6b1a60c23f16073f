"""What an operator sees at GET /metrics."""

import re
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from service.models import catalog
from service.models.catalog import Model
from service.models.runtime import Runtime, installed_build
from service.observability import gpu_memory
from service.observability.metrics import Metrics
from tests.support.pictures import encoded


@pytest.fixture
def wave(model_store: Path) -> Model:
    return catalog.read(model_store, Runtime("cpu", threads=1).precision).get("wave")


def sample(metrics: Metrics, name: str, **labels: str) -> float:
    value = metrics.registry.get_sample_value(name, labels)
    assert value is not None, (name, labels)
    return value


def test_batches_are_seen_in_images_pixels_and_against_their_prediction(wave: Model) -> None:
    metrics = Metrics()
    metrics.ran(wave, images=1, pixels=4096, seconds=1.0, predicted=0.0)
    metrics.ran(wave, images=3, pixels=3 * 4096, seconds=3.0, predicted=2.0)
    assert sample(metrics, "perceptual_batch_images_sum", model="wave") == 4
    assert sample(metrics, "perceptual_batch_pixels_sum", model="wave") == 4 * 4096
    ratio = "perceptual_batch_actual_over_predicted"
    assert sample(metrics, f"{ratio}_count", model="wave") == 1
    assert sample(metrics, f"{ratio}_sum", model="wave") == 1.5


def test_those_who_left_are_seen_with_the_device_seconds_they_saved(wave: Model) -> None:
    metrics = Metrics()
    metrics.left(wave, "queued", "cancelled", saved=2.0)
    metrics.left(wave, "running", "deadline", saved=0.5)
    left = "perceptual_left_total"
    assert sample(metrics, left, model="wave", stage="queued", cause="cancelled") == 1
    assert sample(metrics, left, model="wave", stage="running", cause="deadline") == 1
    assert sample(metrics, "perceptual_saved_device_seconds_total", model="wave") == 2.5


def test_the_queue_is_read_when_the_metrics_are() -> None:
    metrics = Metrics()
    depth = 1.0
    metrics.watch_queue(
        images=lambda: depth, pixels=lambda: 2 * depth, drain_seconds=lambda: depth / 2
    )
    depth = 8.0
    assert sample(metrics, "perceptual_queue_images") == 8
    assert sample(metrics, "perceptual_queue_pixels") == 16
    assert sample(metrics, "perceptual_queue_drain_seconds") == 4


def test_the_memory_of_a_gpu_is_read_when_the_metrics_are() -> None:
    metrics = Metrics()
    used = 1.0
    metrics.watch_gpu(lambda: used)
    used = 8.0
    assert sample(metrics, "perceptual_gpu_memory_bytes") == 8


def test_without_an_nvidia_driver_the_memory_of_a_gpu_is_not_seen(
    caplog: pytest.LogCaptureFixture,
) -> None:
    if Path("/dev/nvidiactl").exists():
        pytest.skip("there is a driver")
    assert gpu_memory.reader() is None
    assert "no metrics of the GPU's memory: NVML" in caplog.text


@pytest.mark.anyio
async def test_the_runtime_the_models_and_the_process_are_seen(
    client: httpx.AsyncClient, wave: Model
) -> None:
    exposition = (await client.get("/metrics")).text
    build = installed_build()
    labels = f'execution_provider="cpu",package="{build.package}",version="{build.version}"'
    assert f"perceptual_runtime_info{{{labels}}} 1.0" in exposition
    assert re.search(rf'perceptual_model\{{digest="{wave.digest}",.*model="wave"', exposition)
    assert "process_resident_memory_bytes" in exposition
    assert "perceptual_queue_drain_seconds 0.0" in exposition


@pytest.mark.anyio
async def test_requests_without_an_image_are_seen_by_reason(
    client: httpx.AsyncClient, photograph: NDArray[np.uint8]
) -> None:
    late = {"Content-Type": "image/png", "Prefer": "wait=0"}
    await client.post("/stylize/wave", content=encoded(photograph), headers=late)
    await client.post("/stylize/wave", files={"image": b"no image"})
    exposition = (await client.get("/metrics")).text
    for reason in ("deadline_passed", "unsupported_image"):
        assert f'perceptual_refusals_total{{model="wave",reason="{reason}"}} 1.0' in exposition
