"""The cost model: seconds that a batch of one model takes, learned from the batches that ran.

Seconds = a * batches + b * images + c * pixels, none of them negative: a is what a batch takes
however little is in it, and so what each image saves that rides along with another.

The fit is to the last batches only, so that it follows a device that slows down, and to relative
errors, so that the small images count as well as the large. Errors beyond a tenth weigh in by
their size, not its square (Huber), by iteratively reweighted least squares: one slow batch leaves
no trace. Where the batches allow several explanations, the one by pixels is taken before the one
by images, and what a batch takes by itself comes last: what was not seen to save time does not.
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray

WINDOW = 256
"""Batches that are remembered: half of them have to say otherwise for the fit to turn around."""

_STEADY, _EVERY = WINDOW // 4, 8
"""Once so many batches have been seen, the next few change little: clients wait while it fits."""
_LARGE_ERROR = 0.1
_REWEIGHTINGS = 3
_TICK = 1e-6  # seconds; no batch takes less, whatever the clock says
# Per explained share of the seconds, small beside any evidence; the second makes solutions unique.
_RELUCTANCE = np.array([2e-5, 1e-5, 0.0])
_RIDGE = 1e-8 * np.eye(3)
_CHOICES = np.array(list(product((0.0, 1.0), repeat=3)))  # which coefficients are not zero

Vector = NDArray[np.float64]


class CostModel:
    """Predicts the seconds of batches of one model; ``learn`` fits it to those that ran."""

    def __init__(self) -> None:
        self._work = np.ones((WINDOW, 3))  # batches (always 1), images, pixels
        self._seconds = np.ones(WINDOW)
        self._learned = 0
        self._coefficients = (0.0, 0.0, 0.0)

    def learn(self, images: int, pixels: int, seconds: float) -> None:
        """Take a batch that has run into account."""
        place = self._learned % WINDOW
        self._work[place] = 1, images, pixels
        self._seconds[place] = max(seconds, _TICK)
        self._learned += 1
        if self._learned <= _STEADY or self._learned % _EVERY == 0:
            self._fit()

    def seconds(self, images: int, pixels: int, batches: int = 1) -> float:
        """Predicted for so much work; 0 while nothing has been learned."""
        a, b, c = self._coefficients
        return a * batches + b * images + c * pixels

    @property
    def saved_by_joining(self) -> float:
        """Seconds that an image saves by joining a batch rather than running in its own."""
        return self._coefficients[0]

    def gain(self, images: int, pixels: int) -> float:
        """The share of an image's time that a batch of ``images``, of ``pixels`` each, saves."""
        alone = self.seconds(1, pixels)
        if alone == 0:
            return 0.0
        return 1 - self.seconds(images, images * pixels) / (images * alone)

    @property
    def batch_sizes(self) -> tuple[int, int]:
        """The smallest and the largest of the batches remembered; 0 while there are none."""
        images = self._work[: self._learned, 1]
        return (int(images.min()), int(images.max())) if self._learned else (0, 0)

    def _fit(self) -> None:
        # Shares of each batch's seconds, then of the mean of all: all columns get the same scale.
        per_second = self._work[: self._learned] / self._seconds[: self._learned, None]
        scale = per_second.mean(axis=0)
        shares = per_second / scale
        solution = np.array(self._coefficients) * scale
        for _ in range(_REWEIGHTINGS):
            errors = np.abs(1 - shares @ solution)
            weights = 1 / np.maximum(errors, _LARGE_ERROR)
            weighted = shares * (weights / weights.sum())[:, None]
            solution = _non_negative_solution(
                weighted.T @ shares + _RIDGE, weighted.sum(axis=0) - _RELUCTANCE
            )
        a, b, c = (solution / scale).tolist()
        self._coefficients = a, b, c


def _non_negative_solution(gram: NDArray[np.float64], moment: Vector) -> Vector:
    """The x >= 0 that minimises x @ gram @ x / 2 - moment @ x, for three unknowns.

    Three have eight choices of which are zero; solving for all at once beats any search.
    """
    rows, columns = _CHOICES[:, :, None], _CHOICES[:, None, :]
    systems = gram * rows * columns + np.eye(3) * (1 - rows)
    candidates = np.linalg.solve(systems, (moment * _CHOICES)[:, :, None])[:, :, 0]
    losses = ((candidates @ gram / 2 - moment) * candidates).sum(axis=1)
    losses[(candidates < 0).any(axis=1)] = np.inf
    best: Vector = candidates[losses.argmin()]
    return best
