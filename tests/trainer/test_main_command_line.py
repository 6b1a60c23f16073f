"""``python -m trainer`` as a person runs it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support import small
from tests.support.checkout import ROOT
from trainer import recipe, weights_file
from trainer.training import checkpoint, loop
from trainer.weights_file import TrainedModel


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "trainer", *map(str, arguments)]


def environment(**changes: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **changes}


def trainer(folder: Path, *arguments: object, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder, where it may leave its files."""
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=600,
    )


def refusal(result: subprocess.CompletedProcess[str]) -> str:
    """The one line that says what is wrong."""
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("trainer: ")
    return line


# PyTorch does not promise that several threads give the same sums twice, and once they did not.
ONE_THREAD = {"OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def start(photographs: tuple[Path, ...], vgg_file: Path) -> list[Any]:
    """The arguments that train wave for three steps on small photographs."""
    return [
        *("train", "--style", "wave", "--data", photographs[0].parent, "--vgg", vgg_file),
        *("--steps", 3, "--device", "cpu", "--checkpoint-every", 1),
    ]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, start: list[Any]) -> Path:
    """A folder in which wave was trained without interruption."""
    folder = tmp_path_factory.mktemp("finished")
    result = trainer(folder, *start, **ONE_THREAD)
    assert result.returncode == 0, result.stderr
    assert "python -m trainer export --style wave" in result.stdout
    return folder


def trained(folder: Path) -> TrainedModel:
    return weights_file.load(folder / "runs" / "wave" / loop.WEIGHTS)


def test_help_lists_the_commands(tmp_path: Path) -> None:
    result = trainer(tmp_path, "--help")
    assert result.returncode == 0
    for name in ("train", "evaluate", "gallery", "mixtures", "export", "optimize", "vgg"):
        assert f"\n    {name} " in result.stdout


def test_a_killed_run_resumes_to_the_weights_of_an_uninterrupted_one(
    tmp_path: Path, start: list[Any], finished: Path
) -> None:
    log = (tmp_path / "log").open("w")
    env = environment(**ONE_THREAD)
    with log, subprocess.Popen(command(*start), cwd=tmp_path, env=env, stderr=log) as run:
        while run.poll() is None and not (tmp_path / "runs" / "wave" / checkpoint.NAME).exists():
            time.sleep(0.005)
        run.kill()
    assert run.returncode == -signal.SIGKILL, (tmp_path / "log").read_text()
    assert not (tmp_path / "runs" / "wave" / loop.WEIGHTS).exists()

    result = trainer(tmp_path, *start, "--resume", **ONE_THREAD)
    assert result.returncode == 0, result.stderr

    assert small.equal(trained(tmp_path).network, trained(finished).network)
    assert trained(tmp_path).training.steps == 3
    assert trained(tmp_path).recipe == recipe.load("wave").with_steps(3)


def test_a_run_that_exists_is_not_started_again_unasked(finished: Path, start: list[Any]) -> None:
    before = (finished / "runs" / "wave" / checkpoint.NAME).read_bytes()
    assert "--resume goes on with it, --overwrite starts again" in refusal(
        trainer(finished, *start)
    )
    assert (finished / "runs" / "wave" / checkpoint.NAME).read_bytes() == before


def test_a_trained_network_is_compared_with_optimisation(
    finished: Path, photographs: tuple[Path, ...], vgg_file: Path
) -> None:
    result = trainer(
        finished,
        *("evaluate", "--style", "wave", "--data", photographs[0].parent),
        *("--photographs", 1, "--size", 32, "--vgg", vgg_file),
    )
    assert result.returncode == 0, result.stderr
    assert "optimised from the photograph, 100 iterations" in result.stdout


def test_a_photograph_is_stylised_by_optimisation(
    tmp_path: Path, photographs: tuple[Path, ...], painting: Path, vgg_file: Path
) -> None:
    result = trainer(
        tmp_path,
        *("optimize", "--content", photographs[0], "--style", painting, "--vgg", vgg_file),
        *("--iterations", 2, "--short-side", 64, "--out", "new.png"),
    )
    assert result.returncode == 0, result.stderr
    with Image.open(tmp_path / "new.png") as image:
        assert min(image.size) == 64


def test_an_unknown_style_is_refused_with_the_known_ones(
    tmp_path: Path, photographs: tuple[Path, ...]
) -> None:
    arguments = ("train", "--style", "nighthawks", "--data", photographs[0].parent)
    line = refusal(trainer(tmp_path, *arguments))
    assert "no recipe 'nighthawks'; there are: " in line
    assert "wave" in line
    assert list(tmp_path.iterdir()) == []


def test_a_missing_vgg_file_is_named(tmp_path: Path, photographs: tuple[Path, ...]) -> None:
    arguments = ("train", "--style", "wave", "--data", photographs[0].parent, "--vgg", "lost.pth")
    assert "lost.pth: no such file" in refusal(trainer(tmp_path, *arguments))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_data_folder_is_noticed_before_any_weights_are_fetched(tmp_path: Path) -> None:
    result = trainer(tmp_path, "train", "--style", "wave", "--data", "lost", **offline(tmp_path))
    assert "lost: no such folder" in refusal(result)
    assert list(tmp_path.iterdir()) == []


def test_offline_without_vgg_weights_the_last_line_says_what_to_do(tmp_path: Path) -> None:
    result = trainer(tmp_path, "vgg", **offline(tmp_path))
    assert result.returncode == 2
    *progress, line = result.stderr.splitlines()
    assert [text.partition(" from ")[0] for text in progress] == ["fetching VGG-16"] * 2
    assert line.startswith("trainer: no source of the VGG-16 weights answered")
    assert "--vgg FILE" in line


def offline(home: Path) -> dict[str, str]:
    """Settings of a machine without a network and without a cache."""
    nowhere = "http://127.0.0.1:9"
    return {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), nowhere),
        **dict.fromkeys(("no_proxy", "NO_PROXY", "PIP_FIND_LINKS"), ""),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": f"{nowhere}/simple",
        "PIP_RETRIES": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
