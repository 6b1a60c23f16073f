"""What the OpenAPI description says is what the service does. At greater length: make fuzz."""

from pathlib import Path

from tests.hostile.description import conformance
from tests.support.server import serving


def test_the_service_keeps_to_its_description(pair_store: Path) -> None:
    with serving("--model-store", str(pair_store), "--log-level", "error") as server:
        done = conformance(server.url, examples=8)
    assert done.failures == ""
    assert {200, 400, 404, 415, 422} <= done.statuses.keys()
