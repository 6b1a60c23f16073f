"""Loads models of the store into the runtime: at start, and by hot reload."""

import asyncio
import logging
import weakref
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from service.models import catalog, golden
from service.models.catalog import BrokenStore, Catalog, Model
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
        models: dict[str, Model] = {}
        for folder in folders:
            renewed = await self._renewed(folder, served.models.get(folder.name))
            if renewed is not None:
                models[folder.name] = renewed
        # Nothing is awaited from here on: the metrics change together with the catalog.
        for name, before in served.models.items():
            if models.get(name) is not before:
                self._retire(before)
                if name not in models:
                    log.info("model %s is removed", name)
                    self._metrics.reloads.labels(name, "removed").inc()
        for name, model in models.items():
            if served.models.get(name) is not model:
                log.info("model %s is served in version %d %s", name, model.version, model.digest)
                self._metrics.serves(model, self._runtime.provider)
                self._metrics.reloads.labels(name, "loaded").inc()
        return Catalog(MappingProxyType(models))

    async def _renewed(self, folder: Path, before: Model | None) -> Model | None:
        try:
            precision = self._runtime.precision
            model = await asyncio.to_thread(catalog.read_model, folder, precision)
            if before is not None and model.same_as(before):
                return before
            await self.load(model)
        except Exception as error:  # whatever is wrong with it, what was served goes on
            instead = "is not served" if before is None else f"stays at version {before.version}"
            log.error("model %s %s: %s", folder.name, instead, error)
            self._metrics.reloads.labels(folder.name, "refused").inc()
            return before
        return model

    def _retire(self, model: Model) -> None:
        self._metrics.serves_no_more(model, self._runtime.provider)
        text = "model %s version %d %s: its last request is done"
        done = weakref.finalize(model, log.info, text, model.name, model.version, model.digest)
        done.atexit = False

    @staticmethod
    async def _on(executor: Executor, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(executor, function)
