"""Where the time of a request went, as spans."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service.observability import tracing
from service.problems import DeadlinePassed
from service.scheduling.scheduler import Completed
from tests.support.application import Connect
from tests.support.checkout import ROOT
from tests.support.pictures import encoded
from tests.support.server import Server

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, NOT_SAMPLED = f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-00"
STAGES = ["decode", "queue", "inference", "encode"]


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """All that are recorded during a test."""
    provider, exporter = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    # A process can set its provider once, and other tests have none.
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    return exporter


@pytest.fixture
def body(photograph: NDArray[np.uint8]) -> bytes:
    return encoded(photograph)


async def upscale(
    connect: Connect, store: Path, body: bytes, traceparent: str = SAMPLED, **settings: object
) -> httpx.Response:
    sent = {"Content-Type": "image/png", "traceparent": traceparent}
    async with connect(model_store=store, **settings) as client:
        return await client.post("/upscale", content=body, headers=sent)


def by_name(spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans.get_finished_spans()}


@pytest.mark.anyio
async def test_a_request_is_a_server_span_with_its_four_stages_one_after_the_other(
    connect: Connect, upscaler_store: Path, spans: InMemorySpanExporter, body: bytes
) -> None:
    await upscale(connect, upscaler_store, body)
    found = by_name(spans)
    server = found.pop("POST /upscale")
    assert server.kind is trace.SpanKind.SERVER
    assert set(found) == set(STAGES)
    times = [server.start_time or 0]
    for name in STAGES:
        stage = found[name]
        assert stage.parent is not None
        assert stage.parent.span_id == server.context.span_id
        times += [stage.start_time or 0, stage.end_time or 0]
    # Two clocks, that of the event loop and that of the spans, may differ by a little.
    assert all(later - earlier > -5_000_000 for earlier, later in pairwise(times))
    inference = found["inference"]
    assert (inference.end_time or 0) > (inference.start_time or 0)


@pytest.mark.anyio
async def test_the_caller_is_the_parent(
    connect: Connect, upscaler_store: Path, spans: InMemorySpanExporter, body: bytes
) -> None:
    await upscale(connect, upscaler_store, body)
    server = by_name(spans)["POST /upscale"]
    assert f"{server.context.trace_id:032x}" == TRACE
    assert server.parent is not None
    assert f"{server.parent.span_id:016x}" == PARENT


@pytest.mark.anyio
async def test_spans_say_what_was_transformed_and_answered(
    connect: Connect, upscaler_store: Path, spans: InMemorySpanExporter, body: bytes
) -> None:
    await upscale(connect, upscaler_store, body)
    said = dict(by_name(spans)["POST /upscale"].attributes or {})
    assert said["perceptual.model"] == "upscale_x4_feature"
    assert said["perceptual.pixels"] == 120 * 144
    assert said["perceptual.batch_size"] == 1
    assert said["http.response.status_code"] == 200
    assert said["http.route"] == "/upscale"


@pytest.mark.anyio
async def test_what_the_caller_does_not_sample_is_not_recorded(
    connect: Connect, upscaler_store: Path, spans: InMemorySpanExporter, body: bytes
) -> None:
    assert (await upscale(connect, upscaler_store, body, NOT_SAMPLED)).status_code == 200
    assert spans.get_finished_spans() == ()


@pytest.mark.anyio
async def test_a_stage_that_fails_says_so_and_those_after_it_are_missing(
    connect: Connect, upscaler_store: Path, spans: InMemorySpanExporter, body: bytes
) -> None:
    assert (await upscale(connect, upscaler_store, body[:1000])).status_code == 422
    found = by_name(spans)
    assert set(found) == {"POST /upscale", "decode"}
    assert found["decode"].status.status_code is trace.StatusCode.ERROR
    assert (found["POST /upscale"].attributes or {})["http.response.status_code"] == 422


@pytest.mark.anyio
async def test_what_leaves_the_queue_without_a_result_has_a_failed_span_there(
    spans: InMemorySpanExporter,
) -> None:
    async def late() -> Completed[None]:
        raise DeadlinePassed("too late")

    with pytest.raises(DeadlinePassed):
        await tracing.on_device(late())
    (queue,) = spans.get_finished_spans()
    assert queue.name == "queue"
    assert queue.status.status_code is trace.StatusCode.ERROR
    assert queue.status.description == "DeadlinePassed: too late"


@pytest.mark.anyio
async def test_probes_and_metrics_leave_no_spans(
    connect: Connect, upscaler_store: Path, spans: InMemorySpanExporter
) -> None:
    async with connect(model_store=upscaler_store) as client:
        for path in ("/livez", "/readyz", "/metrics"):
            await client.get(path)
    assert spans.get_finished_spans() == ()


class Collector(ThreadingHTTPServer):
    """Takes spans by OTLP over HTTP, as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Receiver)
        self.exported: list[ExportTraceServiceRequest] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.server_port}",
            "OTEL_SERVICE_NAME": "pictures",
        }

    def spans(self) -> list[Span]:
        return [
            span
            for exported in self.exported
            for resource in exported.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


class _Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        assert self.path == "/v1/traces"
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.exported.append(ExportTraceServiceRequest.FromString(body))
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running
        running.shutdown()


def test_a_process_exports_to_the_collector_that_the_environment_names(
    collector: Collector, upscaler_store: Path, body: bytes
) -> None:
    server = Server("--model-store", str(upscaler_store), environment=collector.environment)
    server.until_ready()
    with httpx.Client() as client:  # one connection: no request is the next one's parent
        for traceparent in ({"traceparent": SAMPLED}, {}, {"traceparent": NOT_SAMPLED}):
            sent = {"Content-Type": "image/png", **traceparent}
            answer = client.post(f"{server.url}/upscale", content=body * 20, headers=sent)
            assert answer.status_code == 200
    server.stop()

    assert {
        attribute.value.string_value
        for exported in collector.exported
        for resource in exported.resource_spans
        for attribute in resource.resource.attributes
        if attribute.key == "service.name"
    } == {"pictures"}
    first, second = [span for span in collector.spans() if span.name == "POST /upscale"]
    assert (first.trace_id.hex(), first.parent_span_id.hex()) == (TRACE, PARENT)
    assert second.parent_span_id == b""
    for root in (first, second):
        children = [span for span in collector.spans() if span.parent_span_id == root.span_id]
        assert sorted(span.name for span in children) == sorted(STAGES)
        assert {span.trace_id for span in children} == {root.trace_id}

    logged = [line for line in server.log if "POST /upscale" in line]
    assert [line.rstrip(" ]\n").split()[-1] for line in logged] == [
        TRACE,
        second.trace_id.hex(),
        TRACE,
    ]


def test_a_collector_that_is_not_there_costs_nobody_an_answer(
    upscaler_store: Path, body: bytes
) -> None:
    nowhere = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_BSP_EXPORT_TIMEOUT": "1"}
    server = Server("--model-store", str(upscaler_store), environment=nowhere)
    server.until_ready()
    answer = httpx.post(f"{server.url}/upscale", files={"image": body})
    assert answer.status_code == 200
    server.stop()


def test_the_service_works_without_the_sdk_and_says_that_it_is_missing(
    upscaler_store: Path, body: bytes, tmp_path: Path, collector: Collector
) -> None:
    # Python runs this at start: as if it was not installed.
    hide = "sys.modules['opentelemetry.sdk'] = sys.modules['opentelemetry.exporter'] = None"
    (tmp_path / "sitecustomize.py").write_text(f"import sys; {hide}")
    environment = {**collector.environment, "PYTHONPATH": str(tmp_path)}
    probe = [sys.executable, "-c", "import opentelemetry.sdk"]
    hidden = subprocess.run(probe, cwd=ROOT, env={**os.environ, **environment}, capture_output=True)
    assert hidden.returncode != 0

    server = Server("--model-store", str(upscaler_store), environment=environment)
    server.until_ready()
    answer = httpx.post(f"{server.url}/upscale", files={"image": body})
    assert answer.status_code == 200
    server.stop()
    assert any("OpenTelemetry" in line and "WARNING" in line for line in server.log)
    assert collector.exported == []
