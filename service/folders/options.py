"""The command line of the folder commands; parameters and settings come from their models."""

import argparse
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import NoneType
from typing import Any, Literal, NoReturn, TypeVar, get_args, get_origin

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo

from service.serving.blend import Blend, Shares
from service.serving.transformation import Stylization, Transformation, Upscaling
from service.settings import Settings

TRANSFORMATIONS: Mapping[str, type[Transformation]] = {
    "stylize": Stylization,
    "upscale": Upscaling,
}
SETTINGS = (
    *("model_store", "execution_provider", "threads", "codec_threads", "max_batch_size"),
    *("max_image_pixels", "max_stylize_pixels", "max_upscaled_pixels"),
)
"""Settings of the service that matter here too; their environment variables count as well."""

Number = TypeVar("Number", int, float)


def parser(command: str) -> argparse.ArgumentParser:
    """The parser of one of TRANSFORMATIONS, which exits with code 2 after one line."""
    does = "Paint photographs in a style" if command == "stylize" else "Enlarge images"
    parser = _Parser(
        prog=f"python -m service {command}",
        description=f"{does}, without HTTP. Folders keep their structure. What an earlier run made "
        "of the same files in the same way is not made again, so that the same command goes on "
        "after an interruption.",
        allow_abbrev=False,
    )
    parser.set_defaults(command=command)
    add = parser.add_argument
    add("inputs", nargs="+", type=Path, metavar="IN", help="files, and folders of them")
    add("--out", required=True, type=Path, metavar="FOLDER", help="where the pictures go")
    add("--overwrite", action="store_true", help="replace whatever is there, and make all again")
    if command == "stylize":
        add("--style", required=True, metavar="NAME", help="a style of the model store")
    for name, field in TRANSFORMATIONS[command].model_fields.items():
        _add_parameter(add, field.alias or name, field)
    add = parser.add_argument_group("settings, as of the service").add_argument
    for name in SETTINGS:
        add(
            f"--{name.replace('_', '-')}",
            default=argparse.SUPPRESS,
            metavar="VALUE",
            help=Settings.model_fields[name].description,
        )
    return parser


def settings(options: argparse.Namespace, **others: Any) -> Settings:
    """The settings that were given, the others as in the service. Raises ValidationError."""
    given = {name: getattr(options, name) for name in SETTINGS if hasattr(options, name)}
    return Settings(**given, **others)


def transformation(options: argparse.Namespace) -> Transformation:
    """The transformation that was asked for. Raises ValidationError."""
    kind = TRANSFORMATIONS[options.command]
    names = [field.alias or name for name, field in kind.model_fields.items()]
    given = {name: getattr(options, name) for name in names if hasattr(options, name)}
    return kind.model_validate(given)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"service: {message} (--help lists the options)\n")


def _add_parameter(add: Callable[..., Any], name: str, field: FieldInfo) -> None:
    flag = f"--{name.replace('_', '-')}"
    default = "" if field.default in (None, False) else f" (default {field.default})"
    shared = {"default": argparse.SUPPRESS, "help": f"{field.description}{default}"}
    if field.annotation is bool:
        add(flag, action="store_true", **shared)
        return
    type = _without_none(field.annotation)
    if type is Blend:
        add(flag, type=_blend, metavar="NAME:WEIGHT[,NAME:WEIGHT]", **shared)
    elif get_origin(type) is Literal:
        add(flag, choices=get_args(type), **shared)
    elif field.metadata:
        least = next(bound.ge for bound in field.metadata if isinstance(bound, Ge))
        most = next(bound.le for bound in field.metadata if isinstance(bound, Le))
        add(flag, type=_between(type, least, most), metavar=f"{least}..{most}", **shared)
    else:
        add(flag, type=type, metavar="NUMBER", **shared)


def _blend(text: str) -> Shares:
    try:
        return Shares(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _without_none(annotation: Any) -> Any:
    """T of ``T | None``, else the annotation itself."""
    options = [option for option in get_args(annotation) if option is not NoneType]
    return options[0] if NoneType in get_args(annotation) else annotation


def _between(kind: Callable[[str], Number], least: Any, most: Any) -> Callable[[str], Number]:
    def parse(text: str) -> Number:
        with suppress(ValueError):
            value = kind(text)
            if least <= value <= most:
                return value
        raise argparse.ArgumentTypeError(f"{text} is not between {least} and {most}")

    return parse
