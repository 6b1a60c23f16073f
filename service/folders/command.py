"""python -m service stylize|upscale FILES AND FOLDERS --out FOLDER: the runtime without HTTP."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar, get_args

from service.folders.journal import Journal
from service.folders.plan import Plan, Unplannable, plan
from service.folders.run import CannotWrite, Report, Transformation, run
from service.images.codec import ImageFormat
from service.models.catalog import Catalog, Objective
from service.observability.metrics import Metrics
from service.serving.pipeline import Pipeline
from service.settings import Settings

COMMANDS = ("stylize", "upscale")
SETTINGS = (
    *("model_store", "execution_provider", "threads", "codec_threads", "max_batch_size"),
    *("max_image_pixels", "max_stylize_pixels", "max_upscaled_pixels"),
)
"""Those of the server that matter here too; their environment variables count as well."""


def main(arguments: Sequence[str]) -> int:
    """Returns 0, 1 if files could not be read, 130 if interrupted.

    ``arguments`` begin with one of COMMANDS. Raises SystemExit(2) for options that make no sense,
    pydantic's ValidationError for settings that do not, Unplannable, CannotWrite, UnknownModel,
    BrokenStore or RuntimeUnavailable.
    """
    options = _parser(arguments[0]).parse_args(arguments[1:])
    given = {name: getattr(options, name) for name in SETTINGS if hasattr(options, name)}
    # At most at_once pictures are in work, so that none is ever refused.
    settings = Settings(**given, max_queue_pixels=sys.maxsize)
    planned = plan(options.inputs, options.out, options.format)
    try:
        journal = Journal(options.out)
    except OSError as error:
        raise CannotWrite(f"{error.filename}: {error.strerror}") from error
    if not options.overwrite:
        _keep_others(planned, journal)
    pipeline = Pipeline(settings, Metrics())
    transformation = _transformation(options, pipeline.catalog)
    report = asyncio.run(_run(planned, transformation, pipeline, journal, options, settings))
    return _say(planned, report, options)


async def _run(
    planned: Plan,
    transformation: Transformation,
    pipeline: Pipeline,
    journal: Journal,
    options: argparse.Namespace,
    settings: Settings,
) -> Report:
    # Tiles of one image fill batches, and enlarged pictures are large: one on the device will do.
    batch = 1 if options.command == "upscale" else settings.max_batch_size
    await pipeline.start([transformation.model])
    try:
        return await run(
            planned.items,
            transformation,
            pipeline,
            journal,
            overwrite=options.overwrite,
            at_once=batch + settings.codec_threads,
        )
    finally:
        await pipeline.drain()


def _keep_others(planned: Plan, journal: Journal) -> None:
    """Raises Unplannable if there are files that were not made here where pictures are to go."""
    others = [
        item.output
        for item in planned.items
        if item.output.exists() and not journal.knows(item.output)
    ]
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        raise Unplannable(f"{others[0]}{more} would be replaced; --overwrite does so")


def _transformation(options: argparse.Namespace, catalog: Catalog) -> Transformation:
    if options.command == "upscale":
        model = catalog.upscaler(options.factor, options.model)
        return Transformation(model, {}, None, options.format, options.quality)
    model = catalog.get(options.style, "stylize")
    inputs = {"strength": options.strength, "preserve_color": float(options.preserve_color)}
    return Transformation(model, inputs, options.max_side, options.format, options.quality)


def _say(planned: Plan, report: Report, options: argparse.Namespace) -> int:
    failures = [*planned.failures, *report.failures]
    for failure in sorted(failures, key=lambda failure: failure.file):
        print(f"service: {failure.file}: {failure.reason}", file=sys.stderr)
    counts = (
        (report.made, "made"),
        (report.there, "there already"),
        (len(failures), "failed"),
        (planned.ignored, "other files left alone"),
    )
    text = ", ".join(f"{count} {what}" for count, what in counts if count or what == "made")
    print(f"{options.out}: {text}")
    if report.interrupted:
        print("service: interrupted; the same command goes on", file=sys.stderr)
        return 130
    return 1 if failures else 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"service: {message} (--help lists the options)\n")


def _parser(command: str) -> argparse.ArgumentParser:
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
        add(
            "--strength",
            type=_between(float, 0, 1),
            default=1.0,
            metavar="0..1",
            help="0 gives the photograph back, 1 (default) the full style",
        )
        add("--preserve-color", action="store_true", help="keep the photographs' colours")
        add(
            "--max-side",
            type=_between(int, 16, 65535),
            metavar="PIXELS",
            help="shrink the longer side to so many",
        )
    else:
        add("--factor", type=int, default=4, metavar="4|8", help="how many times each side grows")
        add(
            "--model",
            choices=get_args(Objective),
            default="feature",
            help="feature (default) draws sharp detail, pixel stays nearest to the given pixels",
        )
    add("--format", choices=get_args(ImageFormat), help="of the pictures; else the files' own")
    add(
        "--quality",
        type=_between(int, 1, 100),
        default=90,
        metavar="1..100",
        help="of jpeg, webp and avif (90)",
    )
    add = parser.add_argument_group("settings, as of the service").add_argument
    for name in SETTINGS:
        add(
            f"--{name.replace('_', '-')}",
            default=argparse.SUPPRESS,
            metavar="VALUE",
            help=Settings.model_fields[name].description,
        )
    return parser


Number = TypeVar("Number", int, float)


def _between(kind: Callable[[str], Number], least: int, most: int) -> Callable[[str], Number]:
    def parse(text: str) -> Number:
        try:
            value = kind(text)
        except ValueError:
            value = kind("-1")
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least} and {most}")
        return value

    return parse
