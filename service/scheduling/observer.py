"""What the scheduler tells of its work to those who measure it."""

from collections.abc import Hashable
from typing import Generic, Literal, TypeVar

Model = TypeVar("Model", bound=Hashable)

Stage = Literal["queued", "running"]
Cause = Literal["cancelled", "deadline"]


class Observer(Generic[Model]):
    """Has to be quick, for the device waits meanwhile. This one ignores what it is told."""

    def ran(self, model: Model, images: int, pixels: int, seconds: float, predicted: float) -> None:
        """A batch has run, in seconds of the device; none are predicted for a model's first."""

    def left(self, model: Model, stage: Stage, cause: Cause, saved: float) -> None:
        """Admitted work ended before its result; the device is spared ``saved`` seconds."""
