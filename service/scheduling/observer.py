"""The scheduler's observer, by which its work is measured."""

from collections.abc import Hashable
from typing import Generic, Literal, TypeVar

ModelT = TypeVar("ModelT", bound=Hashable)

DepartureStage = Literal["queued", "running"]
DepartureReason = Literal["cancelled", "deadline"]


class Observer(Generic[ModelT]):
    """Is called between batches, so it has to be quick. This one does nothing."""

    def ran(
        self, model: ModelT, images: int, pixels: int, seconds: float, predicted: float
    ) -> None:
        """A batch has run in ``seconds`` of the device; ``predicted`` is 0 for a model's first."""

    def left(
        self, model: ModelT, stage: DepartureStage, reason: DepartureReason, saved: float
    ) -> None:
        """Admitted work was abandoned, which saves ``saved`` device seconds."""
