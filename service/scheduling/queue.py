"""The queue of requests that wait for the device, in order of arrival."""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from service.scheduling.admission import Admission
from service.scheduling.batching import Shape

ModelT = TypeVar("ModelT", bound=Hashable)
Payload = TypeVar("Payload")
Outcome = TypeVar("Outcome")


@dataclass(eq=False)
class Request(Generic[ModelT, Payload, Outcome]):
    """One image of an admission."""

    admission: Admission[ModelT]
    payload: Payload
    arrived: float
    completed: asyncio.Future[Outcome]


class RequestQueue(Generic[ModelT, Payload, Outcome]):
    """First in, first out, in batches of requests that are alike; any may be removed at any time.

    Alike are requests of the same model and shape. A request whose future is done has just been
    abandoned by its client: it is passed over, and removed by the client's own task.
    """

    def __init__(self) -> None:
        # Not dict: finding its first key gets slower as the first ones are deleted.
        self._all: OrderedDict[Request[ModelT, Payload, Outcome], None] = OrderedDict()
        self._alike: dict[
            tuple[ModelT, Shape], OrderedDict[Request[ModelT, Payload, Outcome], None]
        ] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, request: Request[ModelT, Payload, Outcome]) -> bool:
        return request in self._all

    @property
    def batch_keys(self) -> int:
        """How many different models and shapes wait."""
        return len(self._alike)

    def add(self, request: Request[ModelT, Payload, Outcome]) -> None:
        self._all[request] = None
        self._alike.setdefault(request.admission.batch_key, OrderedDict())[request] = None

    def remove(self, request: Request[ModelT, Payload, Outcome]) -> None:
        key = request.admission.batch_key
        del self._all[request]
        del self._alike[key][request]
        if not self._alike[key]:
            del self._alike[key]

    def oldest(self) -> Request[ModelT, Payload, Outcome] | None:
        return next((request for request in self._all if not request.completed.done()), None)

    def alike(self, request: Request[ModelT, Payload, Outcome]) -> int:
        """How many requests of this one's model and shape wait."""
        return len(self._alike[request.admission.batch_key])

    def take(
        self, oldest: Request[ModelT, Payload, Outcome], images: int
    ) -> list[Request[ModelT, Payload, Outcome]]:
        """Remove and return up to ``images`` requests of the model and shape of ``oldest``."""
        alike = self._alike[oldest.admission.batch_key]
        taken = list(islice((r for r in alike if not r.completed.done()), images))
        for request in taken:
            self.remove(request)
        return taken
