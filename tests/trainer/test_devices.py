"""Which device a run computes on."""

import pytest
import torch

from trainer import devices
from trainer.errors import TrainerError


def test_auto_is_a_gpu_only_where_there_is_one() -> None:
    kind = "cuda" if torch.cuda.is_available() else "cpu"
    assert devices.chosen("auto").type == kind
    assert devices.chosen("cpu") == torch.device("cpu")


def test_each_process_of_torchrun_takes_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert devices.chosen("auto") == torch.device("cuda:0")
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert devices.chosen("cuda") == torch.device("cuda:3")
    assert devices.chosen("cuda:1") == torch.device("cuda:1")


def test_a_missing_device_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TrainerError, match="--device abacus: no such kind of device"):
        devices.chosen("abacus")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainerError, match="--device cuda:0: PyTorch finds no GPU"):
        devices.chosen("cuda")
