"""The deployed balancer, and replicas of the service behind it."""

from collections.abc import Iterator

import pytest

from tests.chaos import fleet
from tests.chaos.fleet import Fleet


@pytest.fixture(scope="package")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Three replicas, ready, behind nginx."""
    with fleet.running(tmp_path_factory.mktemp("fleet")) as running:
        yield running
