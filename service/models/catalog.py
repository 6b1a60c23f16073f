"""The catalog of models and styles, read from the model store.

The layout is Triton's model repository: <model>/<version>/model.onnx, where the highest version
number is served. A version's folder holds all that belongs to it (our card.json, preview.jpg and
golden output too), so that one rename puts a new version into its place. Beside it may lie the same
network in float16, model.float16.onnx, for GPUs, and in 8-bit integers, model.int8.onnx, for CPUs.

A style is what a client asks for by name: either a network of its own, or rows that are given to a
Painter, in styles/<style>/ of the Painter's version.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from service.models import rows
from service.models.cards import MODEL_CARD, Card, Objective, PainterCard, StyleCard, UpscaleCard
from service.models.rows import OWN_STROKE, Rows
from service.problems import UnknownModel

T = TypeVar("T")

Precision = Literal["float32", "float16", "int8"]

_FILES: Mapping[Precision, str] = {
    "float32": "model.onnx",
    "float16": "model.float16.onnx",
    "int8": "model.int8.onnx",
}


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


@dataclass(frozen=True)
class Style:
    """What paints in one style."""

    name: str
    model: Model
    """The network."""
    card: StyleCard
    preview: Path | None
    rows: Rows | None = None
    """What the network is given; None if it is the style's own network, and takes none."""

    def described(self) -> dict[str, Any]:
        ours = {
            "name": self.name,
            "model": self.model.name,
            "version": self.model.version,
            "precision": self.model.precision,
            "digest": f"sha256:{self.model.digest}",
            "blends": self.rows is not None,
            "strokes": list((OWN_STROKE, OWN_STROKE) if self.rows is None else self.rows.strokes),
        }
        return {**ours, **self.card.model_dump(), **ours}


@dataclass(frozen=True, eq=False)
class Stored:
    """What a model's folder holds: a network, and the styles that it paints in."""

    model: Model
    styles: Mapping[str, Style]


class BrokenStore(Exception):
    """The store cannot be served; the text names the file and what is wrong with it."""


class Catalog:
    """The models and styles of a store; never changed, so that a hot reload is one assignment."""

    def __init__(self, stored: Iterable[Stored]) -> None:
        """Raises BrokenStore if two of them have one name."""
        folders = sorted(stored, key=lambda each: each.model.name)
        self.stored: Mapping[str, Stored] = {each.model.name: each for each in folders}
        self.models: Mapping[str, Model] = {each.model.name: each.model for each in folders}
        styles: dict[str, Style] = {}
        for style in (style for each in folders for style in each.styles.values()):
            taken = style.rows is not None and style.name in self.models
            if taken or style.name in styles:
                raise BrokenStore(
                    f"{style.model.file.parent}: the style {style.name!r} has the name of another "
                    "style or model"
                )
            styles[style.name] = style
        self.styles: Mapping[str, Style] = dict(sorted(styles.items()))

    @property
    def listed(self) -> Mapping[str, Style | Model]:
        """What clients ask for by name: styles and upscalers, in order of their names."""
        listed: dict[str, Style | Model] = dict(self.styles)
        listed |= {n: m for n, m in self.models.items() if isinstance(m.card, UpscaleCard)}
        return {name: listed[name] for name in sorted(listed)}

    def get(self, name: str) -> Model:
        """The network of this name; raises UnknownModel naming those there are."""
        return _named(name, self.models, "model")

    def style(self, name: str) -> Style:
        """The style of this name; raises UnknownModel naming those there are."""
        return _named(name, self.styles, "style")

    def style_or_upscaler(self, name: str) -> Style | Model:
        """What is listed by this name; raises UnknownModel naming all that is."""
        return _named(name, self.listed, "model")

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
    return Catalog(Stored(model, read_styles(model)) for model in models)


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
    with _broken(card):
        model = Model(
            name=folder.name,
            version=version,
            precision=precision,
            file=file,
            digest=hashlib.sha256(file.read_bytes()).hexdigest(),
            card=MODEL_CARD.validate_json(card.read_bytes()),
            preview=preview if preview.is_file() else None,
        )
        model.golden.stat()
    return model


def read_styles(model: Model) -> Mapping[str, Style]:
    """The styles that a network paints in, by name. Raises BrokenStore if one lacks anything."""
    if isinstance(model.card, StyleCard):
        return {model.name: Style(model.name, model, model.card, model.preview)}
    if not isinstance(model.card, PainterCard):
        return {}
    folder = model.file.parent / "styles"
    with _broken(folder):
        entries = sorted(filter(_is_shown, folder.iterdir())) if folder.is_dir() else []
    styles = (_read_style(model, entry) for entry in entries)
    return {style.name: style for style in styles}


def _read_style(model: Model, folder: Path) -> Style:
    card, preview, numbers = folder / "card.json", folder / "preview.jpg", folder / "rows.npz"
    with _broken(card):
        described = StyleCard.model_validate_json(card.read_bytes())
    with _broken(numbers):
        read = rows.read(numbers)
    return Style(folder.name, model, described, preview if preview.is_file() else None, read)


@contextmanager
def _broken(file: Path) -> Iterator[None]:
    """Raises BrokenStore in place of what is raised where a file is missing, or this one broken."""
    try:
        yield
    except OSError as error:
        raise BrokenStore(f"{error.filename or file}: {error.strerror or error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise BrokenStore(f"{file}: {first['loc']}: {first['msg']}") from error
    except ValueError as error:
        raise BrokenStore(f"{file}: {error}") from error


def _named(name: str, known: Mapping[str, T], what: str) -> T:
    if name not in known:
        listed = ", ".join(known) or "none"
        raise UnknownModel(f"There is no {what} {name!r}; there are: {listed}.")
    return known[name]


def _is_shown(folder: Path) -> bool:
    return not folder.name.startswith(".") and folder.is_dir()


def _versions(folder: Path) -> dict[int, Path]:
    if not _is_shown(folder):
        return {}
    return {int(entry.name): entry for entry in folder.iterdir() if entry.name.isdecimal()}
