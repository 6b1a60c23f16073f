"""Files of trained weights: safetensors with the recipe and the training's record as metadata."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialize

from trainer import atomic
from trainer.errors import TrainerError
from trainer.networks.painter import Painter
from trainer.networks.style import StyleNet
from trainer.networks.upscale import PaperUpscaleNet, UpscaleNet
from trainer.recipe import Recipe, from_json

Network = StyleNet | Painter | UpscaleNet | PaperUpscaleNet


class Training(BaseModel):
    """The record of a training run: when, where, how long, and its last losses."""

    model_config = ConfigDict(frozen=True)

    created: str
    """When training ended, ISO 8601, UTC."""
    device: str
    steps: int
    images: int
    seconds: float
    """Time spent in steps, over all resumptions."""
    losses: dict[str, float]
    """Averages of the weighted losses over about the last hundred steps, by name."""
    init_from: str | None = None
    """The model that a warm start took its weights from."""


@dataclass(frozen=True)
class TrainedModel:
    """A trained network with the recipe and the record of its training."""

    network: Network
    recipe: Recipe
    training: Training


Trained = Callable[[str], TrainedModel]
"""Finds a model by name; raises TrainerError if there is none."""


def save(file: Path, model: TrainedModel) -> None:
    """Write atomically: a reader sees the old file or the new one."""
    tensors = {
        name: t.detach().cpu().contiguous() for name, t in model.network.state_dict().items()
    }
    metadata = {
        "recipe": model.recipe.model_dump_json(),
        "training": model.training.model_dump_json(),
    }
    atomic.write(file, serialize(tensors, metadata))


def load(file: Path) -> TrainedModel:
    """The model that ``save`` wrote, in evaluation mode.

    Raises TrainerError if ``file`` is missing or of another kind.
    """
    try:
        with safe_open(file, "pt") as stored:
            metadata = stored.metadata() or {}
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        recipe = from_json(metadata["recipe"])
        training = Training.model_validate_json(metadata["training"])
        network = recipe.build()
        network.load_state_dict(tensors)
    except FileNotFoundError:
        raise TrainerError(f"{file}: no such file") from None
    except (SafetensorError, KeyError, ValidationError, RuntimeError) as error:
        raise TrainerError(f"{file}: not weights of this trainer ({error})") from error
    return TrainedModel(network.eval(), recipe, training)
