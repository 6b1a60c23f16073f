"""Loads models of the store into the runtime: at start, and by hot reload."""

import asyncio
import logging
import weakref
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import TypeVar

from service.models import catalog, golden
from service.models.cards import PainterCard
from service.models.catalog import BrokenStore, Catalog, Model, Stored
from service.models.runtime import Runtime, RuntimeUnavailable
from service.observability.metrics import Metrics

log = logging.getLogger(__name__)

T = TypeVar("T")


class Loader:
    """Loads on two executors: ``device`` runs networks; ``opener`` opens sessions, whose threads
    inherit its priority."""

    def __init__(
        self, store: Path, runtime: Runtime, metrics: Metrics, device: Executor, opener: Executor
    ) -> None:
        self._store = store
        self._runtime = runtime
        self._metrics = metrics
        self._device = device
        self._opener = opener

    async def load(self, model: Model) -> None:
        """Open a session, warm it and compare with the golden output.

        The session is opened while the device's threads go on with their batches; what has to run
        there takes no longer than a batch. Raises BrokenStore or RuntimeUnavailable.
        """
        expected = await asyncio.to_thread(golden.read, model.golden)
        await self._on(self._opener, lambda: self._runtime.open(model))
        await self._on(self._device, lambda: self._runtime.warm_up(model))
        try:
            outputs = await self._on(
                self._device, lambda: self._runtime.run(model, expected.images)
            )
        except Exception as error:  # as in Runtime.run
            raise RuntimeUnavailable(f"{model.golden}: {error}") from error
        golden.check(model, outputs, expected.output)

    def check_rows(self, stored: Stored) -> None:
        """Raises BrokenStore unless a loaded Painter takes the rows of its styles."""
        if not isinstance(stored.model.card, PainterCard):
            return
        width = self._runtime.row_width(stored.model)
        for style in stored.styles.values():
            if style.rows is not None and style.rows.width != width:
                raise BrokenStore(
                    f"{style.rows.file}: rows of {style.rows.width} numbers; "
                    f"{stored.model.file} takes {width}"
                )

    async def renewed(self, served: Catalog) -> Catalog:
        """The catalog that the store holds now, loaded; a broken model stays as it was.

        A model that is no longer served keeps its session while a request uses it.
        """
        try:
            folders = await asyncio.to_thread(catalog.folders, self._store)
        except BrokenStore as error:
            log.error("the models stay as they are: %s", error)
            self._metrics.reloads.labels("", "refused").inc()
            return served
        names = {folder.name for folder in folders}
        renewed = Catalog(stored for name, stored in served.stored.items() if name in names)
        for folder in folders:
            renewed = await self._with(folder, renewed)
        # Nothing is awaited from here on: the metrics change together with the catalog.
        self._report(served, renewed)
        return renewed

    async def _with(self, folder: Path, served: Catalog) -> Catalog:
        """With what is in this folder now; the same as before if it is broken."""
        before = served.stored.get(folder.name)
        try:
            model = await asyncio.to_thread(catalog.read_model, folder, self._runtime.precision)
            if before is not None and model.same_as(before.model):
                model = before.model
            else:
                await self.load(model)
            styles = await asyncio.to_thread(catalog.read_styles, model)
            stored = Stored(model, styles)
            self.check_rows(stored)
            return Catalog({**served.stored, folder.name: stored}.values())
        except Exception as error:  # whatever is wrong with it, what was served goes on
            instead = (
                "is not served" if before is None else f"stays at version {before.model.version}"
            )
            log.error("model %s %s: %s", folder.name, instead, error)
            self._metrics.reloads.labels(folder.name, "refused").inc()
            return served

    def _report(self, before: Catalog, now: Catalog) -> None:
        for name, model in before.models.items():
            if now.models.get(name) is not model:
                self._retire(model)
                if name not in now.models:
                    log.info("model %s is removed", name)
                    self._metrics.reloads.labels(name, "removed").inc()
        for name, model in now.models.items():
            if before.models.get(name) is not model:
                log.info("model %s is served in version %d %s", name, model.version, model.digest)
                self._metrics.serves(model, self._runtime.provider)
                self._metrics.reloads.labels(name, "loaded").inc()
        gone = [style for name, style in before.styles.items() if name not in now.styles]
        new = [style for name, style in now.styles.items() if before.styles.get(name) != style]
        for outcome, styles in (("removed", gone), ("loaded", new)):
            for style in styles:
                if style.rows is not None:  # else it comes and goes with its network
                    log.info("style %s of %s is %s", style.name, style.model.name, outcome)
                    self._metrics.reloads.labels(style.name, outcome).inc()

    def _retire(self, model: Model) -> None:
        self._metrics.serves_no_more(model, self._runtime.provider)
        text = "model %s version %d %s: its last request is done"
        done = weakref.finalize(model, log.info, text, model.name, model.version, model.digest)
        done.atexit = False

    @staticmethod
    async def _on(executor: Executor, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(executor, function)
