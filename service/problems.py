"""The errors that the service answers, with the HTTP status of each.

Problem
├── MalformedRequest      400
├── Unauthorized          401  WWW-Authenticate
├── UnknownModel          404
├── SlowBody              408
├── BodyTooLarge          413
├── UnsupportedImage      415
├── UnsupportedCoding     415
├── BrokenImage           422
├── ImageSizeOutOfRange   422
├── QueueFull             429  Retry-After
├── DeadlineUnreachable   429  Retry-After
├── LimitExceeded         429  Retry-After
├── HeadTooLarge          431
├── ClientLeft            499  only logged: the client is gone
├── NotReady              503  Retry-After
│   └── Draining          503  Retry-After
├── OutOfMemory           503  Retry-After
├── TooManyBodies         503  Retry-After
├── TooManyConnections    503  Retry-After
└── DeadlinePassed        504
"""

from typing import ClassVar


class Problem(Exception):
    """An error whose ``detail`` is one sentence for the person who sent the request."""

    status: ClassVar[int]
    title: ClassVar[str]

    def __init__(
        self, detail: str, *, retry_after: int | None = None, max_side: int | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after
        """Whole seconds after which trying again is worthwhile."""
        self.max_side = max_side
        """The largest value of the parameter ``max_side`` with which the image is taken."""

    @property
    def type(self) -> str:
        return "/problems/" + self.title.lower().replace(" ", "-")

    @property
    def reason(self) -> str:
        """The label of the metrics."""
        return self.title.lower().replace(" ", "_")


class MalformedRequest(Problem):
    status, title = 400, "Malformed request"


class Unauthorized(Problem):
    status, title = 401, "Unauthorized"


class UnknownModel(Problem):
    status, title = 404, "Unknown model"


class SlowBody(Problem):
    status, title = 408, "Slow body"


class BodyTooLarge(Problem):
    status, title = 413, "Body too large"


class UnsupportedImage(Problem):
    status, title = 415, "Unsupported image"


class UnsupportedCoding(Problem):
    status, title = 415, "Unsupported content coding"


class BrokenImage(Problem):
    status, title = 422, "Broken image"


class ImageSizeOutOfRange(Problem):
    status, title = 422, "Image size out of range"


class QueueFull(Problem):
    status, title = 429, "Queue full"


class DeadlineUnreachable(Problem):
    status, title = 429, "Deadline unreachable"


class LimitExceeded(Problem):
    status, title = 429, "Limit exceeded"


class HeadTooLarge(Problem):
    status, title = 431, "Head too large"


class ClientLeft(Problem):
    status, title = 499, "Client left"


class NotReady(Problem):
    status, title = 503, "Not ready"


class Draining(NotReady):
    title = "Draining"


class OutOfMemory(Problem):
    status, title = 503, "Out of memory"


class TooManyBodies(Problem):
    status, title = 503, "Too many bodies"


class TooManyConnections(Problem):
    status, title = 503, "Too many connections"


class DeadlinePassed(Problem):
    status, title = 504, "Deadline passed"
