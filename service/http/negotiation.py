"""Content negotiation by the Accept header, and deadlines by the Prefer header."""

import math

from service.images.formats import MEDIA_TYPES, ImageFormat
from service.problems import MalformedRequest


def accepted_format(accept: str | None) -> ImageFormat | None:
    """The image format that an Accept header (RFC 9110, section 12.5.1) names with most weight.

    None if it names none of ours, or weighs a wildcard at least as high: any will do then.
    """
    formats = {media_type: name for name, media_type in MEDIA_TYPES.items()}
    best: ImageFormat | None = None
    best_weight = 0.0
    wildcard_weight = 0.0
    for entry in (accept or "").split(","):
        media_type, *parameters = (part.strip().lower() for part in entry.split(";"))
        weight = _weight(parameters)
        if media_type in ("*/*", "image/*"):
            wildcard_weight = max(wildcard_weight, weight)
        elif media_type in formats and weight > best_weight:
            best, best_weight = formats[media_type], weight
    return best if best_weight > wildcard_weight else None


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def wait_seconds(prefer: str | None) -> float | None:
    """The seconds of ``Prefer: wait=SECONDS`` (RFC 7240, section 4.3), or None without it.

    Raises MalformedRequest if the value is not a number of seconds.
    """
    for preference in (prefer or "").replace(";", ",").split(","):
        name, _, value = preference.partition("=")
        if name.strip().lower() == "wait":
            try:
                seconds = float(value.strip().strip('"'))
            except ValueError:
                seconds = math.nan
            if not 0 <= seconds < math.inf:
                raise MalformedRequest(f"Prefer: wait={value.strip()} is not a number of seconds.")
            return seconds
    return None
