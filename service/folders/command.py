"""python -m service stylize|upscale FILES AND FOLDERS --out FOLDER: without HTTP."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from service.folders import options as command_line
from service.folders.journal import Journal
from service.folders.plan import Plan, Unplannable, plan
from service.folders.run import CannotWrite, Report, run
from service.models.catalog import Catalog
from service.observability.metrics import Metrics
from service.serving.operation import Operation, stylizing, upscaling
from service.serving.pipeline import Pipeline
from service.serving.transformation import Stylization, Transformation, Upscaling

COMMANDS = tuple(command_line.TRANSFORMATIONS)


def main(arguments: Sequence[str]) -> int:
    """Returns 0, 1 if files could not be read, 130 if interrupted.

    ``arguments`` begin with one of COMMANDS. Raises SystemExit(2) for invalid options, pydantic's
    ValidationError for invalid settings, Unplannable, CannotWrite, UnknownModel, MalformedRequest,
    BrokenStore or RuntimeUnavailable.
    """
    options = command_line.parser(arguments[0]).parse_args(arguments[1:])
    transformation = command_line.transformation(options)
    # At most at_once pictures are in work, so that none is ever refused.
    settings = command_line.settings(options, max_queue_pixels=sys.maxsize)
    planned = plan(options.inputs, options.out, transformation.format)
    try:
        journal = Journal(options.out)
    except OSError as error:
        raise CannotWrite(f"{error.filename}: {error.strerror}") from error
    if not options.overwrite:
        _keep_others(planned, journal)
    pipeline = Pipeline(settings, Metrics())
    operation = _operation(options, transformation, pipeline.catalog)
    report = asyncio.run(_run(planned, operation, pipeline, journal, options))
    return _say(planned, report, options)


async def _run(
    planned: Plan,
    operation: Operation,
    pipeline: Pipeline,
    journal: Journal,
    options: argparse.Namespace,
) -> Report:
    settings = pipeline.settings
    # Tiles of one image fill batches, and enlarged pictures are large: one on the device will do.
    batch = 1 if options.command == "upscale" else settings.max_batch_size
    await pipeline.start([operation.model])
    try:
        return await run(
            planned.items,
            operation,
            pipeline,
            journal,
            overwrite=options.overwrite,
            at_once=batch + settings.codec_threads,
        )
    finally:
        await pipeline.drain()


def _keep_others(planned: Plan, journal: Journal) -> None:
    """Raises Unplannable if a picture would replace a file that no run made."""
    others = [
        item.output
        for item in planned.items
        if item.output.exists() and not journal.knows(item.output)
    ]
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        raise Unplannable(f"{others[0]}{more} would be replaced; --overwrite does so")


def _operation(
    options: argparse.Namespace, transformation: Transformation, catalog: Catalog
) -> Operation:
    if isinstance(transformation, Stylization):
        return stylizing(catalog, catalog.style(options.style), transformation)
    assert isinstance(transformation, Upscaling)
    return upscaling(catalog, transformation)


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
