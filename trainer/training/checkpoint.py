"""Checkpoints: the state of a run on disk, from which a killed run resumes bit for bit."""

import io
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from trainer import atomic
from trainer.errors import TrainerError
from trainer.networks.painter import Painter
from trainer.recipe import Recipe, from_json
from trainer.weights_file import Network, TrainedModel

NAME = "checkpoint.pt"


@dataclass
class Progress:
    """How far a run is. Batches and learning rate follow from ``step``, so no RNG state is kept."""

    step: int = 0
    """Steps done."""
    images: int = 0
    """Images seen, by all processes."""
    seconds: float = 0.0
    """Time spent in steps, over all resumptions."""
    losses: dict[str, float] = field(default_factory=dict)
    """Exponential averages of the weighted losses over about the last hundred steps, by name."""
    unreadable: list[str] = field(default_factory=list)
    """Photographs that could not be decoded and were skipped."""
    init_from: str | None = None
    """The model that a warm start took its weights from."""


@dataclass
class Run:
    """The state of training: the recipe, and what training changes."""

    recipe: Recipe
    network: Network
    optimizer: torch.optim.Optimizer
    progress: Progress

    def warm_start(self, source: TrainedModel, name: str) -> None:
        """Warm start: take the weights of another model, called ``name``, in place of random ones.

        Raises TrainerError if it has another architecture; an upscaler's factor may differ.
        """
        own, theirs = self.network.state_dict(), source.network.state_dict()
        bodies = [of.network.model_dump(exclude={"factor"}) for of in (self.recipe, source.recipe)]
        if bodies[0] != bodies[1] or own.keys() != theirs.keys():
            raise TrainerError(f"{name}: has another architecture than this recipe")
        # An upscaler's tail has as many channels as its factor asks for; the rest fits any factor.
        fitting = {key: t for key, t in theirs.items() if t.shape == own[key].shape}
        self.network.load_state_dict(own | fitting)
        self.progress.init_from = f"{name} ({source.recipe.digest[:12]})"

    def fit_to(self, source: TrainedModel, name: str) -> None:
        """Take the body of a trained Painter, called ``name``, to fit rows to.

        Raises TrainerError if it is none, or of another width.
        """
        if not isinstance(self.network, Painter) or not isinstance(source.network, Painter):
            raise TrainerError(f"{name}: not a Painter")
        try:
            self.network.begin_from(source.network)
        except RuntimeError as error:
            raise TrainerError(f"{name}: has another architecture than this recipe") from error
        self.progress.init_from = f"{name} ({source.recipe.digest[:12]})"

    def follow(self, recipe: Recipe) -> None:
        """Go on by a changed recipe, of the same parameters: other weights, a longer schedule."""
        shapes = [
            {key: tensor.shape for key, tensor in network.state_dict().items()}
            for network in (self.network, recipe.build())
        ]
        if shapes[0] != shapes[1]:
            raise TrainerError("the recipe has changed to another network or gallery since")
        self.recipe = recipe

    def save(self, folder: Path) -> None:
        """Replace the folder's checkpoint atomically; it survives a power cut once this returns."""
        state = {
            "recipe": self.recipe.model_dump_json(),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "progress": asdict(self.progress),
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        atomic.write(folder / NAME, buffer.getvalue())


def new_run(recipe: Recipe, device: torch.device) -> Run:
    """A run before its first step, initialised from the recipe's seed."""
    torch.manual_seed(recipe.schedule.seed)
    network = recipe.build()
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return Run(recipe, network, torch.optim.Adam(trained), Progress())


def restore(folder: Path, device: torch.device) -> Run:
    """The run that ``Run.save`` left in ``folder``; raises TrainerError if there is none."""
    file = folder / NAME
    try:
        state = torch.load(file, map_location=device, weights_only=True)
        run = new_run(from_json(state["recipe"]), device)
        run.network.load_state_dict(state["network"])
        run.optimizer.load_state_dict(state["optimizer"])
        run.progress = Progress(**state["progress"])
    except FileNotFoundError:
        raise TrainerError(
            f"{file}: no checkpoint to resume from; start without --resume"
        ) from None
    except Exception as error:  # PyTorch raises nearly anything for a broken file
        raise TrainerError(f"{file}: cannot be read as a checkpoint ({error})") from error
    return run
