"""Grafana's dashboard asks for metrics that the service has."""

import json
import re
from typing import Any

import promql_parser
import pytest
import yaml

from service.observability.metrics import Metrics
from tests.support.checkout import ROOT

GRAFANA = ROOT / "docker" / "grafana"
DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "dashboards" / "perceptual.json").read_text())
EXPRESSIONS = {
    f"{panel['title']} {target['refId']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
}


def families() -> dict[str, set[str]]:
    """Of every metric of the service: its series' names, as Prometheus knows them."""
    metrics = Metrics()
    metrics.watch_queue(lambda: 0, lambda: 0, lambda: 0)
    metrics.watch_gpu(lambda: 0)
    suffixes = {
        "counter": ("_total",),
        "histogram": ("_bucket", "_sum", "_count"),
        "gauge": ("",),
        "info": ("_info",),
    }
    return {
        family.name: {family.name + suffix for suffix in suffixes[family.type]}
        for family in metrics.registry.collect()
    }


@pytest.mark.parametrize("panel", EXPRESSIONS)
def test_a_panel_s_query_is_promql(panel: str) -> None:
    promql_parser.parse(EXPRESSIONS[panel].replace("$__rate_interval", "1m"))


@pytest.mark.parametrize("panel", EXPRESSIONS)
def test_a_panel_asks_for_metrics_that_exist(panel: str) -> None:
    asked = set(re.findall(r"\b(?:perceptual|process)_\w+", EXPRESSIONS[panel]))
    assert asked <= set().union(*families().values())


def test_every_metric_of_the_service_s_own_has_a_panel() -> None:
    asked = set(re.findall(r"\bperceptual_\w+", " ".join(EXPRESSIONS.values())))
    for name, series in families().items():
        if name.startswith("perceptual_"):
            assert asked & series, name


def test_every_panel_reads_from_the_provisioned_source() -> None:
    provisioned = yaml.safe_load(
        (GRAFANA / "provisioning" / "datasources" / "prometheus.yml").read_text()
    )
    (source,) = provisioned["datasources"]
    used = {target["datasource"]["uid"] for p in DASHBOARD["panels"] for target in p["targets"]}
    assert used == {source["uid"]}
