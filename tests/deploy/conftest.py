"""The deployed balancer, and replicas of the service behind it."""

from collections.abc import Iterator

import pytest

from tests.chaos import balancer, fleet
from tests.chaos.fleet import Fleet

needs_nginx = pytest.mark.skipif(
    balancer.INSTALLED is None, reason="nginx is not installed (Debian: apt-get install nginx)"
)


@pytest.fixture(scope="package")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Three replicas, ready, behind nginx."""
    with fleet.running(tmp_path_factory.mktemp("fleet")) as running:
        yield running
