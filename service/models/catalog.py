"""The catalog of models, read from the model store.

The layout is Triton's model repository: <model>/<version>/model.onnx, where the highest version
number is served. A version's folder holds all that belongs to it (our card.json, preview.jpg and
golden output too), so that one rename puts a new version into its place. Beside it may lie the same
network in float16, model.float16.onnx, for GPUs, and in 8-bit integers, model.int8.onnx, for CPUs.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from service.images.tiling import MAX_MARGIN
from service.problems import UnknownModel

Kind = Literal["stylize", "upscale"]
Objective = Literal["feature", "pixel"]
Precision = Literal["float32", "float16", "int8"]

_FILES: Mapping[Precision, str] = {
    "float32": "model.onnx",
    "float16": "model.float16.onnx",
    "int8": "model.int8.onnx",
}


class _Card(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    title: str
    licence: str
    created: str


class StyleCard(_Card):
    kind: Literal["stylize"]
    factor: int = 1


class UpscaleCard(_Card):
    kind: Literal["upscale"]
    factor: int = Field(ge=2)
    objective: Objective
    """What the network was trained for: likeness to VGG's features, or to pixels."""
    receptive_field: int = Field(ge=0, le=MAX_MARGIN)
    """How many input pixels away, in each direction, an output pixel can depend on."""


Card = Annotated[StyleCard | UpscaleCard, Field(discriminator="kind")]
"""What a model says of itself. Fields beyond these are passed on as they are."""
_CARD: TypeAdapter[StyleCard | UpscaleCard] = TypeAdapter(Card)


@dataclass(frozen=True, eq=False)
class Model:
    """One version of one model; equal only to itself, so it can be a key."""

    name: str
    version: int
    precision: Precision
    """Of the file; other files of the version may compute the same otherwise."""
    file: Path
    digest: str
    """SHA-256 of the ONNX file, hex."""
    card: Card
    preview: Path | None

    @property
    def golden(self) -> Path:
        """The file of the golden output: model.golden.npz for model.onnx."""
        return self.file.with_suffix(".golden.npz")

    def same_as(self, other: "Model") -> bool:
        """Whether the store did not change between the reading of both."""
        return all(
            getattr(self, field) == getattr(other, field)
            for field in ("name", "version", "digest", "card", "preview")
        )

    def described(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "version": self.version,
            "precision": self.precision,
            "digest": f"sha256:{self.digest}",
            **self.card.model_dump(),
        }


class BrokenStore(Exception):
    """The store cannot be served; the text names the file and what is wrong with it."""


@dataclass(frozen=True)
class Catalog:
    """The models of a store; immutable, so that a hot reload is one assignment."""

    models: Mapping[str, Model]

    def get(self, name: str, kind: Kind | None = None) -> Model:
        """The model of this name; raises UnknownModel naming those there are of its kind."""
        known = {n: model for n, model in self.models.items() if kind in (None, model.card.kind)}
        if name not in known:
            listed = ", ".join(known) or "none"
            raise UnknownModel(f"There is no {kind or ''} model {name!r}; there are: {listed}.")
        return known[name]

    def upscaler(self, factor: int, objective: Objective) -> Model:
        """The model that enlarges this many times; raises UnknownModel naming those there are."""
        known: dict[int, list[Objective]] = {}
        for model in self.models.values():
            if isinstance(model.card, UpscaleCard):
                if (model.card.factor, model.card.objective) == (factor, objective):
                    return model
                known.setdefault(model.card.factor, []).append(model.card.objective)
        listed = "; ".join(f"{n} with model {' or '.join(known[n])}" for n in sorted(known))
        raise UnknownModel(
            f"There is no model {objective!r} of factor {factor}; "
            f"there are factors: {listed or 'none'}."
        )


def read(store: Path, precision: Precision = "float32") -> Catalog:
    """Read every model of the store. Raises BrokenStore if one of them cannot be served."""
    models = [read_model(folder, precision) for folder in folders(store)]
    return Catalog(MappingProxyType({model.name: model for model in models}))


def folders(store: Path) -> list[Path]:
    """The models' folders. Raises BrokenStore if there are none."""
    if not store.is_dir():
        raise BrokenStore(f"{store}: no such folder")
    try:
        found = sorted(entry for entry in store.iterdir() if _versions(entry))
    except OSError as error:
        raise BrokenStore(f"{error.filename}: {error.strerror}") from error
    if not found:
        raise BrokenStore(f"{store}: no models (folders with numbered versions)")
    return found


def read_model(folder: Path, precision: Precision = "float32") -> Model:
    """A model in its highest version, in float32 if it is not there in the precision asked for.

    Raises BrokenStore if the version lacks anything.
    """
    version, newest = max(_versions(folder).items())
    if not (newest / _FILES[precision]).is_file():
        precision = "float32"
    file, card, preview = newest / _FILES[precision], newest / "card.json", newest / "preview.jpg"
    try:
        model = Model(
            name=folder.name,
            version=version,
            precision=precision,
            file=file,
            digest=hashlib.sha256(file.read_bytes()).hexdigest(),
            card=_CARD.validate_json(card.read_bytes()),
            preview=preview if preview.is_file() else None,
        )
        model.golden.stat()
    except OSError as error:
        raise BrokenStore(f"{error.filename}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise BrokenStore(f"{card}: {first['loc']}: {first['msg']}") from error
    return model


def _versions(folder: Path) -> dict[int, Path]:
    if folder.name.startswith(".") or not folder.is_dir():
        return {}
    return {int(entry.name): entry for entry in folder.iterdir() if entry.name.isdecimal()}
