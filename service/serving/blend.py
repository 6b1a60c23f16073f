"""Blends: which share of a picture's style is other styles', written NAME:WEIGHT[,NAME:WEIGHT]."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

MAX_STYLES = 8

_WEIGHT = r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?|\.[0-9]{1,9})"
_ENTRY = rf"[^:,]+:{_WEIGHT}"
PATTERN = rf"^{_ENTRY}(?:,{_ENTRY}){{0,{MAX_STYLES - 1}}}$"


class Shares:
    """Weights by style, each above 0 and together at most 1; equal however they were written."""

    def __init__(self, text: str) -> None:
        """Raises ValueError that says what is wrong."""
        weights: dict[str, Decimal] = {}
        for entry in text.split(","):
            name, colon, weight = entry.rpartition(":")
            if not (colon and name and re.fullmatch(_WEIGHT, weight) and Decimal(weight)):
                raise ValueError(f"{entry!r} is not NAME:WEIGHT with a decimal weight above 0")
            if name in weights:
                raise ValueError(f"{name!r} is in it twice")
            weights[name] = Decimal(weight)
        if len(weights) > MAX_STYLES:
            raise ValueError(f"{len(weights)} styles; at most {MAX_STYLES} are blended in")
        # Exactly, as decimals are written: 0.1, 0.2 and 0.7 are 1, which floats may not say.
        if sum(weights.values()) > 1:
            raise ValueError(f"the weights sum to {sum(weights.values())}, which is more than 1")
        self.weights: Mapping[str, Decimal] = dict(sorted(weights.items()))

    @property
    def rest(self) -> Decimal:
        """The share that is left for the picture's own style."""
        return 1 - sum(self.weights.values(), Decimal(0))

    def __str__(self) -> str:
        """In order of names, without superfluous digits."""
        weights = self.weights.items()
        return ",".join(f"{name}:{format(weight.normalize(), 'f')}" for name, weight in weights)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shares) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


def _shares(given: str | Shares) -> Shares:
    if isinstance(given, Shares):
        return given
    try:
        return Shares(given)
    except ValueError as error:
        raise PydanticCustomError("blend", "{reason}", {"reason": str(error)}) from error


Blend = Annotated[
    Shares,
    PlainValidator(_shares, json_schema_input_type=str),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": PATTERN}),
]
"""A blend as a parameter, which is text outside of the service."""
