"""The tests mirror the packages, and share through tests/support only."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.checkout import ROOT

COVERED_ELSEWHERE = {
    "service/__main__": "service/test_server",
    "service/app": "service/test_server",
    "service/problems": "service/http/test_problem_details",
    "service/settings": "service/test_server",
    "service/keygen": "service/auth/test_keys",
}
"""Modules that no test module is named after, with one that tests them."""


def modules(package: str) -> Iterator[str]:
    for file in sorted((ROOT / package).rglob("*.py")):
        if file.name != "__init__.py":
            yield file.relative_to(ROOT).with_suffix("").as_posix()


def is_named_by_a_test(module: str) -> bool:
    folder, _, name = module.rpartition("/")
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
            imported = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            imported += [alias.name for alias in getattr(node, "names", [])]
            for name in imported:
                last = Path(name.replace(".", "/")).name
                if "tests" in name.split(".") and last.startswith(("test_", "conftest")):
                    found.append(f"{file.relative_to(ROOT)}: {name}")
    assert found == []
