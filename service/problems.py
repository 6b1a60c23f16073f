"""Every error the service can answer, drawn once, as RFC 9457 problem details.

    Problem
    ├── MalformedRequest      400
    ├── UnknownModel          404
    ├── BodyTooLarge          413
    ├── UnsupportedImage      415
    ├── BrokenImage           422
    ├── ImageSizeOutOfRange   422
    ├── QueueFull             429  Retry-After
    ├── ClientLeft            499  logged, nobody reads it
    ├── NotReady              503  Retry-After
    ├── OutOfMemory           503  Retry-After
    └── DeadlinePassed        504
"""

from typing import ClassVar


class Problem(Exception):
    """``detail`` is one sentence for the person who sent the request."""

    status: ClassVar[int]
    title: ClassVar[str]

    def __init__(self, detail: str, *, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after
        """Whole seconds after which trying again is worthwhile."""

    @property
    def type(self) -> str:
        return "/problems/" + self.title.lower().replace(" ", "-")


class MalformedRequest(Problem):
    status, title = 400, "Malformed request"


class UnknownModel(Problem):
    status, title = 404, "Unknown model"


class BodyTooLarge(Problem):
    status, title = 413, "Body too large"


class UnsupportedImage(Problem):
    status, title = 415, "Unsupported image"


class BrokenImage(Problem):
    status, title = 422, "Broken image"


class ImageSizeOutOfRange(Problem):
    status, title = 422, "Image size out of range"


class QueueFull(Problem):
    status, title = 429, "Queue full"


class ClientLeft(Problem):
    status, title = 499, "Client left"


class NotReady(Problem):
    status, title = 503, "Not ready"


class OutOfMemory(Problem):
    status, title = 503, "Out of memory"


class DeadlinePassed(Problem):
    status, title = 504, "Deadline passed"
