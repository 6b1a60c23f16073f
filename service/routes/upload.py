"""Reads the image of a request: a multipart field, or the body itself."""

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from service.images.formats import MEDIA_TYPES
from service.problems import MalformedRequest, UnsupportedImage

FIELD = "image"

REQUEST_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": [FIELD],
                "properties": {FIELD: {"type": "string", "format": "binary"}},
            }
        },
        "image/*": {"schema": {"type": "string", "format": "binary"}},
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    },
}
"""OpenAPI's description of what ``read_image`` takes."""


class _InMemoryParser(MultiPartParser):
    # The body limit bounds memory; spooling to disk would need a writable one.
    spool_max_size = 1 << 40


async def read_image(request: Request) -> bytes:
    """The bytes of the image. Raises MalformedRequest, UnsupportedImage or BodyTooLarge."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        return await _read_field(request)
    if media_type.startswith("image/") or media_type == "application/octet-stream":
        return await request.body()
    raise UnsupportedImage(
        f"Content-Type {media_type or '(none)'} is not one of multipart/form-data with a field "
        f"{FIELD!r}, {', '.join(MEDIA_TYPES.values())}."
    )


async def _read_field(request: Request) -> bytes:
    try:
        parser = _InMemoryParser(request.headers, request.stream(), max_files=1, max_fields=8)
        form = await parser.parse()
    except MultiPartException as error:
        raise MalformedRequest(f"The multipart body is malformed: {error.message}") from None
    except KeyError:
        raise MalformedRequest("The multipart Content-Type has no boundary.") from None
    try:
        file = form.get(FIELD)
        if not isinstance(file, UploadFile):
            raise MalformedRequest(f"The multipart body has no file in a field {FIELD!r}.")
        return await file.read()
    finally:
        await form.close()
