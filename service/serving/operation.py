"""An operation: a transformation with the network that does it and what the network is given."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from service.images.formats import ImageFormat
from service.models import rows
from service.models.catalog import Catalog, Model, Style
from service.models.rows import OWN_STROKE, Row, Rows
from service.problems import MalformedRequest
from service.serving.transformation import Stylization, Transformation, Upscaling


@dataclass(frozen=True, eq=False)
class Operation:
    """What one request, or one folder command, does to pictures."""

    name: str
    """Of what was asked for: a style, or an upscaler."""
    model: Model
    transformation: Transformation
    row: Row | None = None
    """How a Painter paints, all blending and scaling done; None for other networks."""

    @property
    def inputs(self) -> Mapping[str, NDArray[np.float32] | np.float32]:
        """The graph's inputs besides the image."""
        row = {} if self.row is None else {"style": self.row}
        return {**self.transformation.inputs, **row}

    def answered_in(self, format: ImageFormat | None) -> "Operation":
        """The same with results in another format, where none was asked for."""
        if self.transformation.format is not None:
            return self
        changed = self.transformation.model_copy(update={"format": format})
        return replace(self, transformation=changed)

    def fingerprint(self, body: bytes) -> str:
        """SHA-256 (hex) of all that the result depends on; the same for a default given or not."""
        parameters = self.transformation.model_dump_json(exclude_defaults=True)
        row = "" if self.row is None else f" {hashlib.sha256(self.row.tobytes()).hexdigest()}"
        sha = hashlib.sha256(f"{self.model.digest} {parameters}{row}\n".encode())
        sha.update(body)
        return sha.hexdigest()


def upscaling(catalog: Catalog, transformation: Upscaling) -> Operation:
    """Raises UnknownModel if no network enlarges so."""
    model = catalog.upscaler(transformation.factor, transformation.objective)
    return Operation(model.name, model, transformation)


def stylizing(catalog: Catalog, style: Style, transformation: Stylization) -> Operation:
    """Raises UnknownModel if a style of the blend is not there, and MalformedRequest if the style
    does not blend with it, or has no strokes of the size."""
    if style.rows is not None:
        row = _row(catalog, style, style.rows, transformation)
        return Operation(style.name, style.model, transformation, row)
    if transformation.blend is not None or transformation.stroke != OWN_STROKE:
        raise MalformedRequest(
            f"The style {style.name!r} is a network of its own: "
            "it neither blends nor has stroke sizes."
        )
    return Operation(style.name, style.model, transformation)


def _row(catalog: Catalog, style: Style, own: Rows, transformation: Stylization) -> Row:
    smallest, largest = own.strokes
    if not smallest <= transformation.stroke <= largest:
        raise MalformedRequest(f"The style {style.name!r} has one stroke size.")
    if transformation.blend is None:
        return rows.mixed([(own, 1.0)], transformation.stroke)
    parts = [(own, float(transformation.blend.rest))]
    for name, weight in transformation.blend.weights.items():
        if name == style.name:
            raise MalformedRequest(
                f"The style {name!r} is not blended in: it has the rest of the weight."
            )
        other = catalog.style(name)
        if other.rows is None or other.model is not style.model:
            raise MalformedRequest(
                f"The styles {style.name!r} and {name!r} do not blend: "
                "they are of different networks."
            )
        parts.append((other.rows, float(weight)))
    return rows.mixed(parts, transformation.stroke)
