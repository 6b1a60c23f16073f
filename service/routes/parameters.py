"""Query parameters that all transformations share."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query

from service.images.codec import ImageFormat


@dataclass(frozen=True)
class Output:
    """How the answer is encoded."""

    format: ImageFormat | None
    quality: int


# async, as all dependencies here: FastAPI sends others to a thread, and the request waits for it.
async def _output(
    format: Annotated[
        ImageFormat | None,
        Query(description="format of the answer; else the Accept header decides, else the input's"),
    ] = None,
    quality: Annotated[int, Query(ge=1, le=100, description="of jpeg, webp and avif")] = 90,
) -> Output:
    return Output(format, quality)


OutputQuery = Annotated[Output, Depends(_output)]
