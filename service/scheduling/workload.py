"""How much work a set of images is, kept as sums: as quick to ask of a thousand as of one."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from service.scheduling.batching import Shape
from service.scheduling.cost_model import CostModel

Model = TypeVar("Model", bound=Hashable)


@dataclass
class _Totals:
    batches: int = 0
    images: int = 0
    pixels: int = 0


class Workload(Generic[Model]):
    def __init__(self, batch_size: Callable[[Shape], int]) -> None:
        self._batch_size = batch_size
        self._images: Counter[tuple[Model, Shape]] = Counter()
        self._totals: defaultdict[Model, _Totals] = defaultdict(_Totals)
        self.pixels = 0

    def add(self, model: Model, shape: Shape, images: int) -> None:
        """Count these images; a negative number takes so many away."""
        kind = (model, shape)
        size, before = self._batch_size(shape), self._images[kind]
        after = before + images
        pixels = images * math.prod(shape)
        totals = self._totals[model]
        totals.batches += math.ceil(after / size) - math.ceil(before / size)
        totals.images += images
        totals.pixels += pixels
        self.pixels += pixels
        if after:
            self._images[kind] = after
        else:
            del self._images[kind]  # there is no end of shapes
        if not totals.images:
            del self._totals[model]  # nor of models, which are replaced

    def seconds(self, cost: Callable[[Model], CostModel]) -> float:
        """Predicted on the device, in full batches."""
        return sum(
            cost(model).seconds(totals.images, totals.pixels, totals.batches)
            # A copy, since metrics are read in a thread of their own.
            for model, totals in tuple(self._totals.items())
        )
