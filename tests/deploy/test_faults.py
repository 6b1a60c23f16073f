"""No request that the balancer took is lost or answered wrongly, whatever happens to a replica.

The same faults at greater length, with a table of what came of them: make chaos.
"""

import asyncio

import pytest

from tests.chaos.faults import FAULTS, Report, attacked
from tests.chaos.fleet import Fleet
from tests.support.nginx import needs_nginx

pytestmark = needs_nginx

OF_REPLICAS = [name for name in FAULTS if "replica" in name]


@pytest.fixture(scope="module")
def report(request: pytest.FixtureRequest, replicas: Fleet) -> Report:
    return asyncio.run(attacked(replicas, FAULTS[request.param], pace=10))


@pytest.mark.parametrize("report", FAULTS, indirect=True)
def test_every_request_gets_the_right_picture(report: Report) -> None:
    assert report.tally.lost == []
    assert report.tally.wrong == 0
    assert report.tally.answered == report.tally.requests


@pytest.mark.parametrize("report", ["model replaced"], indirect=True)
def test_the_old_network_answers_until_the_new_one_does(report: Report, replicas: Fleet) -> None:
    assert report.tally.networks.keys() == replicas.store.networks.keys()


@pytest.mark.parametrize("report", OF_REPLICAS, indirect=True)
def test_what_one_replica_left_undone_another_did(report: Report) -> None:
    assert report.retried >= 1
