"""Prometheus collectors, one registry an app."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "perceptual_requests",
            "Requests answered",
            ("route", "model", "status"),
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "perceptual_request_seconds",
            "Time from the request's head to the answer's last byte",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.stage_seconds = Histogram(
            "perceptual_stage_seconds",
            "Time that images spent in decode, queue, infer and encode",
            ("stage", "model"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.batch_images = Histogram(
            "perceptual_batch_images",
            "Images, or tiles of them, a batch",
            ("model",),
            buckets=(1, 2, 4, 8, 16, 32),
            registry=self.registry,
        )
        self.batch_pixels = Histogram(
            "perceptual_batch_pixels",
            "Pixels a batch",
            ("model",),
            buckets=tuple(4.0**n for n in range(6, 13)),
            registry=self.registry,
        )
        self.models = Gauge(
            "perceptual_model",
            "Models served: always 1",
            ("model", "version", "digest", "execution_provider"),
            registry=self.registry,
        )

    def watch_queue(self, images: Callable[[], float], pixels: Callable[[], float]) -> None:
        """Read the queue's depth from these whenever the metrics are asked for."""
        Gauge(
            "perceptual_queue_images",
            "Images, or tiles of them, that wait for the device",
            registry=self.registry,
        ).set_function(images)
        Gauge(
            "perceptual_queue_pixels", "Pixels that wait for the device", registry=self.registry
        ).set_function(pixels)

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
