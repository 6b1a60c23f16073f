"""docker-compose.yml: valid, hardened, and in agreement with what it starts."""

import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from service.settings import Settings
from tests.support.checkout import ROOT

FILE = ROOT / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]


def test_it_meets_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run([*command, FILE], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_read_only_without_rights_and_bounded(name: str) -> None:
    container = SERVICES[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_has_an_exact_version_or_is_built_here(name: str) -> None:
    container = SERVICES[name]
    assert "build" in container or re.search(r":v?\d+\.\d+\.\d+(-alpine)?$", container["image"])


def test_only_the_balancer_is_reachable_from_other_machines() -> None:
    published = {name: port for name, one in SERVICES.items() for port in one.get("ports", [])}
    public = {name for name, port in published.items() if not port.startswith("127.0.0.1:")}
    assert public == {"balancer"}


@pytest.mark.parametrize("name", ["service", "service-gpu"])
def test_a_replica_that_stops_has_longer_than_its_drain(name: str) -> None:
    grace = int(SERVICES[name]["stop_grace_period"].removesuffix("s"))
    drain = int(SERVICES[name]["environment"]["PERCEPTUAL_DRAIN_SECONDS"])
    assert grace >= drain + 15


@pytest.mark.parametrize("name", ["service", "service-gpu"])
def test_replicas_are_configured_by_settings_that_exist(name: str) -> None:
    settings = {f"PERCEPTUAL_{field.upper()}" for field in Settings.model_fields}
    assert SERVICES[name]["environment"].keys() <= settings


def test_gpu_replicas_start_only_when_asked_for_and_answer_to_the_same_name() -> None:
    gpu = SERVICES["service-gpu"]
    assert gpu["profiles"] == ["gpu"]
    assert gpu["build"]["target"] == "gpu"
    assert gpu["networks"]["replicas"]["aliases"] == ["service"]


def test_balancer_and_prometheus_find_the_replicas_by_the_name_they_have() -> None:
    configured = (ROOT / "docker" / "nginx" / "replicas.conf").read_text()
    assert "server service:8000 resolve " in configured
    prometheus = yaml.safe_load((ROOT / "docker" / "prometheus" / "prometheus.yml").read_text())
    (job,) = prometheus["scrape_configs"]
    (discovery,) = job["dns_sd_configs"]
    assert (discovery["names"], discovery["port"]) == (["service"], 8000)


def test_what_is_mounted_exists() -> None:
    mounts = [mount for one in SERVICES.values() for mount in one.get("volumes", [])]
    paths = [mount.split(":")[0] for mount in mounts if mount.startswith("./")]
    assert paths
    assert all((ROOT / path).is_dir() for path in paths)
