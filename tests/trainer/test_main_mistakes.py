"""Mistakes on the command line: one line that says what is wrong, and nothing is lost."""

from pathlib import Path
from typing import NoReturn

import pytest

from tests.support import small
from trainer import commands, weights_file
from trainer.__main__ import main
from trainer.pretrained import vgg_weights
from trainer.training import checkpoint


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs, models and weights are looked for, and would be written, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(commands, "WEIGHTS", tmp_path / "weights")


@pytest.fixture
def run(tmp_path: Path, painting: Path) -> Path:
    """A run that was stopped before its first step, of a recipe that starts from nothing."""
    folder = tmp_path / "runs" / "wave_wide"
    folder.mkdir(parents=True)
    checkpoint.new_run(small.recipe(painting), small.CPU).save(folder)
    return folder / checkpoint.NAME


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line that is printed when the command line refuses."""
    assert main([str(argument) for argument in arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    (line,) = output.err.splitlines()
    assert line.startswith("trainer: ")
    return line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--resume"], "checkpoint.pt: no checkpoint to resume from"),
        (["--device", "abacus"], "--device abacus: no such kind of device"),
        (["--init-from", "lost.safetensors"], "lost.safetensors: no such file"),
        (["--data", "lost"], "lost: no such folder"),
        (["--data", "."], "no photographs"),
    ],
)
def test_training_refuses_what_it_cannot_do(
    arguments: list[str],
    said: str,
    photographs: tuple[Path, ...],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    folder = photographs[0].parent
    line = refusal(capsys, "train", "--style", "wave", "--data", folder, *arguments)
    assert said in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--style NAME of a recipe, or --style-image FILE and --name NAME?"),
        (["--style", "wave"], "--data FOLDER is missing"),
        (["--style-image", "my.jpg", "--name", "mine"], "--data FOLDER is missing"),
        (["--style-image", "my.jpg", "--data", "."], "takes a --name NAME"),
        (["--style-image", "my.jpg", "--name", "wave", "--data", "."], "a recipe has this name"),
        (["--style-image", "my.jpg", "--name", "../x", "--data", "."], "letters, digits and . _ -"),
        (["--name", "mine", "--data", "."], "--style NAME of a recipe, or --style-image FILE"),
        (["--resume", "--data", "."], "--resume: which run"),
    ],
)
def test_what_is_trained_and_on_what_has_to_be_said(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert said in refusal(capsys, "train", *arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_painting_is_named(
    photographs: tuple[Path, ...],
    monkeypatch: pytest.MonkeyPatch,
    random_vgg: dict[str, object],
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(vgg_weights, "load", lambda _: random_vgg)
    arguments = ("--data", photographs[0].parent, "--style-image", "lost.jpg", "--name", "mine")
    line = refusal(capsys, "train", "--style", "wave_wide", *arguments)
    assert "lost.jpg: no such file" in line


def test_a_run_is_not_resumed_with_another_number_of_steps(
    run: Path, photographs: tuple[Path, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--data", photographs[0].parent, "--resume", "--steps", 1000)
    line = refusal(capsys, "train", "--style", "wave_wide", *arguments)
    assert f"{run.parent.relative_to(Path.cwd())} is a run of 4 steps, not 1000" in line


@pytest.mark.parametrize("mistake", [["--data", "lost"], ["--vgg", "lost.pth"]])
def test_a_mistake_does_not_cost_the_run_that_would_be_overwritten(
    mistake: list[str],
    run: Path,
    photographs: tuple[Path, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = run.read_bytes()
    arguments = ("--data", photographs[0].parent, "--overwrite", *mistake)
    assert "no such" in refusal(capsys, "train", "--style", "wave_wide", *arguments)
    assert run.read_bytes() == before


@pytest.mark.parametrize("command", ["evaluate", "export"])
def test_a_style_that_was_never_trained_is_refused_with_what_to_do(
    command: str, photographs: tuple[Path, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    data = ("--data", photographs[0].parent) if command == "evaluate" else ()
    line = refusal(capsys, command, "--style", "nighthawks", *data)
    assert "no trained weights of 'nighthawks'" in line
    assert "python -m trainer train --style nighthawks" in line


def test_a_file_of_another_kind_is_no_trained_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "runs" / "wave" / "weights.safetensors"
    file.parent.mkdir(parents=True)
    file.write_text("not weights\nat all")
    assert "not weights of this trainer" in refusal(capsys, "export", "--style", "wave")


@pytest.mark.parametrize(
    "arguments",
    [["--steps", "0"], ["--steps", "-3"], ["--steps", "many"], ["--resume", "--overwrite"]],
)
def test_numbers_and_options_that_make_no_sense_are_refused_with_the_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["train", "--style", "wave", "--data", ".", *arguments])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith("usage: python -m trainer train")


def test_a_photograph_is_not_optimised_into_a_file_that_cannot_be_written(
    photographs: tuple[Path, ...],
    painting: Path,
    monkeypatch: pytest.MonkeyPatch,
    random_vgg: dict[str, object],
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(vgg_weights, "load", lambda _: random_vgg)
    arguments = ["--content", str(photographs[0]), "--style", str(painting), "--iterations", "1"]
    assert main(["optimize", *arguments, "--short-side", "32", "--out", "lost/new.png"]) == 2
    assert "trainer: lost/new.png: " in capsys.readouterr().err.splitlines()[-1]


def test_exporting_a_run_packages_its_weights(
    tmp_path: Path, painting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainer.export import store

    model = small.model(painting, small.lively(width=4))
    weights_file.save(tmp_path / "runs" / "wave" / "weights.safetensors", model)
    monkeypatch.setattr(store, "export", lambda *_, **__: "0" * 64)
    assert main(["export", "--style", "wave"]) == 0
    assert weights_file.load(tmp_path / "weights" / "wave.safetensors").training == model.training


def test_an_interrupted_command_ends_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "vgg", interrupted)
    assert main(["vgg"]) == 130
    assert capsys.readouterr().err == "trainer: interrupted\n"
