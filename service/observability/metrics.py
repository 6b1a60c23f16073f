"""Prometheus metrics, in one registry an application."""

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    generate_latest,
    start_http_server,
)
from prometheus_client.process_collector import ProcessCollector

from service.models.catalog import Model
from service.scheduling.observer import DepartureReason, DepartureStage, Observer

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class PortTaken(Exception):
    """The port of the metrics is in use, or may not be used."""


class Metrics(Observer[Model]):
    """All metrics; label values come from the service's code and store, never from a client."""

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
        self.batch_styles = Histogram(
            "perceptual_batch_styles",
            "Different styles, blends and stroke sizes in a batch of a Painter",
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
        self.prediction = Histogram(
            "perceptual_batch_actual_over_predicted",
            "Seconds that a batch took, as a multiple of what the scheduler had predicted",
            ("model",),
            buckets=(0.25, 0.5, 0.75, 0.9, 1.1, 1.25, 1.5, 2, 4),
            registry=self.registry,
        )
        self.refusals = Counter(
            "perceptual_refusals",
            "Requests for an image that were answered with a problem",
            ("model", "reason"),
            registry=self.registry,
        )
        self.left_early = Counter(
            "perceptual_left",
            "Requests that left the queue or the device before their result was ready",
            ("model", "stage", "cause"),
            registry=self.registry,
        )
        self.saved_seconds = Counter(
            "perceptual_saved_device_seconds",
            "Predicted time of the work that left before the device began with it",
            ("model",),
            registry=self.registry,
        )
        self.models = Gauge(
            "perceptual_model",
            "Models served: always 1",
            ("model", "version", "digest", "execution_provider"),
            registry=self.registry,
        )
        self.reloads = Counter(
            "perceptual_model_reloads",
            "New, changed and missing models that were found in the store while it was served",
            ("model", "outcome"),  # loaded, removed, refused
            registry=self.registry,
        )
        self.runtime = Info("perceptual_runtime", "What networks run on", registry=self.registry)

    def ran(self, model: Model, images: int, pixels: int, seconds: float, predicted: float) -> None:
        self.batch_images.labels(model.name).observe(images)
        self.batch_pixels.labels(model.name).observe(pixels)
        if predicted:
            self.prediction.labels(model.name).observe(seconds / predicted)

    def left(
        self, model: Model, stage: DepartureStage, reason: DepartureReason, saved: float
    ) -> None:
        self.left_early.labels(model.name, stage, reason).inc()
        self.saved_seconds.labels(model.name).inc(saved)

    def serves(self, model: Model, execution_provider: str) -> None:
        self.models.labels(model.name, model.version, model.digest, execution_provider).set(1)

    def serves_no_more(self, model: Model, execution_provider: str) -> None:
        self.models.remove(model.name, model.version, model.digest, execution_provider)

    def watch_queue(
        self,
        images: Callable[[], float],
        pixels: Callable[[], float],
        drain_seconds: Callable[[], float],
    ) -> None:
        """Read the queue's depth from these whenever the metrics are asked for."""
        for name, description, depth in (
            ("images", "Images, or tiles of them, that wait for the device", images),
            ("pixels", "Pixels that wait for the device", pixels),
            ("drain_seconds", "Predicted time until all that was admitted is done", drain_seconds),
        ):
            Gauge(f"perceptual_queue_{name}", description, registry=self.registry).set_function(
                depth
            )

    def watch_gpu(self, memory: Callable[[], float]) -> None:
        """Read the bytes in use on the GPU from this whenever the metrics are asked for."""
        description = "Memory in use on the GPU, whoever uses it"
        used = Gauge("perceptual_gpu_memory_bytes", description, registry=self.registry)
        used.set_function(memory)

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def serve(self, host: str, port: int) -> int:
        """Serve the metrics on a port of their own, in a thread; returns it. Raises PortTaken."""
        try:
            server, _ = start_http_server(port, host, self.registry)
        except OSError as error:
            raise PortTaken(f"metrics on {host}:{port}: {error.strerror}") from error
        return server.server_port
