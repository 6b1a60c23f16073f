"""The container image, as far as can be known without building it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.support.checkout import ROOT

DOCKER = ROOT / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text()
TARGETS = ["cpu", "gpu"]


def locked(target: str) -> dict[str, str]:
    """Versions by name."""
    text = (DOCKER / f"requirements-{target}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+) \\$", text, re.M))


def test_hadolint_finds_no_fault() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    subprocess.run([hadolint, DOCKER / "Dockerfile"], check=True)


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_locked_is_what_pyproject_asks_for(target: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    versions = locked(target)
    for line in project["dependencies"] + project["optional-dependencies"][target]:
        wanted = Requirement(line)
        assert wanted.specifier.contains(versions[wanted.name]), (
            f"{wanted} is not met: run the command at the top of requirements-{target}.txt"
        )


@pytest.mark.parametrize("target", TARGETS)
def test_no_framework_for_training_is_installed(target: str) -> None:
    assert not locked(target).keys() & {"torch", "onnx", "onnxscript", "scikit-image", "scipy"}


@pytest.mark.parametrize("target", TARGETS)
def test_the_targets_serve_and_share_all_but_the_runtime(target: str) -> None:
    assert re.search(rf"^FROM runtime AS {target}$", DOCKERFILE, re.M)
    ours = {name for name in locked(target) if "onnxruntime" in name}
    assert ours == {"onnxruntime" if target == "cpu" else "onnxruntime-gpu"}


def test_every_base_image_has_an_exact_version() -> None:
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.M))
    bases = set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)) - stages
    assert bases
    assert all(re.fullmatch(r"[a-z/]+:\d+\.\d+\.\d+[a-z0-9.-]*", base) for base in bases)


def test_the_build_context_has_all_that_is_copied() -> None:
    sent = {
        path
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
        for path in ROOT.glob(line[1:])
    }
    copied = [
        ROOT / source
        for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M)
        for source in sources.split()
    ]
    assert set(copied) == sent
