"""Hot reload: reads the model store again when asked to, and when its files have changed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import chain
from pathlib import Path

log = logging.getLogger(__name__)

Fingerprint = frozenset[tuple[str, int, int, int]]
_UNSEEN: Fingerprint = frozenset()


class Reloading:
    """Checks the store's files every ``poll_seconds``; 0 is never."""

    def __init__(self, store: Path, poll_seconds: float) -> None:
        self._store = store
        self._poll_seconds = poll_seconds
        self._asked = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def ask(self) -> None:
        """Ask for a reload, from a signal handler or any thread; before ``run``, for its start."""
        if self._loop is None:
            self._asked.set()
        else:
            self._loop.call_soon_threadsafe(self._asked.set)

    async def run(self, reload: Callable[[], Awaitable[None]]) -> None:
        """Calls ``reload`` when asked to and after changes; does not return."""
        self._loop = asyncio.get_running_loop()
        known = await self._fingerprint()
        while True:
            await self._until_asked_or_changed(known)
            self._asked.clear()
            known = await self._fingerprint()  # before: what changes meanwhile is seen next time
            try:
                await reload()
            except Exception:
                log.exception("the model store was not read")

    async def _until_asked_or_changed(self, known: Fingerprint) -> None:
        last = known
        while True:
            try:
                async with asyncio.timeout(self._poll_seconds or None):
                    await self._asked.wait()
                return
            except TimeoutError:
                now = await self._fingerprint()
            # Twice the same: files that are still being copied are left until they are whole.
            if now == last != known:
                return
            last = now

    async def _fingerprint(self) -> Fingerprint:
        return await asyncio.to_thread(fingerprint, self._store) if self._poll_seconds else _UNSEEN


def fingerprint(store: Path) -> Fingerprint:
    """Path, inode, size and modification time of every file of the store's versions."""
    found = set()
    for file in chain(store.glob("*/*/*"), store.glob("*/*/styles/*/*")):
        with suppress(FileNotFoundError):  # it was moved or removed meanwhile
            status = file.stat()
            found.add((str(file), status.st_ino, status.st_size, status.st_mtime_ns))
    return frozenset(found)
