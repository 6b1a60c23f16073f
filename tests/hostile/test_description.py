"""What the OpenAPI description says is what the service does. At greater length: make fuzz."""

from tests.hostile.description import conformance
from tests.service.test_server import Server


def test_the_service_keeps_to_its_description() -> None:
    server = Server("--log-level", "error")
    server.until_ready()
    done = conformance(server.url, examples=2)
    server.stop()
    assert done.failures == ""
    assert {200, 400, 404, 415, 422} <= done.statuses.keys()
