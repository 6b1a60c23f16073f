"""A Painter in the model store: one network, and beside it each style as its rows.

    painter/config.pbtxt
    painter/1/model.onnx, card.json and so on, as of any model
    painter/1/styles/wave/rows.npz     float32 [strokes, D], the smallest strokes first
                          card.json
                          preview.jpg

A Painter of one painting, whose rows were fitted to another's body, adds a style to that one.
"""

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from trainer import atomic
from trainer.errors import TrainerError
from trainer.export import calibration, golden, precisions, store
from trainer.export.graphs import to_onnx
from trainer.images.photographs import pixels_of, read_rgb
from trainer.networks.painter import Painter
from trainer.networks.served_painter import ServedPainter
from trainer.painter_recipe import PainterRecipe, PaintingRecipe
from trainer.weights_file import TrainedModel

NAME = "painter"
"""Of the network in the store."""
GOLDEN_ROWS = 4
"""Rows that the golden output shows, from all over the table."""


def export(model: TrainedModel, folder: Path, *, version: int = 1, photograph: Path | None) -> str:
    """Write the network and all its styles into the store; returns the ONNX file's SHA-256, hex.

    They appear at once, in place of what the version held before. ``photograph`` is painted for the
    previews; without one, each painting itself is. The network is written in float16 and in 8-bit
    integers too, unless that changes pictures too much.

    Raises TrainerError, and leaves the store as it was, if ONNX Runtime differs from PyTorch by
    more than one level of 255.
    """
    painter = _painter(model)
    served, card = ServedPainter(painter.body).eval(), _network_card(model)
    serialized = to_onnx(served, card).SerializeToString(deterministic=True)
    files = {"model.onnx": serialized, "card.json": _json(card)}
    for name, styled in _styles(model, serialized, photograph):
        files |= {f"styles/{name}/{file}": content for file, content in styled.items()}
    rows = painter.rows.detach().numpy()
    given = golden.inputs(served.sample_inputs, rows[:: max(1, len(rows) // GOLDEN_ROWS)])
    examples = calibration.examples(rows)
    files |= {
        "model.golden.npz": golden.pair(serialized, given),
        **precisions.float16_files(served, card, given),
        **precisions.int8_files(served, serialized, card, given, examples),
    }
    configuration = store.configuration(NAME, served.sample_inputs)
    atomic.write(folder / NAME / "config.pbtxt", configuration.encode())
    atomic.write_folder(folder / NAME / str(version), files)
    return hashlib.sha256(serialized).hexdigest()


def add(
    model: TrainedModel,
    folder: Path,
    *,
    version: int = 1,
    photograph: Path | None,
    only: str | None = None,
) -> list[Path]:
    """Add the styles of a Painter whose body the store holds, or ``only`` one of them.

    Those of the same names are replaced. Returns the styles' folders. Raises TrainerError if the
    store holds another body or none.
    """
    place = folder / NAME / str(version)
    try:
        serialized = (place / "model.onnx").read_bytes()
        held = json.loads((place / "card.json").read_bytes()).get("body_digest")
    except OSError as error:
        raise TrainerError(
            f"{error.filename}: {error.strerror}; python -m trainer export --style {NAME} writes it"
        ) from error
    if held != _digest(_painter(model)):
        raise TrainerError(f"{place}: another network than the one that these rows are for")
    written = []
    for name, files in _styles(model, serialized, photograph, only):
        atomic.write_folder(place / "styles" / name, files)
        written.append(place / "styles" / name)
    return written


def _styles(
    model: TrainedModel, serialized: bytes, photograph: Path | None, only: str | None = None
) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Names of the styles, or of ``only`` one, and the files of each by name."""
    painter, recipe = _painter(model), model.recipe
    assert isinstance(recipe, PainterRecipe)
    served, session = ServedPainter(painter.body).eval(), store.session_of(serialized)
    every = painter.rows.detach().numpy().reshape(len(recipe.paintings), len(recipe.strokes), -1)
    for painting, rows in zip(recipe.paintings, every, strict=True):
        if only not in (None, painting.name):
            continue
        pixels = pixels_of(read_rgb(photograph or painting.file, store.PREVIEW_SHORT_SIDE))
        both = np.stack([pixels, pixels[:, ::-1]])
        painted = [store.checked(served, session, both, row)[0] for row in rows]
        preview, table = io.BytesIO(), io.BytesIO()
        Image.fromarray(painted[len(rows) // 2]).save(preview, "JPEG", quality=90)
        np.savez_compressed(table, rows=rows)
        card = _style_card(model, painting)
        yield (
            painting.name,
            {
                "rows.npz": table.getvalue(),
                "card.json": _json(card),
                "preview.jpg": preview.getvalue(),
            },
        )


def _network_card(model: TrainedModel) -> dict[str, Any]:
    recipe, training = model.recipe, model.training
    return {
        "kind": "painter",
        "title": recipe.title,
        "licence": recipe.licence,
        "created": training.created,
        "data": recipe.data,
        "body_digest": _digest(_painter(model)),
        "recipe": recipe.model_dump(mode="json", exclude_none=True),
        "recipe_digest": f"sha256:{recipe.digest}",
        "training": training.model_dump(mode="json", exclude={"created"}, exclude_none=True),
    }


def _style_card(model: TrainedModel, painting: PaintingRecipe) -> dict[str, Any]:
    recipe, training = model.recipe, model.training
    assert isinstance(recipe, PainterRecipe)
    return {
        "kind": "stylize",
        "title": painting.title,
        "painter": painting.painter,
        "year": painting.year,
        "short_sides": recipe.strokes,
        "licence": recipe.licence,
        "created": training.created,
        "data": recipe.data,
        "recipe_digest": f"sha256:{recipe.digest}",
        "training": training.model_dump(mode="json", exclude={"created"}, exclude_none=True),
    }


def _painter(model: TrainedModel) -> Painter:
    assert isinstance(model.network, Painter)
    return model.network


def _digest(painter: Painter) -> str:
    """SHA-256 of the body's weights, hex: rows are for one body."""
    digest = hashlib.sha256()
    for _, weight in sorted(painter.body.state_dict().items()):
        digest.update(weight.contiguous().numpy().tobytes())
    return f"sha256:{digest.hexdigest()}"


def _json(card: dict[str, Any]) -> bytes:
    return (json.dumps(card, indent=2) + "\n").encode()
