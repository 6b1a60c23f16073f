"""The tests mirror the packages, and share through tests/support only."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.support.checkout import ROOT

COVERED_ELSEWHERE = {
    "service/app": "service/test_main",
    "service/settings": "service/test_main",
    "service/keygen": "service/auth/test_keys",
    "service/problems": "service/http/test_problem_details",
    "service/folders/journal": "service/folders/test_command",
    "service/folders/options": "service/serving/test_transformation",
    "service/folders/plan": "service/folders/test_command",
    "service/folders/run": "service/folders/test_command",
    "service/http/middleware": "service/observability/test_logs",
    "service/images/formats": "service/images/test_codec",
    "service/images/metered": "service/images/test_codec_limits",
    "service/models/cards": "service/models/test_catalog",
    "service/models/golden": "service/test_main",
    "service/observability/gpu_memory": "service/observability/test_metrics",
    "service/open_inference/inference": "service/routes/test_v2_infer",
    "service/open_inference/tensors": "service/routes/test_v2_infer",
    "service/routes/dependencies": "service/auth/test_access",
    "service/routes/metrics": "service/observability/test_metrics",
    "service/routes/upload": "service/http/test_problem_details",
    "service/routes/v2_models": "service/routes/test_v2_metadata",
    "service/scheduling/device_time": "service/scheduling/test_scheduler_concurrency",
    "service/scheduling/observer": "service/scheduling/test_scheduler",
    "service/scheduling/queue": "service/scheduling/test_scheduler_properties",
    "service/scheduling/workload": "service/scheduling/test_scheduler_admission",
    "service/serving/image_job": "service/routes/test_stylize",
    "service/serving/jobs": "service/routes/test_v2_infer",
    "service/serving/loading": "service/serving/test_reloading",
    "service/serving/pipeline": "service/routes/test_stylize",
    "trainer/arguments": "trainer/test_main_command_line",
    "trainer/commands": "trainer/test_main_command_line",
    "trainer/errors": "trainer/test_main_mistakes",
    "trainer/evaluation/crop_sheet": "trainer/evaluation/test_upscalers_commands",
    "trainer/export/calibration": "trainer/export/test_quantization",
    "trainer/networks/canvas": "trainer/networks/test_served",
    "trainer/export/golden": "trainer/export/test_store",
    "trainer/export/precisions": "trainer/export/test_store",
    "trainer/painter_recipe": "trainer/training/test_painting",
    "trainer/pretrained/files": "trainer/pretrained/test_vgg_weights",
    "trainer/pretrained/lpips_package": "trainer/pretrained/test_vgg_weights_sources",
    "trainer/reproduce/arguments": "trainer/reproduce/test_report",
    "trainer/reproduce/commands": "trainer/reproduce/test_report",
}
"""Modules that no test module is named after, with one that tests them."""


def modules(package: str) -> Iterator[str]:
    for file in sorted((ROOT / package).rglob("*.py")):
        if file.name != "__init__.py":
            yield file.relative_to(ROOT).with_suffix("").as_posix()


def is_named_by_a_test(module: str) -> bool:
    """By tests/<folder>/test_<name>.py, or with more words after the name."""
    folder, _, name = module.replace("__", "").rpartition("/")
    tests = ROOT / "tests" / folder
    return any(tests.glob(f"test_{name}.py")) or any(tests.glob(f"test_{name}_*.py"))


@pytest.mark.parametrize("package", ["service", "trainer"])
def test_every_module_is_named_by_a_test_module_or_listed(package: str) -> None:
    unnamed = {module for module in modules(package) if not is_named_by_a_test(module)}
    assert unnamed == {module for module in COVERED_ELSEWHERE if module.startswith(package)}


@pytest.mark.parametrize("module", COVERED_ELSEWHERE)
def test_what_is_listed_is_tested_where_the_list_says(module: str) -> None:
    assert (ROOT / "tests" / COVERED_ELSEWHERE[module]).with_suffix(".py").is_file()


def test_no_test_imports_another_test_or_a_conftest() -> None:
    found = []
    for file in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                imported = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                imported = [alias.name for alias in node.names]
            else:
                continue
            found += [
                f"{file.relative_to(ROOT)}: {name}"
                for name in imported
                if re.match(r"tests\..*\b(test_|conftest)", name)
            ]
    assert found == []
