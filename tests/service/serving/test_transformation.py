"""Parameters of a transformation: one set of names, defaults and bounds, whoever gives them."""

import pytest
from pydantic import ValidationError

from service.folders import options
from service.serving.blend import Shares
from service.serving.transformation import Stylization, Transformation, Upscaling


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
            "stylize IN --out OUT --style wave --blend dusk:0.25,dawn:.5 --stroke 0.7",
            Stylization(blend=Shares("dawn:0.5,dusk:0.25"), stroke=0.7),
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
    "arguments",
    [
        *("--strength 1.1", "--strength nan", "--max-side 15", "--quality 0", "--size 9"),
        *("--stroke 2.1", "--blend dusk", "--blend dusk:1.1"),
    ],
)
def test_the_command_line_has_the_bounds_of_the_query(
    arguments: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = options.parser("stylize")
    with pytest.raises(SystemExit) as stopped:
        command.parse_args(["IN", "--out", "OUT", "--style", "wave", *arguments.split()])
    assert stopped.value.code == 2
    assert arguments.split()[0] in capsys.readouterr().err
