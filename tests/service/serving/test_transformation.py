"""Parameters of a transformation: one fingerprint for ETags and journals, one set of bounds."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from service.folders import options
from service.models import catalog
from service.models.catalog import Model
from service.serving.transformation import Stylization, Transformation, Upscaling

BODY = b"a photograph"


@pytest.fixture(scope="module")
def wave(wave_store: Path) -> Model:
    return catalog.read(wave_store).get("wave")


def test_a_default_that_is_given_does_not_change_the_fingerprint(wave: Model) -> None:
    given = Stylization(strength=1.0, quality=90)
    assert given.fingerprint(wave, BODY) == Stylization().fingerprint(wave, BODY)


@pytest.mark.parametrize(
    "other",
    [
        Stylization(strength=0.5),
        Stylization(preserve_color=True),
        Stylization(max_side=100),
        Stylization(format="png"),
        Stylization(quality=80),
    ],
)
def test_every_parameter_changes_the_fingerprint(wave: Model, other: Transformation) -> None:
    assert other.fingerprint(wave, BODY) != Stylization().fingerprint(wave, BODY)


def test_the_image_changes_the_fingerprint(wave: Model) -> None:
    assert Stylization().fingerprint(wave, BODY) != Stylization().fingerprint(wave, BODY + b"s")


def test_an_unknown_parameter_is_refused_naming_those_that_there_are() -> None:
    with pytest.raises(ValidationError, match="no parameter factr; there are: factor, format"):
        Upscaling.model_validate({"factr": 4})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("stylize IN --out OUT --style wave", Stylization()),
        (
            "stylize IN --out OUT --style wave --strength 0.5 --preserve-color --max-side 100",
            Stylization(strength=0.5, preserve_color=True, max_side=100),
        ),
        (
            "upscale IN --out OUT --factor 8 --model pixel --format webp --quality 80",
            Upscaling.model_validate(
                {"factor": 8, "model": "pixel", "format": "webp", "quality": 80}
            ),
        ),
    ],
)
def test_options_of_the_command_line_are_its_parameters(
    given: str, expected: Transformation
) -> None:
    command, *arguments = given.split()
    parsed = options.parser(command).parse_args(arguments)
    assert options.transformation(parsed) == expected


@pytest.mark.parametrize(
    "arguments", ["--strength 1.1", "--strength nan", "--max-side 15", "--quality 0", "--size 9"]
)
def test_the_command_line_has_the_bounds_of_the_query(
    arguments: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = options.parser("stylize")
    with pytest.raises(SystemExit) as stopped:
        command.parse_args(["IN", "--out", "OUT", "--style", "wave", *arguments.split()])
    assert stopped.value.code == 2
    assert arguments.split()[0] in capsys.readouterr().err
