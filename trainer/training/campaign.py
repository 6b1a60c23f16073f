"""A long training that goes on on another machine: what is kept of a run beside the code.

Two files in ``trainer/weights``: the weights, as of any trained model, and the second moments of
Adam's gradients in bfloat16, which took a thousand steps to gather. The first moments come back
within ten steps and are left out.
"""

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialize

from trainer import atomic, weights_file
from trainer.errors import TrainerError
from trainer.training.checkpoint import Progress, Run, new_run
from trainer.weights_file import TrainedModel


def keep(run: Run, model: TrainedModel, folder: Path, name: str) -> None:
    """Write the two files of a run; ``model`` is its network as it is now."""
    weights_file.save(_weights(folder, name), model)
    moments = {
        key: run.optimizer.state[parameter]["exp_avg_sq"].detach().cpu().bfloat16().contiguous()
        for key, parameter in run.network.named_parameters()
        if run.optimizer.state[parameter]  # else no stage has trained it yet
    }
    atomic.write(_moments(folder, name), serialize(moments, {"step": str(run.progress.step)}))


def restore(folder: Path, name: str, device: torch.device) -> Run:
    """The run that ``keep`` left; raises TrainerError if there is none."""
    model = weights_file.load(_weights(folder, name))
    run = new_run(model.recipe, device)
    run.network.load_state_dict(model.network.state_dict())
    training = model.training
    run.progress = Progress(
        training.steps,
        training.images,
        training.seconds,
        dict(training.losses),
        init_from=training.init_from,
    )
    file = _moments(folder, name)
    try:
        with safe_open(file, "pt") as stored:
            remembered = set(stored.keys())
            for key, parameter in run.network.named_parameters():
                if key not in remembered:
                    continue  # no stage has trained it yet
                run.optimizer.state[parameter] = {
                    "step": torch.tensor(float(training.steps)),
                    "exp_avg": torch.zeros_like(parameter),
                    "exp_avg_sq": stored.get_tensor(key).to(parameter),
                }
    except (FileNotFoundError, SafetensorError) as error:
        raise TrainerError(f"{file}: cannot be read as a run's moments ({error})") from error
    return run


def kept(folder: Path, name: str) -> bool:
    """Whether there is a run of this name to go on with."""
    return _moments(folder, name).exists()


def _weights(folder: Path, name: str) -> Path:
    return folder / f"{name}.safetensors"


def _moments(folder: Path, name: str) -> Path:
    return folder / f"{name}.moments.safetensors"
