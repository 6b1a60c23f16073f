"""A request's work as the pipeline sees it: bytes to tensors, and tensors to an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from service.models.catalog import Model
from service.models.runtime import Inputs

Source = TypeVar("Source")
Content = TypeVar("Content")
ContentT_co = TypeVar("ContentT_co", covariant=True)


class Job(Protocol[Source, ContentT_co]):
    """``decode`` and ``encode`` are called in codec threads, and may raise Problems."""

    @property
    def name(self) -> str:
        """What the client asked for: a style, which may share its model, or the model."""

    @property
    def model(self) -> Model: ...

    @property
    def deadline(self) -> float | None:
        """When the answer stops being of use, in the event loop's time."""

    def decode(self) -> tuple[Source, Sequence[Inputs]]:
        """Images of one shape with their other inputs, and what ``encode`` needs besides."""

    def encode(self, source: Source, outputs: Sequence[NDArray[np.uint8]]) -> ContentT_co:
        """The answer, of the model's outputs in order."""


@dataclass(frozen=True)
class Answer(Generic[Content]):
    """A job's answer, with the batch and the time that it took."""

    content: Content
    batch_size: int
    """Images or tiles in its batch; of several batches, in the largest."""
    durations: Mapping[str, float]
    """Seconds of wall time in decode, queue, infer and encode, one after the other. Several images
    or tiles are in infer while any of them runs, and in queue until the next one does."""
