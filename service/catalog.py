"""Reads the model store: which models there are, in which version, and what their cards say.

The layout is Triton's model repository: <model>/<version>/model.onnx, where the highest version
number is served, with our <model>/card.json and <model>/preview.jpg beside the versions.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from service.problems import UnknownModel
from service.tiling import MAX_MARGIN

Kind = Literal["stylize", "upscale"]
Objective = Literal["feature", "pixel"]


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
    file: Path
    digest: str
    """SHA-256 of the ONNX file, hex."""
    card: Card
    preview: Path | None

    def described(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "version": self.version,
            "digest": f"sha256:{self.digest}",
            **self.card.model_dump(),
        }


class BrokenStore(Exception):
    """The store cannot be served; the text names the file and what is wrong with it."""


@dataclass(frozen=True)
class Catalog:
    """The models of a store at one moment; immutable, so that a reload is one assignment."""

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


def read(store: Path) -> Catalog:
    """Read every model of the store. Raises BrokenStore if one of them cannot be served."""
    if not store.is_dir():
        raise BrokenStore(f"{store}: no such folder")
    folders = sorted(folder for folder in store.iterdir() if (folder / "card.json").is_file())
    if not folders:
        raise BrokenStore(f"{store}: no models (folders with a card.json)")
    return Catalog(MappingProxyType({folder.name: _read_model(folder) for folder in folders}))


def _read_model(folder: Path) -> Model:
    versions = [int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal()]
    if not versions:
        raise BrokenStore(f"{folder}: no version folder")
    file = folder / str(max(versions)) / "model.onnx"
    try:
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        card = _CARD.validate_json((folder / "card.json").read_bytes())
    except OSError as error:
        raise BrokenStore(f"{error.filename}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise BrokenStore(f"{folder / 'card.json'}: {first['loc']}: {first['msg']}") from error
    preview = folder / "preview.jpg"
    return Model(
        name=folder.name,
        version=max(versions),
        file=file,
        digest=digest,
        card=card,
        preview=preview if preview.is_file() else None,
    )
