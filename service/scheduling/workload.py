"""The predicted work of a set of images, kept as sums: its cost is known in constant time."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from service.scheduling.batching import Shape
from service.scheduling.cost_model import CostModel

ModelT = TypeVar("ModelT", bound=Hashable)


@dataclass
class _Totals:
    batches: int = 0
    images: int = 0
    pixels: int = 0


class Workload(Generic[ModelT]):
    """Images by model and shape; ``batch_size`` says how many of a shape share a batch."""

    def __init__(self, batch_size: Callable[[Shape], int]) -> None:
        self._batch_size = batch_size
        self._images: Counter[tuple[ModelT, Shape]] = Counter()
        self._totals: defaultdict[ModelT, _Totals] = defaultdict(_Totals)
        self.pixels = 0

    def add(self, model: ModelT, shape: Shape, images: int) -> None:
        """Add images; a negative number removes them."""
        key = (model, shape)
        size, before = self._batch_size(shape), self._images[key]
        after = before + images
        pixels = images * math.prod(shape)
        totals = self._totals[model]
        totals.batches += math.ceil(after / size) - math.ceil(before / size)
        totals.images += images
        totals.pixels += pixels
        self.pixels += pixels
        if after:
            self._images[key] = after
        else:
            del self._images[key]  # shapes are unbounded
        if not totals.images:
            del self._totals[model]  # and so are models, which are replaced

    def seconds(self, cost: Callable[[ModelT], CostModel]) -> float:
        """Predicted device seconds, in full batches."""
        return sum(
            cost(model).seconds(totals.images, totals.pixels, totals.batches)
            # A copy, since metrics are read in a thread of their own.
            for model, totals in tuple(self._totals.items())
        )
