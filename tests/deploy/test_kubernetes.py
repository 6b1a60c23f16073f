"""The Kubernetes manifests: valid, hardened, and in agreement with the service."""

import re
import shutil
import subprocess
from typing import Any

import kubernetes_validate
import pytest
import yaml

from service.observability.metrics import Metrics
from service.settings import Settings
from tests.support.checkout import ROOT

DOCKER = ROOT / "docker"
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((DOCKER / "kustomization.yaml").read_text())
RESOURCES: dict[tuple[str, str], dict[str, Any]] = {
    (document["kind"], document["metadata"]["name"]): document
    for path in KUSTOMIZATION["resources"]
    for document in yaml.safe_load_all((DOCKER / path).read_text())
}
DEPLOYMENTS = [name for kind, name in RESOURCES if kind == "Deployment"]


def pod(deployment: str) -> dict[str, Any]:
    spec: dict[str, Any] = RESOURCES["Deployment", deployment]["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("version", ["1.30", "1.37"])
@pytest.mark.parametrize("resource", RESOURCES, ids="/".join)
def test_every_manifest_meets_the_schema(resource: tuple[str, str], version: str) -> None:
    kubernetes_validate.validate(RESOURCES[resource], version, strict=True)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kustomize_puts_them_together_with_the_balancer_s_configuration() -> None:
    built = subprocess.run(
        ["kubectl", "kustomize", DOCKER], capture_output=True, text=True, check=True
    )
    documents = list(yaml.safe_load_all(built.stdout))
    for document in documents:
        kubernetes_validate.validate(document, "1.34", strict=True)
    (configuration,) = (one for one in documents if one["kind"] == "ConfigMap")
    assert configuration["data"]["nginx.conf"] == (DOCKER / "nginx" / "nginx.conf").read_text()
    assert configuration["data"].keys() >= set(
        re.findall(r"^ *include (\S+);", configuration["data"]["nginx.conf"], re.M)
    )


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_every_pod_is_read_only_without_rights_and_bounded(deployment: str) -> None:
    spec = pod(deployment)
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"].keys() == {"requests", "limits"}


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_a_disruption_takes_one_pod_at_a_time(deployment: str) -> None:
    budget = RESOURCES["PodDisruptionBudget", deployment]["spec"]
    labels = RESOURCES["Deployment", deployment]["spec"]["template"]["metadata"]["labels"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"]["matchLabels"] == labels


def test_a_replica_that_stops_has_longer_than_pre_stop_and_drain() -> None:
    spec = pod("perceptual")
    (container,) = spec["containers"]
    (drain,) = (one["value"] for one in container["env"] if one["name"].endswith("DRAIN_SECONDS"))
    pre_stop = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert spec["terminationGracePeriodSeconds"] >= pre_stop + int(drain) + 15


def test_replicas_are_configured_by_settings_that_exist() -> None:
    spec = pod("perceptual")
    (container,) = spec["containers"]
    settings = {f"PERCEPTUAL_{field.upper()}" for field in Settings.model_fields}
    assert {one["name"] for one in container["env"]} <= settings
    # Kubernetes would set PERCEPTUAL_PORT to the address of the Service of that name.
    assert spec["enableServiceLinks"] is False


def test_the_autoscaler_s_metric_is_one_that_the_service_has() -> None:
    (metric,) = RESOURCES["HorizontalPodAutoscaler", "perceptual"]["spec"]["metrics"]
    name = metric["pods"]["metric"]["name"]
    adapter = yaml.safe_load((DOCKER / "kubernetes" / "prometheus-adapter.yaml").read_text())
    (rule,) = adapter["rules"]["custom"]
    assert rule["seriesQuery"].startswith(f"{name}{{")

    metrics = Metrics()
    metrics.watch_queue(lambda: 0, lambda: 0, lambda: 0)
    assert f"\n{name} 0.0\n" in metrics.exposition().decode()


def test_the_balancer_finds_the_pods_by_their_service() -> None:
    servers = [
        re.findall(r"^server ([^:]+):(\d+) resolve (.*);$", (DOCKER / path).read_text(), re.M)
        for path in ("nginx/replicas.conf", "kubernetes/replicas.conf")
    ]
    in_compose, in_kubernetes = servers
    assert [parameters for _, _, parameters in in_compose] == [
        parameters for _, _, parameters in in_kubernetes
    ]
    for host, port, _ in in_kubernetes:
        service = RESOURCES["Service", host.split(".")[0]]["spec"]
        assert service["clusterIP"] == "None"
        assert [one["port"] for one in service["ports"]] == [int(port)]
