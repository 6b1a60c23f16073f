"""Transforms the files of a plan, several at a time.

Decoding and encoding go on while the network runs, and images of one shape share batches.
"""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from tqdm import tqdm

from service.folders.journal import Journal
from service.folders.plan import Failure, Item
from service.problems import BrokenImage, Problem
from service.serving.image_job import ImageJob
from service.serving.operation import Operation
from service.serving.pipeline import Pipeline

Outcome = Literal["made", "there", "changed"]


class CannotWrite(Exception):
    """A picture cannot be written, which ends the run; the text says which and why."""


@dataclass
class Report:
    made: int = 0
    there: int = 0
    """Made by an earlier run, of the same file in the same way."""
    failures: list[Failure] = field(default_factory=list)
    interrupted: bool = False


async def run(
    items: Sequence[Item],
    operation: Operation,
    pipeline: Pipeline,
    journal: Journal,
    *,
    overwrite: bool,
    at_once: int,
) -> Report:
    """Make what is not there yet, ``at_once`` pictures at a time.

    On SIGINT nothing more is begun, and what is under way is finished; a second one drops that
    too. Raises CannotWrite.
    """
    report = Report()
    remaining = iter(items)
    workers: list[asyncio.Task[None]] = []

    async def work() -> None:
        for item in remaining:
            if report.interrupted:
                return
            try:
                outcome = await _make(item, operation, pipeline, journal, overwrite)
            except Problem as problem:
                report.failures.append(Failure(item.source, problem.detail))
            else:
                report.made += outcome == "made"
                report.there += outcome == "there"
                if outcome == "changed":
                    reason = f"{item.output} was changed since; --overwrite replaces it"
                    report.failures.append(Failure(item.source, reason))
            bar.update()

    def interrupt() -> None:
        if report.interrupted:
            for worker in workers:
                worker.cancel()
        else:
            report.interrupted = True
            bar.write("finishing what is under way; Ctrl-C again drops it", file=sys.stderr)

    with tqdm(total=len(items), unit="image", mininterval=0.5) as bar, _on_sigint(interrupt):
        try:
            async with asyncio.TaskGroup() as group:
                workers += [group.create_task(work()) for _ in range(at_once)]
        except ExceptionGroup as failed:  # the other workers have been cancelled
            raise failed.exceptions[0] from None
    return report


async def _make(
    item: Item,
    operation: Operation,
    pipeline: Pipeline,
    journal: Journal,
    overwrite: bool,
) -> Outcome:
    """Raises Problem if no picture can be made of the file, or CannotWrite."""

    def read() -> tuple[bytes, str, Outcome | None]:
        """The file, its fingerprint, and the outcome if the picture that is there stays."""
        body = item.source.read_bytes()
        fingerprint = operation.fingerprint(body)
        if overwrite or not item.output.exists():
            return body, fingerprint, None
        present = journal.fingerprint(item.output)
        if present is None:
            return body, fingerprint, "changed"
        return body, fingerprint, "there" if present == fingerprint else None

    try:
        body, fingerprint, stays = await asyncio.to_thread(read)
    except OSError as error:
        raise BrokenImage(error.strerror or str(error)) from error
    if stays is not None:
        return stays
    answer = await pipeline.run(ImageJob(operation, body, pipeline.settings))
    try:
        await asyncio.to_thread(journal.write, item.output, answer.content.body, fingerprint)
    except OSError as error:
        raise CannotWrite(f"{item.output}: {error.strerror or error}") from error
    return "made"


@contextmanager
def _on_sigint(interrupt: Callable[[], None]) -> Iterator[None]:
    """Call this in the event loop, which a bare signal handler would not wake."""
    loop = asyncio.get_running_loop()

    def handle(*_: object) -> None:
        loop.call_soon_threadsafe(interrupt)

    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
