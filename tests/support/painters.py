"""Painters so small that training takes seconds."""

from pathlib import Path
from typing import Any

import torch

from trainer.networks.painter import Painter, PainterNet
from trainer.painter_recipe import PainterRecipe
from trainer.weights_file import TrainedModel, Training


def recipe(painting: Path, **schedule: Any) -> PainterRecipe:
    """Two paintings, both of this file, at two stroke sizes each."""
    planned = {
        "stages": [{"steps": 4, "crop": 64, "batch": 2}],
        "peak_learning_rate": 1e-3,
        "decay": 0.25,
        "drawing_steps": 1,
        "ramp_from": 0.25,
        "ramp_steps": 4,
    }
    described = {"title": "A painting", "painter": "Nobody", "year": "1900", "image": str(painting)}
    return PainterRecipe.model_validate(
        {
            "title": "A small gallery",
            "licence": "CC0-1.0",
            "data": "three photographs",
            "network": {"width": 4},
            "loss": {
                "drawing_weight": 20.0,
                "content_weight": 1.0,
                "style_weight": 1.0,
                "tv_weight": 1.0,
                "saturation_weight": 1.0,
                "lattice_weight": 0.01,
                "consistency_weight": 10.0,
            },
            "schedule": {**planned, **schedule},
            "fitting": planned,
            "strokes": [64, 96],
            "paintings": [{"name": "one", **described}, {"name": "other", **described}],
        }
    )


def lively(rows: int = 3, seed: int = 0) -> Painter:
    """Random weights and rows, whose output reaches over the whole range."""
    torch.manual_seed(seed)
    return enlivened(Painter(PainterNet(width=4), rows, strokes=1))


def enlivened(painter: Painter) -> Painter:
    """Other rows than plain ones, and an output that reaches over the whole range."""
    with torch.no_grad():
        painter.own.copy_(0.2 * torch.randn_like(painter.own))
        last = painter.body.to_rgb[1]
        assert isinstance(last, torch.nn.Conv2d)
        last.weight.mul_(20)  # a new network's outputs are near grey
        assert last.bias is not None
        last.bias.add_(0.01)
    return painter.eval()


def model(painting: Path, seed: int = 0) -> TrainedModel:
    """A lively Painter of the small recipe, as a trained model."""
    followed = recipe(painting)
    torch.manual_seed(seed)
    network = enlivened(followed.build())
    training = Training(created="", device="cpu", steps=1, images=1, seconds=1.0, losses={})
    return TrainedModel(network, followed, training)
