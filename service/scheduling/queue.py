"""The requests that wait for the device, in the order in which they came."""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from service.scheduling.admission import Admission
from service.scheduling.batching import Shape

Model = TypeVar("Model", bound=Hashable)
Payload = TypeVar("Payload")
Outcome = TypeVar("Outcome")


@dataclass(eq=False)
class Request(Generic[Model, Payload, Outcome]):
    """One image of what was admitted."""

    admission: Admission[Model]
    payload: Payload
    arrived: float
    completed: asyncio.Future[Outcome]


class Waiting(Generic[Model, Payload, Outcome]):
    """A queue that the oldest leave first, together with others alike, and any at any time.

    Alike are requests of the same model and shape. One whose future is done has been left by its
    client a moment ago: it is passed over, and taken out by the client's own task.
    """

    def __init__(self) -> None:
        # Not dict: that finds its first key ever more slowly while the first ones are deleted.
        self._all: OrderedDict[Request[Model, Payload, Outcome], None] = OrderedDict()
        self._alike: dict[
            tuple[Model, Shape], OrderedDict[Request[Model, Payload, Outcome], None]
        ] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, request: Request[Model, Payload, Outcome]) -> bool:
        return request in self._all

    @property
    def kinds(self) -> int:
        """Different models and shapes."""
        return len(self._alike)

    def add(self, request: Request[Model, Payload, Outcome]) -> None:
        self._all[request] = None
        self._alike.setdefault(request.admission.kind, OrderedDict())[request] = None

    def remove(self, request: Request[Model, Payload, Outcome]) -> None:
        kind = request.admission.kind
        del self._all[request]
        del self._alike[kind][request]
        if not self._alike[kind]:
            del self._alike[kind]

    def oldest(self) -> Request[Model, Payload, Outcome] | None:
        return next((request for request in self._all if not request.completed.done()), None)

    def alike(self, request: Request[Model, Payload, Outcome]) -> int:
        """How many there are of this one's model and shape."""
        return len(self._alike[request.admission.kind])

    def take(
        self, oldest: Request[Model, Payload, Outcome], images: int
    ) -> list[Request[Model, Payload, Outcome]]:
        """Take out so many of the model and shape of ``oldest``, or all that there are."""
        alike = self._alike[oldest.admission.kind]
        taken = list(islice((r for r in alike if not r.completed.done()), images))
        for request in taken:
            self.remove(request)
        return taken
